# bench.gnuplot - one plot of what make bench has measured. dat: its table; to:
# the directory of the plot; one: its name. The colours and the grey of the text
# can be read on white and on black, as in tests/tools/cost.gnuplot.
set datafile separator comma
set terminal svg size 720,330 font "sans-serif,13" noenhanced
set output to."/bench_".one.".svg"
set border 3 linecolor rgb "#737d88"
set grid ytics linecolor rgb "#737d88" linewidth 0.5 dashtype 3
set tics nomirror textcolor rgb "#737d88"
set key outside right textcolor rgb "#737d88"
set title textcolor rgb "#737d88"
set yrange [0:*]
array colour[4] = ["#1f77b4", "#737d88", "#3a9e5c", "#e08214"]

title_memory = "Memory of the process in MiB, by clients"
title_idle = "CPU time per request in microseconds: 64 clients, by idle ones"
title_cpu = "CPU time per request in microseconds, by clients that ask"
title_request = "CPU time per request in microseconds, 64 clients"
set title value("title_".one)

if (one eq "request") {
    set style data histogram
    set style fill solid 0.9 noborder
    set boxwidth 0.85
    set xtics scale 0 rotate by -25
    unset key
    plot dat using 2:xtic(1) every ::1 linecolor rgb "#1f77b4"
} else {
    if (one ne "idle") {
        set logscale x
    }
    if (one eq "memory") {
        set yrange [*:*]
        set logscale y
    }
    stats dat every ::1 nooutput
    set key autotitle columnhead
    plot for [i = 2:STATS_columns] dat using 1:i with linespoints \
        pointtype 7 pointsize 0.5 linewidth 2 linecolor rgb colour[i - 1]
}
