// A headless Chromium, spoken to through its debugging pipe; and a server of one folder.
'use strict';
const {spawn} = require('child_process');
const fs = require('fs'), http = require('http'), os = require('os'), path = require('path');

const TYPES = {'.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm', '.css': 'text/css',
               '.png': 'image/png', '.svg': 'image/svg+xml', '.json': 'application/json'};

/** Serves `folder` at the port that the answer tells. */
exports.serve = (folder) => new Promise((resolve) => {
  const server = http.createServer((request, response) => {
    let name = path.join(folder, decodeURIComponent(new URL(request.url, 'http://x').pathname));
    if (name.endsWith('/')) name += 'index.html';
    if (!path.resolve(name).startsWith(path.resolve(folder)) || !fs.existsSync(name)) {
      response.writeHead(404);
      return response.end();
    }
    response.writeHead(200, {'Content-Type': TYPES[path.extname(name)] || 'application/octet-stream'});
    response.end(fs.readFileSync(name));
  }).listen(0, '127.0.0.1', () => resolve({server, origin: `http://127.0.0.1:${server.address().port}`}));
});

/** A page of a browser of its own. */
exports.open = async (width, height) => {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'taugate-chromium-'));
  const browser = spawn('chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-pipe',
                                     '--user-data-dir=' + profile, 'about:blank'],
                        {stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe']});
  const [, , , to, from] = browser.stdio;
  const waiting = new Map(), urls = [], complaints = [];
  let next = 1, rest = '';
  from.setEncoding('utf8');
  from.on('data', (text) => {
    const parts = (rest + text).split('\0');
    rest = parts.pop();
    for (const part of parts) {
      const message = JSON.parse(part);
      if (message.method === 'Network.requestWillBeSent') urls.push(message.params.request.url);
      if (message.method === 'Runtime.exceptionThrown') complaints.push(message.params.exceptionDetails.text);
      if (message.method === 'Log.entryAdded' && message.params.entry.level === 'error') complaints.push(message.params.entry.text);
      if (waiting.has(message.id)) waiting.get(message.id)(message);
    }
  });
  let session;
  const send = (method, params = {}) => new Promise((resolve, reject) => {
    const id = next++;
    waiting.set(id, ({result, error}) => error ? reject(new Error(method + ': ' + error.message)) : resolve(result));
    to.write(JSON.stringify({id, method, params, sessionId: session}) + '\0');
  });
  const {targetInfos} = await send('Target.getTargets');
  const {targetId} = targetInfos.find((target) => target.type === 'page');
  session = (await send('Target.attachToTarget', {targetId, flatten: true})).sessionId;
  for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'DOM']) await send(domain + '.enable');
  const resize = (w, h) => send('Emulation.setDeviceMetricsOverride', {width: w, height: h, deviceScaleFactor: 1, mobile: false});
  await resize(width, height);
  /** Of an expression, which may be a promise. */
  const value = async (expression) => {
    const {result, exceptionDetails} = await send('Runtime.evaluate', {expression, awaitPromise: true, returnByValue: true});
    if (exceptionDetails) throw new Error(expression + ': ' + (exceptionDetails.exception || {}).description);
    return result.value;
  };
  return {
    urls, complaints, resize, send, value,
    async visit(url) {
      await send('Page.navigate', {url});
      await this.until('document.readyState === "complete"');
    },
    async until(expression, seconds = 60) {
      for (let i = 0; i < seconds * 10; ++i) {
        if (await value(expression)) return;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error('waited in vain for ' + expression);
    },
    async choose(selector, ...files) {
      const {root} = await send('DOM.getDocument');
      const {nodeId} = await send('DOM.querySelector', {nodeId: root.nodeId, selector});
      await send('DOM.setFileInputFiles', {nodeId, files: files.map((file) => path.resolve(file))});
    },
    async screenshot(file) {
      const {cssContentSize: {width: w, height: h}} = await send('Page.getLayoutMetrics');
      const {data} = await send('Page.captureScreenshot', {captureBeyondViewport: true, clip: {x: 0, y: 0, width: w, height: h, scale: 1}});
      fs.writeFileSync(file, Buffer.from(data, 'base64'));
    },
    async close() {
      const ended = new Promise((resolve) => browser.on('exit', resolve));
      session = undefined;
      send('Browser.close').catch(() => {});
      await ended;
      fs.rmSync(profile, {recursive: true, force: true});
    }
  };
};
