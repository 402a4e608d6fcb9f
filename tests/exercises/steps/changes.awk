# changes.awk: which functions, structs and enums of a C file are new or not the
# same as in another one: awk -f changes.awk OLD NEW. A line for each: how many
# of its lines are not in the old one, "new" or "changed", its name. Comments
# before it do not count.
FNR == 1 { file++ }
name == "" && /^(struct|enum)( [a-z_]+)? [{]/ {
    name = $1 ($2 == "{" ? "" : " " $2)
}
name == "" && /^[a-z][a-z0-9_]*\(/ && !/;$/ {
    name = $0
    sub(/\(.*/, "", name)
}
name != "" && file == 1 { old[name, $0]++; size[name]++ }
name != "" && file == 2 {
    lines++
    if (old[name, $0]-- <= 0) fresh++
}
/[}];?$/ && /^[^ ]/ {
    if (file == 2 && name != "" && (fresh > 0 || lines != size[name]))
        print fresh + 0, size[name] ? "changed" : "new", name
    name = ""
    lines = fresh = 0
}
