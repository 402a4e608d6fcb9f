# candidates.awk: all small mistakes that the rules make of the C files named,
# one a line, with tabs between:
#
#   file  function  which  line  rule  before  after
#
# "which" counts equal mistakes within one function. The order is the draw: of
# each file the same share is among the first N, whatever N is. The place of a
# mistake follows from its own text and the seed (-v seed=1), not from its line:
# when a file changes a little, the draw changes a little.
#
# A line is looked at through a mask, without comments and strings. No assert is
# dropped: it says what is always so, and no test can tell that it is gone.

function masked(s,    out, i, c, quote) {
    for (i = 1; i <= length(s); i++) {
        c = substr(s, i, 1)
        if (comment) {
            if (substr(s, i, 2) == "*/") { comment = 0; out = out " "; i++ }
            out = out " "
        } else if (quote != "") {
            if (c == "\\") { i++; out = out " " }
            else if (c == quote) quote = ""
            out = out "_"
        } else if (substr(s, i, 2) == "/*") {
            comment = 1; i++; out = out "  "
        } else if (substr(s, i, 2) == "//") {
            return out
        } else {
            if (c == "\"" || c == "\047") { quote = c; c = "_" }
            out = out c
        }
    }
    return out
}

# Where the parenthesis that opens at i is closed; 0: not on this line.
function closing(s, i,    depth) {
    for (; i <= length(s); i++) {
        if (substr(s, i, 1) == "(") depth++
        if (substr(s, i, 1) == ")" && --depth == 0) return i
    }
    return 0
}

function mutant(rule, from, len, new,    after, text) {
    after = substr(line, 1, from - 1) new substr(line, from + len)
    text = FILENAME "\t" part "\t" line "\t" after
    list[++count] = FILENAME "\t" part "\t" ++seen[text] "\t" FNR "\t" rule \
        "\t" line "\t" after
    drawn[count] = chance(text "\t" seen[text])
    file[count] = FILENAME
    if (of_file[FILENAME]++ == 0) first[FILENAME] = count
}

# Each place of an operator in the mask.
function swap(rule, old, new,    at, from) {
    for (from = 1; (at = index(substr(mask, from), old)) > 0; ) {
        from += at - 1
        mutant(rule, from, length(old), new)
        from += length(old)
    }
}

# Each place of a whole word in the mask.
function word(rule, old, new,    i, len) {
    len = length(old)
    for (i = 1; i <= length(mask) - len; i++)
        if (substr(mask, i, len) == old &&
            substr(" " mask, i, 1) !~ /[A-Za-z0-9_.]/ &&
            substr(mask, i + len, 1) !~ /[A-Za-z0-9_.]/)
            mutant(rule, i, len, new)
}

function conditions(    from, at, end) {
    for (from = 1; match(substr(mask, from), /(if|while) \(/); ) {
        at = from + RSTART + RLENGTH - 2
        end = closing(mask, at)
        if (end > 0) mutant("negated condition", at, end - at + 1,
            "(!" substr(line, at, end - at + 1) ")")
        from = at
    }
}

function calls(    at, open, rest) {
    at = match(mask, /[^ ]/)
    if (match(mask, /^ *(else )?if \(/)) {
        at = closing(mask, RLENGTH) + 1
        if (at == 1) return
    } else if (match(mask, /^ *else /)) at = RLENGTH
    while (substr(mask, at, 1) == " ") at++
    rest = substr(mask, at)
    if (!match(rest, /^(\(void\)!?)?[A-Za-z_][A-Za-z0-9_]*\(/)) return
    if (rest ~ /^assert\(/) return
    open = at + RLENGTH - 1
    if (substr(mask, closing(mask, open) + 1) ~ /^; *$/)
        mutant("dropped call", at, length(line), "; // " substr(line, at))
}

function returns(    at, value) {
    if (!match(mask, /return [^;]*;/)) return
    at = RSTART + 7
    value = substr(mask, at, RLENGTH - 8)
    if (value != "NULL" && value != "true" && value != "false")
        mutant("return value", at, length(value), value == "0" ? "-1" : "0")
}

# A number that follows from a text and the seed. No product passes 2^53.
function chance(text,    i, h) {
    h = seed + 1
    for (i = 1; i <= length(text); i++)
        h = (h * 48271 + code[substr(text, i, 1)] + 1) % 2147483647
    for (i = 0; i < 5; i++) h = (h * 16807 + 1) % 2147483647
    return h
}

BEGIN { for (i = 1; i < 256; i++) code[sprintf("%c", i)] = i }
FNR == 1 { comment = directive = 0; part = "-" }
# The house's style has a function's name at the start of a line.
match($0, /^[A-Za-z_][A-Za-z0-9_]*\(/) { part = substr($0, 1, RLENGTH - 1) }
{
    line = $0
    mask = masked(line)
    was = directive
    directive = (was || mask ~ /^ *#/) && mask ~ /\\$/
    if (was || mask ~ /^ *#/) next
    conditions()
    calls()
    swap("off by one", " < ", " <= ")
    swap("off by one", " <= ", " < ")
    swap("off by one", " > ", " >= ")
    swap("off by one", " >= ", " > ")
    if (mask !~ / [+-] 1[0-9A-Za-z_.]/) {
        swap("off by one", " + 1", "")
        swap("off by one", " - 1", "")
    }
    swap("and, or", " && ", " || ")
    swap("and, or", " || ", " && ")
    swap("equal", " == ", " != ")
    swap("equal", " != ", " == ")
    returns()
    word("constant", "0", "1")
    word("constant", "1", "0")
    word("constant", "true", "false")
    word("constant", "false", "true")
}
/^}/ { part = "-" }

# Of each file's n mistakes the one that chance puts at place k stands at
# (k - 0.5) / n of the whole list: so each file has its share everywhere.
END {
    draw = "sort -t \"\t\" -k 1,1n -k 2,2 | cut -f 2-"
    for (i = 1; i <= count; i++) {
        before = 0
        for (j = first[file[i]]; file[j] == file[i]; j++)
            before += drawn[j] < drawn[i] || (drawn[j] == drawn[i] && j < i)
        printf "%.9f\t%s\n", (before + 0.5) / of_file[file[i]], list[i] | draw
    }
}
