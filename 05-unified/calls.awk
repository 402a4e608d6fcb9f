# calls.awk - from the output of objdump -d: which functions do io_submit and
# io_tick call? (The compiler may have made deliver a part of io_tick.)
# A call through a pointer names no function: in the loop that is your callback.

/>:$/ {
    name = $2
    gsub(/[<_>:]*$|^<_?/, "", name)
    inside = name ~ /^(io_submit|io_tick|deliver)$/
    if (inside) print name " calls"
}

inside && /[ \t](callq?|blr?)[ \t]/ {
    call = $0
    if (!sub(/.*</, "", call)) call = "your callback, the one through a pointer"
    gsub(/[.@+>].*/, "", call)
    if (!seen[name, call]++) print "    " call
}
