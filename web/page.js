'use strict';
// The page: files and settings go to the worker (taugate.js), what it answers is drawn here.

const $ = (id) => document.getElementById(id);
const MARK = [255, 47, 208], BLANK = [150, 154, 160];  // of flagged pixels, and of those without a lifetime
let worker, palette = [], busy = false;
let image = null;           // the last result
let chosen = -1;            // its pixel
let current = null;         // {file: File or null}: what is shown, read again after a change of the settings

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function start() {
  worker = new Worker('taugate.js');
  worker.onmessage = ({data}) => {
    if (data.about) learn(data.about);
    if (data.stage) tell(data.stage + ' …');
    if (data.share !== undefined && busy) $('progress').value = data.share;
    if (data.error) complain(data.error);
    if (data.result) show(data.result);
    if (data.trace && data.pixel === chosen) drawDecay(data.trace);
  };
  worker.onerror = () => complain('the page\'s program could not be loaded: serve its folder by http and reload');
}

function learn(about) {
  if (palette.length) return;
  palette = about.palette.map(rgb);
  for (const m of about.models) {
    const text = `${m.name}: ${m.about} (${m.gates} gates of ${m.step_ns} ns, ${m.lifetimes_ns.join('–')} ns)`;
    $('model').append(new Option(text, m.name));
  }
  $('model').append(new Option('a file of your own …', 'own'));
}

function tell(text) {
  $('status').textContent = text;
}

function work(on) {
  busy = on;
  $('progress').hidden = !on;
  if (on) $('progress').removeAttribute('value');
}

function complain(text) {
  work(false);
  tell('');
  $('results').hidden = true;
  $('error').textContent = text;
}

function settings() {
  const options = {}, sum = Number($('sum').value);
  if ($('model').value !== 'own') options.model = $('model').value;
  if (Math.abs(sum) > 1) {
    options.bin_pixels = Math.abs(sum);
    options.sliding = sum < 0;
  }
  for (const [id, name] of [['least', 'least_counts'], ['channel', 'channel'], ['bin', 'bin'], ['period', 'period']])
    if ($(id).value !== '') options[name] = Number($(id).value);
  return options;
}

function run() {
  if (!current) return;
  const own = $('model').value === 'own';
  if (own && !$('own').files.length) return complain('choose the model\'s file, or another model');
  if (busy) {  // what is being done is not wanted any more
    worker.terminate();
    start();
  }
  $('error').textContent = '';
  chosen = -1;
  work(true);
  tell('loading …');
  worker.postMessage({file: current.file, options: settings(), ownModel: own ? $('own').files[0] : null});
}

function open(file) {
  current = {file};
  run();
}

// ---- drawing

function quantile(sorted, q) {
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

function short(x, digits = 3) {
  return Number.isFinite(x) ? String(Number(x.toPrecision(digits))) : 'none';
}

/** An image of one pixel a value, drawn by the browser at whatever size it has. */
function paint(canvas, colour) {
  canvas.width = image.width;
  canvas.height = image.height;
  if (image.height === 1) canvas.style.height = '48px';
  else canvas.style.height = 'auto';
  const context = canvas.getContext('2d'), pixels = context.createImageData(image.width, image.height);
  for (let i = 0; i < image.width * image.height; ++i) pixels.data.set([...colour(i), 255], 4 * i);
  context.putImageData(pixels, 0, 0);
}

function paintBar(canvas, colour) {
  const context = canvas.getContext('2d');
  for (let x = 0; x < 256; ++x) {
    context.fillStyle = `rgb(${colour(x / 255).join()})`;
    context.fillRect(x, 0, 1, 1);
  }
}

const grey = (share) => Array(3).fill(Math.round(255 * Math.min(Math.max(share, 0), 1)));
const colourOf = (share) => palette[Math.round(255 * Math.min(Math.max(share, 0), 1))];

function drawLifetimes() {
  const low = Number($('scaleLow').value), high = Number($('scaleHigh').value), tau = image.maps.amplitude_ns;
  const marked = $('mark').checked && image.flags;
  paint($('lifetime'), (i) => !Number.isFinite(tau[i]) ? BLANK : marked && image.flags[i] ? MARK :
                              colourOf((tau[i] - low) / (high - low)));
  $('tauLow').textContent = short(low);
  $('tauHigh').textContent = short(high) + ' ns';
  drawHistogram(low, high);
}

/** Axes of a plot: gives the functions from values to places. */
function axes(canvas, x, y, labels) {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = 240;
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.style.height = height + 'px';
  const c = canvas.getContext('2d');
  c.scale(scale, scale);
  c.font = '12px system-ui, sans-serif';
  const left = 46, right = width - 10, top = 8, bottom = height - 36;
  const X = (v) => left + (right - left) * (v - x[0]) / (x[1] - x[0]);
  const Y = (v) => bottom - (bottom - top) * (v - y[0]) / (y[1] - y[0]);
  c.strokeStyle = '#aab4c0';
  c.strokeRect(left, top, right - left, bottom - top);
  c.fillStyle = '#5a6675';
  c.textAlign = 'center';
  for (const v of ticks(x)) {
    c.fillRect(X(v), bottom, 1, 4);
    c.fillText(short(v), X(v), bottom + 16);
  }
  c.fillText(labels.x, (left + right) / 2, height - 4);
  c.textAlign = 'right';
  for (const v of labels.log ? decades(y) : ticks(y)) {
    c.fillRect(left - 4, Y(v), 4, 1);
    c.fillText(labels.log ? short(10 ** v) : short(v), left - 6, Y(v) + 4);
  }
  c.beginPath();
  c.rect(left, top, right - left, bottom - top);
  c.clip();
  return {c, X, Y};
}

function ticks([low, high]) {
  const raw = (high - low) / 5, unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 5, 10].find((n) => n * unit >= raw);
  const all = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); ++i) all.push(i * step);
  return all;
}

