// node compare.js PAGE PROGRAM MODELS WORK [DATA]: lifetime maps of the module in PAGE beside those of the program, for
// files that the program makes in WORK and measured ones of DATA. Integers are equal, floats within 1e-5.
'use strict';
const {execFileSync} = require('child_process');
const fs = require('fs'), path = require('path');
const {load, file, npy, column} = require('./engine.js');

const [page, program, models, work, data] = process.argv.slice(2);
const at = (name) => path.join(work, name);
let passed = 0, failed = 0;

function taugate(options, arch) {
  execFileSync(program, options, {stdio: ['ignore', 'ignore', 'pipe'],
                                  env: {...process.env, ...(arch ? {TAUGATE_ARCH: arch} : {})}});
}

function check(name, good, found) {
  good ? ++passed : ++failed;
  if (!good || found) console.log(`${good ? 'ok  ' : 'FAIL'} ${name}${found ? ': ' + found : ''}`);
}

/** The largest of |a - b| / max(1, |b|); infinite where one has a number and the other none. */
function difference(a, b) {
  if (a.length !== b.length) return Infinity;
  let most = 0;
  for (let i = 0; i < a.length; ++i) {
    if (Number.isNaN(a[i]) !== Number.isNaN(b[i])) return Infinity;
    if (!Number.isNaN(a[i])) most = Math.max(most, Math.abs(a[i] - b[i]) / Math.max(1, Math.abs(b[i])));
  }
  return most;
}

/** As a table has it. */
const printed = (value) => Number(value.toPrecision(7));

/**
 * One file, by a card's name or a model file; `options` as the page has them, `flags` as the program has them. With the
 * same kernels (SSE4.2) floats differ by the rounding of exp() and of the table; others order their sums differently, of
 * which the distance of a state makes more (it divides by small variances).
 */
function compare(module, name, input, model, options = {}, flags = []) {
  const own = model.endsWith('.safetensors'), integers = name.includes('integers');
  const r = module.infer(file(input), own ? options : {...options, model}, own ? file(model) : null);
  for (const [arch, tolerance] of [['sse4', 1e-6], ['', 1e-5]]) {
    const folder = at('native' + arch), at_arch = `${name}, ${arch || 'its best kernels'}`;
    taugate(['infer', '--model', model, input, ...flags, '--no-pictures', '-o', folder], arch);
    const pairs = npy(path.join(folder, 'lifetimes.npy'));
    const of = (title) => column(path.join(folder, 'lifetimes.csv'), title);
    let worst = Math.max(difference(r.maps.amplitude_ns, pairs.filter((_, i) => i % 2 === 0)),
                         difference(r.maps.intensity_ns, pairs.filter((_, i) => i % 2 === 1)));
    if (r.maps.amplitude_sd_ns) worst = Math.max(worst, difference(r.maps.amplitude_sd_ns, of('amplitude_weighted_sd_ns')));
    check(at_arch, worst <= tolerance, `${r.width} x ${r.height}, ${r.model}, largest difference ${worst.toExponential(1)}`);
    check(at_arch + ': counts', difference(r.maps.intensity.map(printed), of('counts').map(Math.fround)) === 0);
    if (r.flags) {
      check(at_arch + ': flags', difference(r.flags, of('unlike_training')) === 0);
      for (const map of arch ? ['state_distance', 'input_chi2r'] : [])
        check(`${at_arch}: ${map}`, difference(r.maps[map], of(map)) <= tolerance);
    }
    if (r.outputs === 0) continue;
    const sfd = npy(path.join(folder, 'sfd.npy')), mine = new Float32Array(sfd.length), size = r.gates * r.outputs;
    for (let i = 0; i < r.width * r.height; ++i) mine.set(module.trace(i, r.gates, r.outputs).decay, i * size);
    const most = difference(mine, sfd);
    check(at_arch + ': decays', integers ? most === 0 : most <= tolerance, 'largest difference ' + most.toExponential(1));
  }
}

/** That the module refuses it, in one line that has `words`. */
function refuses(module, name, input, words, options = {}) {
  let found = 'nothing';
  try {
    module.infer(input, options, null);
  } catch (error) {
    found = error.message;
  }
  check('refuses ' + name, found.includes(words) && !found.includes('\n'), found.slice(0, 150));
}

