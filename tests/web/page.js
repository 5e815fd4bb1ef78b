// node page.js PAGE WORK [FILE]: the page in a headless Chromium: its example, files, errors, and that nothing leaves it.
// Screenshots go to WORK. images.npy of compare.js lies there.
'use strict';
const fs = require('fs'), path = require('path');
const {serve, open} = require('./chromium.js');
const {load, file} = require('./engine.js');

const [page, work, measured] = process.argv.slice(2);
let passed = 0, failed = 0;
function check(name, good, found) {
  good ? ++passed : ++failed;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${name}${found !== undefined ? ': ' + found : ''}`);
}

async function main() {
  const {server, origin} = await serve(page);
  const browser = await open(1280, 900);
  const text = (id) => browser.value(`$('${id}').textContent`);
  const done = () => browser.until('!busy && ($("error").textContent || !$("results").hidden)', 120);
  try {
    await browser.visit(origin + '/index.html');
    await browser.until('palette.length === 256');
    check('lists the models', await browser.value('$("model").options.length') === 8);

    await browser.value('$("example").click()');
    await done();
    check('shows the example', !(await text('error')) && await browser.value('image.width') === 96, await text('status'));
    check('told how far it was', await browser.value('$("progress").value') > 0.9);
    await browser.value('choose(33 * 96 + 36)');
    await browser.until('$("decay").width > 300');
    const readout = await text('readout');
    check('tells lifetime and deviation of a pixel', /lifetime [0-9.]+ ± [0-9.]+ ns/.test(readout), readout);
    const colours = await browser.value(`(() => {
      const d = $('lifetime').getContext('2d').getImageData(0, 0, 96, 96).data, all = new Set();
      for (let i = 0; i < d.length; i += 4) all.add(d[i] << 16 | d[i + 1] << 8 | d[i + 2]);
      return all.size; })()`);
    check('draws the map', colours > 50, colours + ' colours');
    await browser.value('$("lifetime").focus(); $("lifetime").dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowDown"}))');
    check('moves by keys', (await text('readout')).startsWith('row 34, column 36'));
    await browser.value('choose(33 * 96 + 36)');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await browser.screenshot(path.join(work, 'page-1280.png'));
    await browser.resize(400, 800);
    await new Promise((resolve) => setTimeout(resolve, 500));
    check('fits 400 pixels', await browser.value('document.documentElement.scrollWidth') <= 400);
    await browser.screenshot(path.join(work, 'page-400.png'));
    await browser.resize(1280, 900);

    await browser.value('$("bin").value = 0.179; $("period").value = 12.53');
    await browser.choose('#file', path.join(work, 'images.npy'));
    await done();
    const expected = (await load(page)).infer(file(path.join(work, 'images.npy')), {bin: 0.179, period: 12.53});
    const sum = (values) => values.filter(Number.isFinite).reduce((a, b) => a + b, 0);
    const found = await browser.value('Array.from(image.maps.amplitude_ns).filter(Number.isFinite).reduce((a, b) => a + b, 0)');
    check('gives the same map as Node', found === sum(Array.from(expected.maps.amplitude_ns)), found);

    fs.writeFileSync(path.join(work, 'bad.sdt'), 'This is no recording.');
    await browser.value('$("bin").value = ""; $("period").value = ""');
    await browser.choose('#file', path.join(work, 'bad.sdt'));
    await done();
    const complaint = await text('error');
    check('says in a line what is wrong', complaint.startsWith('bad.sdt: ') && !complaint.includes('\n'), complaint);
    await browser.value('open(new File([new Uint8Array(501e6)], "large.sdt"))');
    await done();
    check('refuses large files', (await text('error')).startsWith('large.sdt: found 501 MB'), await text('error'));
    if (measured) {
      await browser.choose('#file', measured);
      await done();
      check('shows ' + path.basename(measured), !(await text('error')), (await text('error')) || await text('status'));
      await browser.screenshot(path.join(work, 'page-measured.png'));
    }
    const blocked = await browser.value('fetch("http://127.0.0.2:9/").then(() => "sent", () => "blocked")');
    check('may connect nowhere else', blocked === 'blocked');
    const others = browser.urls.filter((url) => !url.startsWith(origin) && !url.startsWith('data:') && url !== 'http://127.0.0.2:9/');
    check('asks nobody else', others.length === 0, others.join() || browser.urls.length + ' requests');
    const errors = browser.complaints.filter((complaint) => !complaint.includes('127.0.0.2'));
    check('has no errors on the console', errors.length === 0, errors.join('; ') || undefined);
  } finally {
    await browser.close();
    server.close();
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed ? 1 : 0;
}
main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
