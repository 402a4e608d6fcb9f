# cut.awk: cut the bodies of some functions out of a C file, which is named
# twice: awk -v names="conn_fill conn_flush" -f cut.awk FILE FILE. In place of a
# body comes a call that ends the program and says what is missing: the file
# still compiles, without a warning.
BEGIN {
    for (n = split(names, list, " "); n > 0; n--) cut[list[n]] = 1
}
NR == FNR {
    if (/^#include <err.h>/) included = 1
    next
}
/^#include </ && !included {
    print "#include <err.h> /* for what is not written yet */"
    included = 1
}
/^[a-z][a-z0-9_]*\(/ && !/;$/ {
    name = $0
    sub(/\(.*/, "", name)
}
/^[}]/ { skip = 0 }
!skip { print }
/^[{]/ && cut[name] {
    print "    errx(1, \"not written yet: " name "\");"
    skip = 1
}
/^[}]/ { name = "" }
