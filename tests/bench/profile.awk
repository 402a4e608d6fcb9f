# profile.awk - perf script's stacks (ip,sym,dso; the innermost line first) as
# two tables: by what is being done, and by function.

# Which part of the work does the stack belong to? The first pattern wins.
function part(stack, inner) {
    if (inner !~ /kernel/) {
        if (inner ~ /liburing/) return "liburing"
        if (inner ~ /libc|ld-|vdso/) return "the C library, and the clock"
        return "the server's own code"
    }
    if (stack ~ /net_rx_action|process_backlog/)
        return "kernel: bring it to the other end (loopback)"
    if (stack ~ / (io_send|tcp_sendmsg|__sys_send)/) return "kernel: send"
    if (stack ~ / (io_recv|tcp_recvmsg|__sys_recv)/) return "kernel: receive"
    if (stack ~ / (io_accept|io_close|do_accept|__close)/)
        return "kernel: accept and close"
    if (stack ~ / (io_read|io_openat|vfs_read|do_sys_open)/)
        return "kernel: files"
    if (stack ~ /poll|ep_/) return "kernel: wait for a socket"
    if (stack ~ / (schedule|__schedule|try_to_wake)/)
        return "kernel: sleep and wake up"
    if (stack ~ / (io_|__do_sys_io_uring)/)
        return "kernel: the rest of io_uring"
    return "kernel: else"
}

function sample() {
    if (stack == "") return
    count++
    parts[part(stack, inner)]++
    functions[name]++
    stack = inner = name = ""
}

/^$/ {
    sample()
    next
}

{
    if (stack == "") {
        inner = $NF
        name = $2 "  " ($NF ~ /kernel/ ? "(kernel)" : $NF)
    }
    stack = stack " " $2
}

function table(title, numbers, most, one, sorted, line, n) {
    print "\n" title
    sorted = "sort -rn | head -n " most
    for (one in numbers)
        printf "%6.1f %%  %s\n", 100 * numbers[one] / count, one | sorted
    close(sorted)
}

END {
    sample()
    if (count == 0) {
        print "no samples"
        exit 1
    }
    printf "%d samples\n", count
    table("By what is being done:", parts, 20)
    table("By function, the first 25:", functions, 25)
}
