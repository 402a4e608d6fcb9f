# trace.awk - the log of a traced server (trace.h) as a timeline. First file:
# "ADDRESS function file line" for each address; second: the log, or with
# real=yes what strace wrote, where the log's lines are writes to descriptor 9.
# width: of the left column; directory: the chapter's.

function spaces(n) {
    return sprintf("%" n "s", "")
}

# A line of strace without what is noise here.
function shorter(s,    start, rest, end) {
    gsub(/0x[0-9a-f]+/, "buf", s)
    gsub(/, data=\{u32=[0-9]+, u64=[0-9]+\}/, "", s)
    gsub(/IORING_ENTER_|EPOLL_CTL_|EPOLL|events=/, "", s)
    gsub(/"\\n\\0.*", \[/, "..., [", s)
    gsub(/ \([A-Z][A-Za-z_ ]*\)$/, "", s)
    sub(/, \[\], 8\)/, ", 8)", s)
    sub(/\) += /, ") = ", s)
    start = index(s, "\"")
    rest = substr(s, start + 1)
    end = index(rest, "\"")
    if (start && end > 20) s = substr(s, 1, start + 16) "..." substr(rest, end)
    return s
}

# Each source line that made a call is listed at the end.
function remember(function_name, file, line) {
    if (file == "" || (file, line) in seen) return
    seen[file, line] = 1
    places++
    place_function[places] = function_name
    place_file[places] = file
    place_line[places] = line
}

# The function that made the call of log line s. Helpers that only pass it on
# are passed over, if the caller is known.
function maker(s,    word, at) {
    split(s, word, " ")
    if (word[1] ~ /^@/) {
        remember(substr(word[1], 2), word[2], word[3])
        return substr(word[1], 2)
    }
    at = word[1]
    if (word[2] ~ /^0x/ && name[at] ~ /_(ask|submit)$/) at = word[2]
    if (s !~ / callback: /) remember(name[at], file[at], line[at])
    return name[at]
}

function say(s,    who, margin) {
    if (s == "!") { # it listens; what was before is no matter
        below = ""
        return
    }
    if (s ~ /^- /) {
        printf "\n        %s\n", substr(s, 3)
        return
    }
    if (s ~ /^~ /) {
        printf "%s ... and so on, %d more calls, all in vain\n", \
            spaces(width), substr(s, 3)
        below = last
        return
    }
    who = maker(s)
    sub(/^@[^ ]* [^ ]* [^ ]* /, "", s)
    sub(/^(0x[0-9a-f]+ )+/, "", s)
    margin = "\n" spaces(width + 1)
    gsub(/\], \[/, "]," margin "       [", s)
    if (length(s) > 64) sub(/ = /, margin "       = ", s)
    printf "%-" width "s %s\n", who, s
    printf "%s", below
    below = last = ""
}

# Line `number` of a source file, without its indentation.
function source(path, number,    text, i) {
    for (i = 1; (getline text < path) > 0 && i < number;) i++
    close(path)
    sub(/^ +/, "", text)
    return text
}

FILENAME == ARGV[1] {
    name[$1] = $2
    file[$1] = $3
    line[$1] = $4
    next
}
!real { say($0); next }
/^write\(9, / {
    sub(/^write\(9, "/, "")
    sub(/\\n", [0-9]+\).*/, "")
    gsub(/\\"/, "\"")
    gsub(/\\\\/, "\\")
    say($0)
    next
}
/^write\(|^ioctl\(1, TCGETS|^\+\+\+|^---/ { next }
{
    last = sprintf("%s| %s\n", spaces(width + 1), shorter($0))
    below = below last
}

END {
    if (!places) exit
    print "\nThe lines that made these calls:"
    for (i = 1; i <= places; i++) {
        text = sprintf("%-" width "s %s:%d: %s", place_function[i],
            place_file[i], place_line[i],
            source(directory "/" place_file[i], place_line[i]))
        if (length(text) > 80) text = substr(text, 1, 77) "..."
        print text
    }
}
