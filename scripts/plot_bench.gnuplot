# Variables: bench (bench.csv), peers (peers-infer.csv), folder for the pictures.
set datafile separator ','
set encoding utf8
set terminal svg size 1000,420 font 'sans,13' background '#ffffff'
set border lw 1 lc rgb '#606060'
set grid lt 1 lw 1 lc rgb '#e6e6e6'
blue = '#1f5fa8'; orange = '#d9622b'; grey = '#7a7a7a'; green = '#2e8b57'

# Columns of bench.csv by name, and the part of a benchmark's name after `start`; NaN for others.
number(text, start) = strstrt(text, start) == 1 ? real(substr(text, strlen(start) + 1, strlen(text))) : NaN
is(text, start) = strstrt(text, start) == 1

# One figure of one row.
row(name, column) = real(system(sprintf("awk -F, -v name='%s' -v column='%s' 'NR==1 {for (i = 1; i <= NF; ++i) if ($i == column) c = i} $7 == name {print $c}' %s", name, column, bench)))

# 1. Roofline: what a core computes against how often it uses a byte that it loads.
peak = row('limit/fma/threads:1', 'gflops')
l1 = row('limit/load/L1', 'rate') * 1e-9
l2 = row('limit/load/L2', 'rate') * 1e-9
memory = row('limit/load/memory', 'rate') * 1e-9
low(a, b) = a < b ? a : b
set output folder . '/roofline.svg'
set logscale xy
set xrange [0.1:100]
set yrange [1:2 * peak]
set xlabel 'FLOPs per byte that is loaded'
set ylabel 'GF/s, one core'
set key bottom right
set label 1 sprintf('FMA peak %.0f GF/s', peak) at 99,peak * 1.2 right textcolor rgb grey
label(name) = substr(name, strstrt(name, 'H:') + 2, strlen(name))
plot low(peak, l1 * x) with lines lw 2 lc rgb grey title sprintf('first cache, %.0f GB/s', l1), \
     low(peak, l2 * x) with lines lw 2 dt 2 lc rgb grey title sprintf('second cache, %.0f GB/s', l2), \
     low(peak, memory * x) with lines lw 2 dt 3 lc rgb grey title sprintf('memory, %.0f GB/s', memory), \
     bench using (is(strcol('benchmark'), 'latency/H:') ? column('flops_per_byte') : NaN):(column('gflops')):(label(strcol('benchmark'))) with labels left point pt 7 lc rgb orange offset 0.7,0 title 'one trace, H units', \
     bench using (strcol('benchmark') eq 'infer/threads:1' ? column('flops_per_byte') : NaN):(column('gflops')) with points pt 5 ps 1.2 lc rgb blue title '1024 traces, 32 units', \
     bench using (is(strcol('benchmark'), 'kernel/matmul/H:') ? column('flops_per_byte') : NaN):(column('gflops')) with linespoints pt 9 lc rgb green title 'product of a step, H = 16 to 128', \
     bench using (is(strcol('benchmark'), 'kernel/outer/H:') ? column('flops_per_byte') : NaN):(column('gflops')) with linespoints pt 11 lc rgb '#8a5fb0' title "weights' gradient, H = 16 to 128"
unset label 1
unset logscale

# 2. How cost grows.
set terminal svg size 1100,640
set output folder . '/growth.svg'
set multiplot layout 2,3
unset key
set autoscale
set logscale xy
set format y '%g'
set style line 1 lw 2 pt 7 ps 0.7 lc rgb blue
set ylabel 'µs a trace'
set xrange [7:150]; set xlabel 'units H'; set xtics (8, 16, 32, 64, 128)
plot bench using (number(strcol('benchmark'), 'infer/H:')):(column('seconds') * 1e6 / 1024) with linespoints ls 1
set xrange [30:600]; set xlabel 'gates T'; set xtics (35, 70, 135, 256, 512)
plot bench using (number(strcol('benchmark'), 'infer/T:')):(column('seconds') * 1e6 / 1024) with linespoints ls 1
set xrange [0.8:20000]; set xlabel 'traces a call'; set xtics ('1' 1, '16' 16, '256' 256, '4096' 4096)
plot bench using (number(strcol('benchmark'), 'infer/batch:')):(1e6 / column('rate')) with linespoints ls 1
unset logscale
set yrange [0:*]
set xtics auto
set ylabel 'thousand pixels/s'
set xrange [0:540]; set xlabel 'side of the image (pixels)'; set xtics (64, 128, 256, 512)
plot bench using (number(strcol('benchmark'), 'image/side/')):(column('rate') * 1e-3) with linespoints ls 1
set xrange [0.8:*]; set xlabel 'threads'; set xtics 1
set ylabel 'thousand traces/s'
set key bottom right
plot bench using (number(strcol('benchmark'), 'infer/threads:')):(column('rate') * 1e-3) with linespoints ls 1 title 'inference', \
     bench using (number(strcol('benchmark'), 'train/threads:')):(column('rate') * 1e-3) with linespoints lw 2 pt 7 ps 0.7 lc rgb orange title 'training'
unset key
set ylabel '% of the FMA peak'
set xrange [7:150]; set xlabel 'units H'; set xtics (8, 16, 32, 64, 128); set logscale x
set yrange [0:100]
set key bottom right
plot bench using (number(strcol('benchmark'), 'infer/H:')):(column('share_of_peak') * 100) with linespoints ls 1 title 'inference', \
     bench using (number(strcol('benchmark'), 'train/H:')):(column('share_of_peak') * 100) with linespoints lw 2 pt 7 ps 0.7 lc rgb orange title 'training'
unset multiplot
unset logscale

# 3. Beside peers, batch 1024: sequences a second, by network.
set terminal svg size 1000,420
set output folder . '/peers.svg'
set key top right
set logscale y
set yrange [*:*]
set autoscale x
set xlabel ''
set ylabel 'sequences/s, batch 1024'
set xtics auto
set style data histogram
set style histogram clustered gap 1
set style fill solid noborder
pick(engine) = sprintf("< awk -F'\"?,\"?' 'NR>1 && $7 == 1024 && $10 ~ /^%s/ && $10 !~ /[(]/ {print $5 \",\" $13}' %s", engine, peers)
plot pick('taugate') using 2:xtic(1) lc rgb blue title 'taugate', \
     pick('oneDNN') using 2 lc rgb orange title 'oneDNN', \
     pick('ONNX') using 2 lc rgb green title 'ONNX Runtime', \
     pick('libtorch') using 2 lc rgb grey title 'libtorch'
