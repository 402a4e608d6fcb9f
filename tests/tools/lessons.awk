# lessons.awk - compare what a lesson shows with the files it is about.
#
#     awk -v report=FILE -v new=FILE [-v fix=1] -f lessons.awk README.md
#
# report: a line for each comparison: "ok"; "FAIL what"; with fix, where the
# right text is in new, "WRITTEN what". new: the text, mended.
# lessons, beside this file, says what is compared.

function ok() { print "ok" >report }
function fail(what) { print "FAIL " FILENAME what >report }

# It differs: write it anew, or say so.
function mend(what) {
    if (fix) print "WRITTEN " FILENAME what >report
    else fail(what)
    return fix != ""
}

# ---- Parts of a file --------------------------------------------------------

# The lines of a file into source[file, 1...]; how many there are, or -1.
function load(file,    n, line) {
    if (file in length_of) return length_of[file]
    n = 0
    while ((got = (getline line <file)) > 0) source[file, ++n] = line
    close(file)
    return length_of[file] = got < 0 ? -1 : n
}

function span(file, from, to,    text, k) {
    text = ""
    for (k = from; k <= to; k++) text = text source[file, k] "\n"
    return text
}

# Where the comment above a line begins; that line itself, if there is none.
function comment_of(file, line,    k) {
    if (source[file, line - 1] !~ /\*\/$/) return line
    for (k = line - 1; k > 1 && source[file, k] !~ /^ *\/\*/;) k--
    return k
}

# Find a function, struct, enum or make variable: sets first and last.
function find(file, name,    k, n, at) {
    n = load(file)
    for (k = 1; k <= n; k++) {
        if (source[file, k] == name " {") {
            first = last = k
            while (last < n && source[file, last] !~ /^}/) last++
            return 1
        }
        if (index(source[file, k], name " = ") == 1) {
            first = last = k
            while (source[file, last] ~ /\\$/) last++
            return 1
        }
        if (index(source[file, k], name "(") == 1) {
            at = k
            while (at < n && source[file, at] !~ /^\{$|;$/) at++
            if (source[file, at] != "{") continue # a declaration
            first = k - 1
            for (last = at; last < n && source[file, last] != "}";) last++
            return 1
        }
    }
    return 0
}

# The parts that a label such as "`a` and `b`" names, with their comments or
# without. "": one of them is not in the file.
function parts(file, names, with,    word, n, k, text) {
    n = split(names, word, "`")
    text = ""
    for (k = 2; k <= n; k += 2) {
        if (!find(file, word[k])) return ""
        if (with) first = comment_of(file, first)
        text = text (text == "" ? "" : "\n") span(file, first, last)
    }
    return text
}

function top_comment(file,    k) {
    for (k = 1; k < load(file) && source[file, k] !~ /\*\/$/;) k++
    return span(file, 1, k)
}

# ---- What is compared -------------------------------------------------------

