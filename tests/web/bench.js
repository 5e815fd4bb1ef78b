// node bench.js PAGE PROGRAM MODELS WORK: traces a second of the module in PAGE and of the program on one thread, in turns;
// the best of five, since others may be using the machine.
'use strict';
const {execFileSync} = require('child_process');
const fs = require('fs'), path = require('path');
const {load, file} = require('./engine.js');

const [page, program, models, work] = process.argv.slice(2);
const at = (name) => path.join(work, name);
const N = 50000, ROUNDS = 5;

function taugate(options, arch) {
  return execFileSync(program, options, {encoding: 'utf8', env: {...process.env, ...(arch ? {TAUGATE_ARCH: arch} : {})}});
}
/** Of the "inferred 0.123 s" that the program prints. */
const inferred = (text) => Number(/inferred ([0-9.e+-]+) s/.exec(text)[1]);

async function main() {
  const module = await load(page);
  fs.mkdirSync(work, {recursive: true});
  taugate(['simulate', '--preset', 'ss2-70', '--samples', String(N), '-o', at('traces.npz')]);
  taugate(['convert', at('traces.npz'), at('traces.npy')]);
  taugate(['train', '--model', 'seq2seq', '--preset', 'ss2-70', '--samples', '20k', '--hidden', '32', '--no-pictures', '-o',
           at('float.safetensors')]);
  taugate(['quantize', at('float.safetensors'), '-o', at('integers.safetensors')]);
  const lifetime = path.join(models, 'ss2-70.safetensors');
  const rows = [['lifetime network of the card ss2-70', lifetime], ['Seq2Seq of 32 units, floats', at('float.safetensors')],
                ['the same, 8-bit integers', at('integers.safetensors')]];
  console.log('| network | in WebAssembly | program, SSE4.2 | program, its best |\n|---|---|---|---|');
  for (const [name, model] of rows) {
    const found = [[], [], []];
    for (let round = 0; round < ROUNDS; ++round) {
      const options = ['infer', model, at('traces.npy'), '--bin', '0.179', '--period', '12.53', '--threads', '1', '--no-sfd',
                       '--no-pictures', '-o', at('result')].filter((o) => o !== '--no-sfd' || model !== lifetime);
      const r = module.infer(file(at('traces.npy')), {bin: 0.179, period: 12.53}, file(model));
      found[0].push(N / r.seconds.infer);
      found[1].push(N / inferred(taugate(options, 'sse4')));
      found[2].push(N / inferred(taugate(options)));
    }
    const [wasm, sse, best] = found.map((all) => Math.max(...all)), k = (x) => (x / 1000).toFixed(1) + ' k/s';
    console.log(`| ${name} | ${k(wasm)} | ${k(sse)} (x ${(sse / wasm).toFixed(2)}) | ${k(best)} (x ${(best / wasm).toFixed(2)}) |`);
  }
}
main();