function decades([low, high]) {
  const all = [];
  for (let v = Math.ceil(low); v <= high; ++v) all.push(v);
  return all;
}

function drawHistogram(low, high) {
  const bins = 60, counts = Array(bins).fill(0);
  for (const tau of image.maps.amplitude_ns) {
    const bin = Math.floor(bins * (tau - low) / (high - low));
    if (bin >= 0 && bin < bins) ++counts[bin];
  }
  const {c, X, Y} = axes($('histogram'), [low, high], [0, 1.05 * Math.max(...counts, 1)], {x: 'lifetime, ns'});
  counts.forEach((n, i) => {
    const from = low + (high - low) * i / bins, to = low + (high - low) * (i + 1) / bins;
    c.fillStyle = `rgb(${colourOf((i + 0.5) / bins).join()})`;
    c.fillRect(X(from), Y(n), X(to) - X(from) - 1, Y(0) - Y(n));
  });
}

function drawDecay({counts, decay}) {
  const step = image.gate_step_ns, first = image.first_gate_ns, most = Math.max(...counts, 1);
  const end = first + step * counts.length, low = Math.log10(0.7);
  const {c, X, Y} = axes($('decay'), [first, end], [low, Math.log10(1.5 * most)], {x: 'time, ns', log: true});
  c.fillStyle = '#1f5fa8';
  counts.forEach((n, k) => n > 0 && c.fillRect(X(first + (k + 0.5) * step) - 1, Y(Math.log10(n)) - 1, 2.5, 2.5));
  if (!decay.length) return;
  const C = image.outputs, top = Math.max(...decay);
  c.strokeStyle = '#c0392b';
  c.beginPath();
  for (let k = 0; k < counts.length; ++k)
    c.lineTo(X(first + k * step), Y(Math.log10(Math.max(decay[k * C] / top * most, 1e-3))));
  c.stroke();
}

function choose(pixel) {
  if (!image || pixel === chosen) return;
  chosen = pixel;
  const maps = image.maps, tau = maps.amplitude_ns[pixel];
  let text = `row ${Math.floor(pixel / image.width)}, column ${pixel % image.width}: ` +
             `${short(maps.intensity[pixel], 6)} counts, `;
  text += Number.isFinite(tau) ? `lifetime ${short(tau, 4)}` +
          (maps.amplitude_sd_ns ? ` ± ${short(maps.amplitude_sd_ns[pixel], 2)}` : '') + ' ns' : 'no lifetime';
  if (image.flags && image.flags[pixel]) text += ' (unlike the training)';
  $('readout').textContent = text;
  if (!busy) worker.postMessage({pixel, gates: image.gates, outputs: image.outputs});
}