# An excerpt, with its label's file and words: the right text.
function excerpt(at, file, words, text,    plain, full, all) {
    if (file !~ /\//) file = chapter "/" file
    if (load(file) < 0) {
        fail(":" at ": no file " file)
        return text
    }
    if (words ~ /^in /) {
        all = "\n" span(file, 1, load(file))
        if (index(all, "\n" text)) ok()
        else fail(":" at ": " file " does not say this (any more); its label" \
            " says \"in\", so mend it by hand")
        return text
    }
    if (words == "the comment at its top") {
        full = plain = top_comment(file)
    } else {
        full = parts(file, words, 1)
        plain = parts(file, words, 0)
    }
    if (full == "") {
        fail(":" at ": no " words " in " file)
        return text
    }
    if (text == full || text == plain) {
        ok()
        return text
    }
    if (!mend(":" at ": " words " of " file)) return text
    return text ~ /^\/\*/ ? full : plain
}

function quoted(word) {
    gsub("\047", "\047\\\047\047", word)
    return "\047" word "\047"
}

# A diff of the two files that its first lines name.
function whole_diff(at, text,    line, from, to, right, command, n) {
    split(text, line, "\n")
    from = substr(line[1], 5)
    to = substr(line[2], 5)
    if (load(from) < 0 || load(to) < 0) {
        fail(":" at ": a diff of files that are not there")
        return text
    }
    right = line[1] "\n" line[2] "\n"
    command = "diff -u " quoted(from) " " quoted(to)
    n = 0
    while ((command | getline line[0]) > 0)
        if (++n > 2) right = right line[0] "\n"
    close(command)
    if (right == text) ok()
    else if (mend(":" at ": the diff of " from " and " to)) return right
    return text
}

# Lines that differ from run to run are made alike: descriptors are numbers, and
# the real system calls, behind a bar, are there only with strace.
function alike(one) {
    if (one ~ /^ *[|] /) return ""
    gsub(/[0-9]+/, "N", one)
    return one "\n"
}

# What a command prints, made alike.
function output_of(command,    one, all) {
    all = "\n"
    while ((command | getline one) > 0) all = all alike(one)
    close(command)
    return all
}

# A part of what a command prints, which may be "not here: why". On a busy
# machine two things may happen in another order: three tries.
function output_part(at, command, text,    one, n, k, part, all) {
    n = split(text, one, "\n")
    part = "\n"
    for (k = 1; k < n; k++) part = part alike(one[k])
    for (k = 1; k <= 3; k++) {
        all = output_of(command)
        if (index(all, part)) {
            ok()
            return
        }
        if (all ~ /^\nnot here/) {
            print "SKIP not here: " FILENAME ":" at ": " command >report
            return
        }
    }
    fail(":" at ": this is not what comes from: " command " (mend it by hand)")
}

# A number of the results as a reader wants it: "" is not measured.
function shown(value, how) {
    return value == "" ? "-" : sprintf(how, value)
}

# The rows of cost.csv for the stages in a marker, as a table.
function cost_table(stages,    file, row, n, k, j, field, machine, table) {
    file = "tests/results/cost.csv"
    n = load(file)
    for (k = 1; k <= n; k++)
        if (match(source[file, k], /^# (machine|kernel|date): /))
            machine = machine (machine == "" ? "" : "; ") \
                substr(source[file, k], RLENGTH + 1)
    table = "| server | calls per echo: 1 client | 64 | 900 | idle CPU |" \
        " KiB per client |\n|---|---|---|---|---|---|\n"
    split(stages, row, " ")
    for (j = 1; j in row; j++)
        for (k = 1; k <= n; k++) {
            if (split(source[file, k], field, ",") < 6) continue
            if (field[1] != row[j]) continue
            table = table "| " field[1] " | " shown(field[2], "%.2f") " | " \
                shown(field[3], "%.2f") " | " shown(field[4], "%.2f") " | " \
                shown(field[5], "%.1f %%") " | " (field[6] == "" ? "-" : \
                sprintf("%.1f", field[6] / 1024)) " |\n"
        }
    return table "\n(" machine ")\n"
}

# ---- Numbers ----------------------------------------------------------------

# A regular expression for these words, wherever the lines break.
function words_re(text,    re, k, c) {
    re = ""
    for (k = 1; k <= length(text); k++) {
        c = substr(text, k, 1)
        if (c == " ") c = "[ \n]+"
        else if (c !~ /[A-Za-z0-9\n]/) c = c ~ /[\\^]/ ? "\\" c : "[" c "]"
        re = re c
    }
    return re
}

# The first word that a command prints. It can say count for tests/tools/count.
function output(command,    line, shell) {
    if (!(command in printed)) {
        line = ""
        shell = "count() { sh tests/tools/count \"$@\"; }; " command
        shell | getline line
        close(shell)
        sub(/^[ \t]*/, "", line)
        sub(/[ \t].*/, "", line)
        printed[command] = line
    }
    return printed[command]
}

function bare(number) {
    gsub(",", "", number)
    return number
}

# 12345 as 12,345.
function grouped(number) {
    while (match(number, /^[0-9]+/) && RLENGTH > 3)
        number = substr(number, 1, RLENGTH - 3) "," \
            substr(number, RLENGTH - 2)
    return number
}

# "words with # for the number <- command": wherever these words are in text.
function count_one(line,    at, words, before, after, want, found, seen, out) {
    at = index(line, " <- ")
    words = substr(line, 1, at - 1)
    want = output(substr(line, at + 4))
    if (want == "not") { # "not here: why"
        print "SKIP not here: " FILENAME ", \"" words "\"" >report
        return
    }
    if (!at || words !~ /#/ || want !~ /^[0-9]/) {
        fail(": \"" line "\": no number comes")
        return
    }
    before = words_re(substr(words, 1, index(words, "#") - 1))
    after = words_re(substr(words, index(words, "#") + 1))
    out = ""
    seen = 0
    while (match(text, before "[0-9]+([.,][0-9]+)*" after)) {
        seen++
        found = substr(text, RSTART, RLENGTH)
        out = out substr(text, 1, RSTART - 1)
        text = substr(text, RSTART + RLENGTH)
        out = out put(found, before, want, words)
    }
    text = out text
    if (!seen) fail(": \"" words "\" is not in the text (any more)")
}

# The words that were found, with the number that is right.
function put(found, before, want, words,    head, tail, number) {
    head = ""
    tail = found
    if (before != "" && match(tail, "^" before)) {
        head = substr(tail, 1, RLENGTH)
        tail = substr(tail, RLENGTH + 1)
    }
    match(tail, /^[0-9]+([.,][0-9]+)*/)
    number = substr(tail, 1, RLENGTH)
    tail = substr(tail, RLENGTH + 1)
    if (bare(number) == want) {
        ok()
    } else if (mend(": \"" words "\": " number ", and it is " want)) {
        number = number ~ /,/ || length(want) > 4 ? grouped(want) : want
    }
    return head number tail
}

# ---- The lesson -------------------------------------------------------------

{ line[NR] = $0 }

# Each block of the lesson, in turn, into text; the list of numbers into list.
END {
    chapter = FILENAME
    if (!sub(/\/[^\/]*$/, "", chapter)) chapter = "."
    text = list = ""
    label = -9
    for (i = 1; i <= NR; i++) {
        text = text line[i] "\n"
        if (line[i] ~ /^`[^`]*`, .*:$/) {
            label = i
            split(line[i], word, "`")
            words = substr(line[i], length(word[2]) + 5)
            sub(/:$/, "", words)
        } else if (line[i] ~ /^<!-- part of: .* -->$/) {
            label = i
            words = line[i]
            sub(/^<!-- part of: /, "", words)
            sub(/ -->$/, "", words)
        } else if (line[i] ~ /^```/) {
            fence = i
            body = ""
            for (i++; i <= NR && line[i] !~ /^```$/; i++) body = body line[i] "\n"
            if (fence - label == 1)
                output_part(fence, words, body)
            else if (fence - label == 2)
                body = excerpt(fence, word[2], words, body)
            else if (line[fence] == "```c")
                fail(":" fence ": an excerpt without a label")
            else if (body ~ /^--- [^\n]*\n\+\+\+ /)
                body = whole_diff(fence, body)
            text = text body line[i] "\n"
        } else if (line[i] ~ /^<!-- cost: .* -->$/) {
            fence = i
            body = ""
            for (i++; i <= NR && line[i] ~ /^([|(]|$)/; i++) body = body line[i] "\n"
            i--
            words = line[fence]
            sub(/^<!-- cost: /, "", words)
            sub(/ -->$/, "", words)
            right = "\n" cost_table(words) "\n"
            if (right == body) ok()
            else if (mend(":" fence ": the table of " words)) body = right
            text = text body
        } else if (line[i] ~ /^<!-- counted:/) {
            for (i++; i <= NR && line[i] !~ /^-->/; i++)
                list = list line[i] "\n"
            tail = line[i] "\n"
            for (i++; i <= NR; i++) tail = tail line[i] "\n"
        }
    }
    right = list
    gsub(/\\\n */, "", right) # a line that goes on in the next one
    n = split(right, counted, "\n")
    for (i = 1; i < n; i++) count_one(counted[i])
    printf "%s", text (list == "" ? "" : list tail) >new
    printf "" >report
}
