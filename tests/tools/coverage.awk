# coverage.awk - tests/coverage.txt, then what gcov -t wrote: the tables of
# tests/tools/coverage. Variables: tree, goal, goal_server.

# The same file in several chapters is one; all but these are the same bytes.
function name_of(path, parts, n) {
    sub(tree, "", path)
    if (path !~ /^0/) return ""
    n = split(path, parts, "/")
    return parts[n] == "server.c" ? parts[1] "/server.c" : parts[n]
}

function trim(text) {
    gsub(/^[ \t]+|[ \t]+$/, "", text)
    return text
}

function is_shared(name) {
    return name !~ /server\.c$|^copy\.c$|^net\.c$/ || name ~ /^06/
}

FNR == 1 { reasons = FILENAME ~ /coverage\.txt$/ }

# "# why", then lines "FILE: TEXT" for which that holds.
reasons && /^#/ {
    if (!again) why = ""
    again = 1
    why = why trim(substr($0, 2)) " "
    next
}
reasons {
    again = 0
    if (NF == 0) next
    split_at = index($0, ": ")
    place = substr($0, 1, split_at - 1) SUBSEP trim(substr($0, split_at + 2))
    reason[place] = why
    next
}

# "COUNT: NUMBER:TEXT"; number 0 is about the file.
/^ *-: *0:Source:/ {
    file = $0
    sub(/^ *-: *0:Source:/, "", file)
    file = name_of(file)
    next
}
file == "" || !/^ *[0-9#=-][^:]*: *[0-9]+:/ { next }
{
    count = $0
    sub(/:.*/, "", count)
    text = substr($0, length(count) + 2)
    number = text + 0
    sub(/^ *[0-9]+:/, "", text)
    text = trim(text)
    there[file, text] = 1
    # A brace alone is no statement, whatever the compiler has put there.
    if (number == 0 || count ~ /-/ || text ~ /^[{}]+$/) next
    if (!((file, number) in line)) {
        line[file, number] = text
        lines[file]++
        if (last[file] < number) last[file] = number
    }
    if (count !~ /[#=]/ && !((file, number) in ran)) {
        ran[file, number] = 1
        reached[file]++
    }
}

function sorted(names, n, name, i, swap) {
    n = 0
    for (name in lines) {
        names[++n] = name
        for (i = n; i > 1 && names[i] < names[i - 1]; i--) {
            swap = names[i]
            names[i] = names[i - 1]
            names[i - 1] = swap
        }
    }
    return n
}

function verdict(good) {
    if (good) passed++
    else failed++
    return good ? "    " : "FAIL"
}

END {
    n = sorted(names)
    for (i = 1; i <= n; i++) {
        f = names[i]
        percent = 100 * reached[f] / lines[f]
        mine = is_shared(f) ? goal : goal_server
        printf "%s %5.1f %%  %3d of %3d lines  %s\n", verdict(percent >= mine),
            percent, reached[f], lines[f], f
    }
    print ""
    for (i = 1; i <= n; i++)
        for (k = 1; k <= last[names[i]]; k++) {
            f = names[i]
            if (!((f, k) in line) || (f, k) in ran) continue
            known = (f SUBSEP line[f, k]) in reason
            printf "%s %s:%d: %s\n", verdict(known), f, k, line[f, k]
            print "         " (known ? reason[f, line[f, k]] \
                : "did not run; tests/coverage.txt does not say why")
        }
    for (place in reason) {
        split(place, part, SUBSEP)
        if (!(part[1] in lines) || place in there) continue
        printf "%s tests/coverage.txt: no such line: %s: %s\n", verdict(0),
            part[1], part[2]
    }
    if (n == 0) failed++
    printf "\n%d passed, %d failed\n", passed, failed
    exit failed > 0
}