async function main() {
  const module = await load(page);
  fs.mkdirSync(work, {recursive: true});
  const cards = module.about().models.map((card) => card.name);
  check('has the models', cards.length === fs.readdirSync(models).filter((name) => name.endsWith('.json')).length);

  taugate(['simulate', '--preset', 'ss2-70', '--images', '4', '-o', at('images.npz')]);
  taugate(['convert', at('images.npz'), at('images.npy')]);
  const axis = [{bin: 0.179, period: 12.53}, ['--bin', '0.179', '--period', '12.53']];
  compare(module, 'NPY', at('images.npy'), 'ss2-70', ...axis);
  compare(module, 'NPZ', at('images.npz'), 'auto');
  compare(module, 'sums of 3 x 3', at('images.npz'), 'auto', {bin_pixels: 3, sliding: true, least_counts: 50},
          ['--bin-pixels', '3', '--sliding', '--least-counts', '50']);
  taugate(['train', '--model', 'seq2seq', '--preset', 'ss2-70', '--samples', '20k', '--hidden', '9,7', '--no-pictures',
          '-o', at('float.safetensors')]);
  compare(module, 'Seq2Seq of floats', at('images.npz'), at('float.safetensors'));
  for (const bits of ['8', '12']) {
    taugate(['quantize', at('float.safetensors'), '--bits', bits, '-o', at('integers.safetensors')]);
    compare(module, `Seq2Seq of integers, ${bits} bits`, at('images.npz'), at('integers.safetensors'));
  }
  const tcspc = path.join(models, 'tcspc-80mhz.safetensors');
  if (data) {
    taugate(['quantize', tcspc, '-o', at('lifetimes.safetensors')]);
    const image = path.join(data, 'images/SDT_c01.sdt'), sums = [{bin_pixels: 8}, ['--bin-pixels', '8']];
    compare(module, 'SDT', image, tcspc, ...sums);
    compare(module, 'SDT, its other channel', image, tcspc, {bin_pixels: 16, channel: 1},
            ['--bin-pixels', '16', '--channel', '1']);
    compare(module, 'SDT, integers that give lifetimes', image, at('lifetimes.safetensors'), ...sums);
    compare(module, 'PTU', path.join(data, 'images/ptu_example.ptu'), 'auto');
    for (const dye of ['phd/r800_etoh_20mhz_561nm', 'phd/aaq_etoh_40mhz_440nm', 'phd-hard/dapi_dmso_20mhz_375nm'])
      compare(module, 'PHD ' + dye, path.join(data, dye + '_4ps.phd'), 'auto');
    const cut = file(image);
    cut.bytes = cut.bytes.slice(0, 1000000);
    refuses(module, 'a cut SDT', cut, 'SDT_c01.sdt');
    const damaged = file(image);
    damaged.bytes.fill(0, 1200000, 1200100);
    refuses(module, 'a damaged SDT', damaged, 'SDT_c01.sdt');
    refuses(module, 'a period without a model', file(path.join(data, 'phd/c153_dmso_10mhz_425nm_4ps.phd')), 'no model fits');
  } else {
    console.log('skipped: measured files, which are absent');
  }
  const text = (name, content) => ({name, bytes: new TextEncoder().encode(content)});
  refuses(module, 'an empty file', text('empty.sdt', ''), 'empty.sdt: is empty');
  refuses(module, 'bytes of no format', {name: 'x.ptu', bytes: new Uint8Array([1, 2, 3, 4])}, 'x.ptu: is of no known format');
  refuses(module, 'TIFF', text('a.tif', 'II*\0'), 'a.tif: found TIFF');
  refuses(module, 'a zip archive without an end', text('a.npz', 'PK\x03\x04'), 'a.npz: is no readable NPZ');
  refuses(module, 'an unknown bin width', file(at('images.npy')), 'bins of unknown width');
  refuses(module, 'an unknown model', file(at('images.npy')), "found the model 'none'", {...axis[0], model: 'none'});
  const example = module.infer(null, {model: 'auto'});
  check('example', example.unlike < 0.03 * (example.width * example.height - example.blank),
        `${example.model}, ${example.unlike} of ${example.width * example.height} pixels unlike the training`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}
main().catch((error) => {
  console.error(error.stderr ? error.stderr.toString() : error.message);
  process.exitCode = 1;
});
