# cost.gnuplot - two plots of what make cost has measured. csv: its file; to:
# the directory of the plots. The colours and the grey of the text can be read
# on white and on black, as a reader's browser may have either.
set datafile separator comma
set datafile commentschars "#"
set terminal svg size 720,330 font "sans-serif,13" noenhanced
set border 3 linecolor rgb "#737d88"
set grid ytics linecolor rgb "#737d88" linewidth 0.5 dashtype 3
set tics nomirror textcolor rgb "#737d88"
set xtics scale 0 rotate by -25
set key textcolor rgb "#737d88"
set title textcolor rgb "#737d88"
set style data histogram
set style fill solid 0.9 noborder
set boxwidth 0.85

set output to."/cost_calls.svg"
set title "System calls per echo (06: per request), by clients that ask at once"
set style histogram clustered gap 1
set logscale y
set yrange [0.01:10000]
set ytics ("0.01" 0.01, "0.1" 0.1, "1" 1, "10" 10, "100" 100, "1000" 1000)
plot csv using 2:xtic(1) every ::1 title "1 client" linecolor rgb "#1f77b4", \
    "" using 3 every ::1 title "64 clients" linecolor rgb "#e08214", \
    "" using 4 every ::1 title "900 clients" linecolor rgb "#3a9e5c"

set output to."/cost_memory.svg"
set title "Memory of the process per silent client, in KiB"
unset key
unset logscale y
set yrange [0:*]
set ytics auto
plot csv using ($6 / 1024):xtic(1) every ::1 linecolor rgb "#1f77b4"