function show(result) {
  work(false);
  image = result;
  const n = image.width * image.height, tau = Array.from(image.maps.amplitude_ns).filter(Number.isFinite);
  tau.sort((a, b) => a - b);
  const counts = Array.from(image.maps.intensity).sort((a, b) => a - b);
  const bright = Math.max(quantile(counts, 0.995), 1);
  $('results').hidden = false;
  paint($('intensity'), (i) => grey(image.maps.intensity[i] / bright));
  paintBar($('intensityBar'), grey);
  paintBar($('tauBar'), colourOf);
  $('intensityHigh').textContent = short(bright) + ' counts';
  let low = tau.length ? quantile(tau, 0.02) : 0, high = tau.length ? quantile(tau, 0.98) : 1;
  if (!(high - low > 1e-3 * high)) [low, high] = [0.9 * low, 1.1 * high];
  $('scaleLow').value = short(low);
  $('scaleHigh').value = short(high);
  $('median').textContent = !tau.length ? 'No pixel has a lifetime.' : `Median ${short(quantile(tau, 0.5), 4)} ns, ` +
    `68 % within ${short(quantile(tau, 0.16), 4)} to ${short(quantile(tau, 0.84), 4)} ns`;
  drawLifetimes();
  facts(n);
  const {read, infer} = image.seconds;
  tell(`${n - image.blank} of ${n} pixels have a lifetime: read in ${short(read)} s, lifetimes in ${short(infer)} s ` +
       `(${Math.round((n - image.blank) / Math.max(infer, 1e-3)).toLocaleString('en')} traces a second).`);
  choose(image.maps.intensity.indexOf(counts[counts.length - 1]));
}

function facts(n) {
  const rows = [
    ['file', (current.file ? current.file.name : 'the example') + `: ${image.format}, ` +
             `${image.recorded.join(' × ')} pixels`],
    ['time axis', `${image.bins} bins of ${short(image.bin_ns, 5)} ns, laser period ${short(image.period_ns, 5)} ns`],
    ['model', `${image.model} (${image.about}), gate 0 at ${short(image.first_gate_ns, 4)} ns`],
    ['pixels', `${n - image.blank} with a lifetime, ${image.blank} blank`],
    ['unlike the training', image.unlike === null ? 'not known for this model' :
      `${image.unlike} (${short(100 * image.unlike / Math.max(n - image.blank, 1))} %; 1 % would be chance)`],
    ...image.notes.map((note) => ['note', note])
  ];
  $('facts').replaceChildren(...rows.flatMap(([name, text]) => {
    const dt = document.createElement('dt'), dd = document.createElement('dd');
    dt.textContent = name;
    dd.textContent = text;
    return [dt, dd];
  }));
}

function save() {
  const names = Object.keys(image.maps);
  let text = 'row,column,' + names.join() + (image.flags ? ',unlike' : '') + '\n';
  for (let i = 0; i < image.width * image.height; ++i)
    text += [Math.floor(i / image.width), i % image.width, ...names.map((name) => image.maps[name][i]),
             ...(image.flags ? [image.flags[i]] : [])].join() + '\n';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], {type: 'text/csv'}));
  link.download = (current.file ? current.file.name : 'example') + '.csv';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

// ---- what a user does

$('file').onchange = () => $('file').files.length && open($('file').files[0]);
$('example').onclick = () => open(null);
for (const id of ['sum', 'least', 'channel', 'bin', 'period', 'own']) $(id).onchange = run;
$('model').onchange = () => {
  $('ownLabel').hidden = $('model').value !== 'own';
  run();
};
for (const id of ['scaleLow', 'scaleHigh', 'mark']) $(id).onchange = () => image && drawLifetimes();
$('save').onclick = save;
addEventListener('dragover', (event) => {
  event.preventDefault();
  $('drop').classList.add('over');
});
addEventListener('dragleave', () => $('drop').classList.remove('over'));
addEventListener('drop', (event) => {
  event.preventDefault();
  $('drop').classList.remove('over');
  if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
});
addEventListener('resize', () => {
  if (!image || $('results').hidden) return;
  drawLifetimes();
  const pixel = chosen;
  chosen = -1;
  choose(pixel);
});
for (const id of ['intensity', 'lifetime'])
  $(id).onpointermove = $(id).onpointerdown = (event) => {
    const box = $(id).getBoundingClientRect();
    const at = (place, from, size, n) => Math.min(n - 1, Math.max(0, Math.floor(n * (place - from) / size)));
    choose(at(event.clientY, box.top, box.height, image.height) * image.width +
           at(event.clientX, box.left, box.width, image.width));
  };
$('lifetime').onkeydown = (event) => {
  const step = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]}[event.key];
  if (!step || !image) return;
  event.preventDefault();
  const row = Math.floor(chosen / image.width) + step[0], column = chosen % image.width + step[1];
  if (row >= 0 && row < image.height && column >= 0 && column < image.width) choose(row * image.width + column);
};

start();
