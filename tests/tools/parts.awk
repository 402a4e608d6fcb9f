# parts.awk - the parts of a C file in this repository's style: functions (the
# name begins a line, the body ends with a brace that does), structs, enums and
# tables. A part's size is its lines, without the comment above it.
#
#     awk -f parts.awk OLD NEW              what is the same, changed, new, gone
#     awk -v show=NAME -f parts.awk FILE    one function, with its comment
#
# color=1 colours the first.

function begin_file() {
    side++
    kind = comment = ""
    open = 0
}

# The part is complete: keep it under its name.
function keep(name) {
    if (show != "") {
        if (name == show) printf "%s%s", comment, text
    } else {
        order[side, ++count[side]] = name
        code[side, name] = text
        above[side, name] = comment
        size[side, name] = lines
        all[side] += lines
    }
    open = 0
    comment = type = ""
}

function add(line) {
    text = text line "\n"
    lines++
}

function start(what, line) {
    kind = what
    open = 1
    text = type
    lines = type != ""
    add(line)
}

# The name of a struct, enum or table, of which `text` has all lines.
function name_of(text,    word) {
    split(text, word, /[^A-Za-z0-9_]+/)
    if (text ~ /^enum \{/) return "enum " word[2]
    if (text ~ /^(struct|enum|union) [a-z_]+ \{/) return word[1] " " word[2]
    if (text ~ /\n\} [a-z_]+;\n$/) {
        sub(/;\n$/, "", text)
        sub(/.*\n\} /, "", text)
        return text
    }
    sub(/(\[[^\n]*\])? = \{.*/, "", text)
    sub(/.*[ *]/, "", text)
    return text
}

FNR == 1 { begin_file() }
FNR == NR { path[1] = FILENAME }
{ path[2] = FILENAME }

open && kind == "comment" {
    comment = comment $0 "\n"
    if (/\*\/$/) open = 0
    next
}
open {
    add($0)
    if (kind == "function" && /^[^{]*;$/ && text !~ /\n\{/) open = 0
    else if (/^\}/) keep(kind == "function" ? name : name_of(text))
    next
}
/^$/ { comment = type = ""; next }
/^\/\*/ {
    comment = $0 "\n"
    kind = "comment"
    open = !/\*\//
    next
}
/^[a-z_][A-Za-z0-9_]*\(/ {
    name = $0
    sub(/\(.*/, "", name)
    start("function", $0)
    next
}
/^(enum|struct|union) .*\{.*\};/ {
    start("table", $0)
    keep(name_of(text))
    next
}
/^[a-z].*\{$/ { type = ""; start("table", $0); next }
/^[a-z][a-z_ 0-9]*[ *]*$/ { type = $0 "\n"; next }
{ comment = type = "" }

# How many lines of new and of old are in the other one's order, too: the
# longest common subsequence.
function common(old, new,    a, b, n, m, i, j, up, left, best) {
    n = split(old, a, "\n") - 1
    m = split(new, b, "\n") - 1
    for (i = 1; i <= n; i++)
        for (j = 1; j <= m; j++) {
            up = best[i - 1, j]
            left = best[i, j - 1]
            if (a[i] == b[j]) best[i, j] = best[i - 1, j - 1] + 1
            else best[i, j] = up > left ? up : left
        }
    return best[n, m] + 0
}

function paint(number, word) {
    return color ? sprintf("\033[%dm%s\033[m", number, word) : word
}

function row(number, status, name, was, is,    same) {
    printf "  %s  %-22s", paint(number, sprintf("%-7s", status)), name
    if (was == "") printf "       %4d lines", is
    else if (is == "") printf "%4d lines", was
    else printf "%4d ->%4d lines", was, is
    if (was != "" && is != "") {
        same = common(code[1, name], code[2, name])
        printf "   %s %s", paint(32, "+" is - same), paint(31, "-" was - same)
    }
    printf "\n"
}

# The names in `list`, wrapped.
function wrapped(list,    word, n, i, at) {
    n = split(list, word, "\n") - 1
    for (i = 1; i <= n; i++) {
        at += length(word[i]) + 2
        if (i > 1) printf ","
        if (at > 68) {
            at = length(word[i]) + 2
            printf "\n          "
        }
        printf (i > 1 ? " %s" : "%s"), word[i]
    }
    printf "\n"
}

END {
    if (show != "") exit
    printf "%s -> %s\n", path[1], path[2]
    for (i = 1; i <= count[2]; i++) {
        name = order[2, i]
        if (!((1, name) in code) || code[1, name] != code[2, name]) continue
        star = above[1, name] == above[2, name] ? "" : "*"
        comments += star != ""
        same = same name star "\n"
    }
    if (same != "") {
        printf "  %s  ", paint(2, "same   ")
        wrapped(same)
    }
    if (comments) print "           (*: its comment differs)"
    for (i = 1; i <= count[2]; i++) {
        name = order[2, i]
        if (!((1, name) in code)) row(32, "new", name, "", size[2, name])
        else if (code[1, name] != code[2, name])
            row(33, "changed", name, size[1, name], size[2, name])
    }
    for (i = 1; i <= count[1]; i++) {
        name = order[1, i]
        if (!((2, name) in code)) row(31, "gone", name, size[1, name], "")
    }
}
