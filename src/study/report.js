// Shows the decay of the map's pixel under the pointer, under a finger, or chosen by arrow keys.
'use strict';
// An array of floats: base64 of zlib of all first bytes, then all second bytes, ...
async function floats(text) {
  const packed = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate'));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = planes.length / 4, bytes = new Uint8Array(planes.length);
  for (let i = 0; i < n; ++i)
    for (let b = 0; b < 4; ++b) bytes[4 * i + b] = planes[b * n + i];
  return new Float32Array(bytes.buffer);
}
const short = v => !Number.isFinite(v) ? 'none' : v === 0 ? '0' :
  Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3 ? v.toExponential(2) : String(+v.toPrecision(4));
// Round numbers between two ends, about `wanted` of them.
function ticks(low, high, wanted) {
  const raw = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5].find(m => m * power >= raw) || 10), all = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) all.push(i * step);
  return all;
}

async function start(box) {
  const data = JSON.parse(box.querySelector('script').textContent);
  const { width, height, block, gates } = data;
  for (const part of [...data.maps, ...data.curves]) part.values = await floats(part.values);
  const shown = new Map(Array.from(await floats(data.blocks), (b, i) => [b, i]));
  const hatched = data.hatched ? await floats(data.hatched) : null;
  const colours = data.palette.map(c => [1, 3, 5].map(i => parseInt(c.slice(i, i + 2), 16)));
  const find = name => box.querySelector(name);
  const canvas = find('canvas'), select = find('select'), linear = find('input');
  const zoom = Math.max(1, Math.ceil(400 / Math.max(width, height)));
  canvas.width = width * zoom;
  canvas.height = height * zoom;
  const picture = document.createElement('canvas');
  picture.width = width;
  picture.height = height;
  const layer = canvas.cloneNode();
  data.maps.forEach((m, i) => select.add(new Option(m.unit ? `${m.name} (${m.unit})` : m.name, i)));
  let at = data.pixel;

  function paint() {  // the map's pixels and its colour scale
    const map = data.maps[select.value], image = new ImageData(width, height);
    const blank = getComputedStyle(box).getPropertyValue('--blank').trim();
    const grey = [1, 3, 5].map(i => parseInt(blank.slice(i, i + 2), 16));
    for (let i = 0; i < width * height; ++i) {
      const v = map.values[i], x = (v - map.low) / (map.high - map.low) * (colours.length - 1);
      const rgb = Number.isFinite(v) ? colours[Math.round(Math.min(Math.max(x, 0), colours.length - 1))] : grey;
      image.data.set([...rgb, i < data.count ? 255 : 0], 4 * i);
    }
    picture.getContext('2d').putImageData(image, 0, 0);
    const c = layer.getContext('2d');
    c.imageSmoothingEnabled = false;
    c.clearRect(0, 0, layer.width, layer.height);
    c.drawImage(picture, 0, 0, layer.width, layer.height);
    if (hatched) hatch(c);
    find('.bar').style.background = `linear-gradient(to right, ${data.palette})`;
    const marks = ticks(map.low, map.high, 4).filter(v => {
      const x = (v - map.low) / (map.high - map.low);
      return x > .12 && x < .88;
    });
    find('.ticks').innerHTML = [map.low, ...marks, map.high].map((v, i, all) =>
      `<span style="left:${100 * (v - map.low) / (map.high - map.low)}%">${short(v)}` +
      `${i === all.length - 1 && map.unit ? ' ' + map.unit : ''}</span>`).join('');
    draw();
  }
  function hatch(c) {
    c.save();
    c.beginPath();
    hatched.forEach((on, i) => on && c.rect(i % width * zoom, Math.floor(i / width) * zoom, zoom, zoom));
    c.clip();
    for (const [colour, by] of [['#141414', 0], ['#fff', 1]]) {
      c.beginPath();
      c.strokeStyle = colour;
      for (let x = by; x < layer.width + layer.height; x += 7) {
        c.moveTo(x, 0);
        c.lineTo(x - layer.height, layer.height);
      }
      c.stroke();
    }
    c.restore();
  }
  function draw() {  // the map, and where we are
    const c = canvas.getContext('2d');
    c.clearRect(0, 0, canvas.width, canvas.height);
    c.drawImage(layer, 0, 0);
    const x = Math.floor(at % width / block) * block, y = Math.floor(at / width / block) * block;
    const size = Math.max(block * zoom, 5);
    for (const [colour, by] of [['#000', 1.5], ['#fff', .5]]) {
      c.strokeStyle = colour;
      c.strokeRect(x * zoom - by, y * zoom - by, size + 2 * by, size + 2 * by);
    }
  }

  function plot(k) {  // decay number k as SVG: counts, curves, residuals
    const W = Math.max(find('.plot').clientWidth, 280), H = 420, L = 52, R = 8, T = 8, B = 34;
    const fit = data.curves.find(c => c.kind === 'fit'), low = fit ? H - B - 96 : H - B;
    const of = c => c.values.subarray(k * gates, (k + 1) * gates), counts = of(data.curves[0]);
    const peak = Math.max(...counts, 1e-9), log = !linear.checked;
    const floor = Math.max(Math.min(...counts.filter(v => v > 0), peak), peak * 1e-5) * .6;
    const x = t => L + (t + .5) / gates * (W - L - R);
    const y = v => log ? T + (low - T) * Math.log(peak * 1.6 / Math.max(v, floor)) / Math.log(peak * 1.6 / floor)
      : T + (low - T) * (1 - v / peak / 1.08);
    const path = (v, f) => {
      let d = '', pen = 'M';
      v.forEach((value, t) => {
        const on = Number.isFinite(value) && (!log || value > floor);
        if (on) d += `${pen}${x(t).toFixed(1)},${f(value).toFixed(1)}`;
        pen = on ? 'L' : 'M';
      });
      return d;
    };
    const dots = (v, f, kind) => Array.from(v, (value, t) => Number.isFinite(value) && (f !== y || !log || value > 0) ?
      `<circle class="${kind}" cx="${x(t).toFixed(1)}" cy="${f(value).toFixed(1)}" r="1.9"/>` : '').join('');
    const level = (at, name) => `<path class="axis" d="M${L},${at}H${W - R}"/>` +
      `<text x="${L - 6}" y="${at + 4}" text-anchor="end">${name}</text>`;
    let svg = '';
    const rows = log ? ticks(Math.log10(floor), Math.log10(peak * 1.6), 5).filter(Number.isInteger).map(e => 10 ** e)
      : ticks(0, peak * 1.08, 5);
    for (const v of rows) svg += level(y(v), short(v));
    const start = data.start_ns, end = start + gates * data.step_ns;
    for (const t of ticks(start, end, W / 90)) {
      const at = L + (t - start) / (end - start) * (W - L - R);
      svg += `<path class="axis" d="M${at},${T}V${H - B}"/>` +
        `<text x="${at}" y="${H - B + 15}" text-anchor="middle">${short(t)}</text>`;
    }
    svg += `<text x="${(L + W) / 2}" y="${H - 4}" text-anchor="middle">time (ns)</text>` +
      `<text transform="translate(11,${(T + low) / 2}) rotate(-90)" text-anchor="middle">counts</text>`;
    svg += dots(counts, y, 'counts');
    let legend = 0;
    const name = (kind, text) => svg += (kind === 'counts' ? `<circle class="counts" cx="${W - R - 12}" cy="${T + 12 + 16 * legend}" r="2.5"/>`
      : `<path class="${kind}" d="M${W - R - 22},${T + 12 + 16 * legend}h18"/>`) +
      `<text x="${W - R - 28}" y="${T + 16 + 16 * legend++}" text-anchor="end">${text}</text>`;
    name('counts', data.curves[0].name);
    for (const c of data.curves.slice(1)) {
      let v = of(c);
      if (c.kind === 'scaled') {
        const own = Math.max(...v);
        v = v.map(u => u / own * peak);
      }
      svg += `<path class="${c.kind}" d="${path(v, y)}"/>`;
      name(c.kind, c.name);
    }
    if (fit) {
      const z = of(fit).map((e, t) => (counts[t] - e) / Math.sqrt(Math.max(e, 1)));
      const most = Math.max(4, ...Array.from(z, v => Number.isFinite(v) ? Math.ceil(Math.abs(v)) : 0));
      const middle = (low + 12 + H - B) / 2, half = (H - B - low - 12) / 2;
      for (const v of [-most / 2, 0, most / 2]) svg += level(middle - v / most * half, short(v));
      svg += dots(z, v => middle - v / most * half, 'residual') +
        `<text transform="translate(11,${middle}) rotate(-90)" text-anchor="middle">residual (σ)</text>`;
    }
    return `<svg viewBox="0 0 ${W} ${H}" role="img" aria-label="decay of the chosen pixel">${svg}</svg>`;
  }
  function show() {
    const row = Math.floor(at / width), column = at % width;
    const k = shown.get(Math.floor(row / block) * Math.ceil(width / block) + Math.floor(column / block));
    find('.values').textContent = (data.list ? `trace ${at}` : `row ${row}, column ${column}`) + ': ' +
      data.maps.map(m => `${m.name} ${short(m.values[at])}${m.unit ? ' ' + m.unit : ''}`).join(', ') +
      (hatched && hatched[at] ? ` (${data.hatch_means})` : '');
    find('.plot').innerHTML = k === undefined ? '<p>No decay is kept for this pixel.</p>' : plot(k);
    draw();
  }
  const go = to => {
    if (to < 0 || to >= data.count || to === at) return;
    at = to;
    show();
  };
  const point = event => {
    const r = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - r.left) / r.width * width);
    const row = Math.floor((event.clientY - r.top) / r.height * height);
    if (column >= 0 && column < width && row >= 0 && row < height) go(row * width + column);
  };
  let held = false;  // a click holds the pixel until the next one
  canvas.addEventListener('pointermove', e => held || point(e));
  canvas.addEventListener('click', e => {
    held = e.pointerType === 'mouse' && !held;
    point(e);
  });
  canvas.addEventListener('keydown', e => {
    const step = { ArrowLeft: -block, ArrowRight: block, ArrowUp: -block * width, ArrowDown: block * width }[e.key];
    if (!step) return;
    e.preventDefault();
    go(at + step);
  });
  select.addEventListener('input', paint);
  linear.addEventListener('input', show);
  window.addEventListener('resize', show);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', paint);
  paint();
  show();
}
for (const box of document.querySelectorAll('.pixels'))
  start(box).catch(error => { box.querySelector('.values').textContent = 'The pixels cannot be shown: ' + error.message; });
