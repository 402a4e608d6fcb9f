# plots.awk - from the servers' CSV: one file for each plot, as a table with a
# line for each server or number of clients. to: the directory.
BEGIN { FS = "," }
NR == 1 {
    for (i = 1; i <= NF; i++) column[$i] = i
    next
}

# measure number-of-clients value: one point of a curve.
function point(plot, x, value) {
    if (value == "") return
    at[plot, x, $2] = value
    if (!((plot, x) in seen)) xs[plot] = xs[plot] " " x
    seen[plot, x] = 1
    if (!((plot, $2) in named)) servers[plot] = servers[plot] " " $2
    named[plot, $2] = 1
}

function write(plot, file, i, k, n, m, x, server, line) {
    file = to "/" plot ".dat"
    n = split(xs[plot], x, " ")
    m = split(servers[plot], server, " ")
    line = "clients"
    for (k = 1; k <= m; k++) line = line "," server[k]
    print line >file
    for (i = 1; i <= n; i++) {
        line = x[i]
        for (k = 1; k <= m; k++) line = line "," at[plot, x[i], server[k]]
        print line >file
    }
    close(file)
}

$1 == "get-64" { bars = bars $2 "," 1e6 * $column["cpu"] "\n" }
$1 ~ /^active-/ {
    point("cpu", $column["connections"], 1e6 * $column["cpu"])
    point("memory", $column["connections"], $column["resident"] / 1048576)
}
$1 ~ /^beside-/ { point("idle", $column["idle"], 1e6 * $column["cpu"]) }

END {
    if (bars != "") printf "server,cpu\n%s", bars >(to "/request.dat")
    for (plot in xs) write(plot)
}
