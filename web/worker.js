// The end of taugate.js: where it runs as the page's worker, it answers messages.
//   in:  {file: File or null, options, ownModel: File or null}, or {pixel, gates, outputs}
//   out: {about}, {stage}, {share}, {result}, {trace, pixel} or {error}

if (typeof importScripts === 'function') {
  const LARGEST_FILE = 500e6;  // bytes: a page has 2 GB in all

  const bytesOf = (file) => {
    if (!file) return null;
    if (file.size > LARGEST_FILE)
      throw new Error(file.name + ': found ' + Math.round(file.size / 1e6) + ' MB, wanted ' + LARGEST_FILE / 1e6 +
                      ' MB at most; take the program for it');
    return file.arrayBuffer().then((buffer) => ({name: file.name, bytes: new Uint8Array(buffer)}));
  };

  const engine = makeTaugate({
    onStage: (stage) => postMessage({stage}),
    onProgress: (share) => postMessage({share}),
    printErr: () => {}
  });
  engine.then((module) => postMessage({about: module.about()}),
              () => postMessage({error: 'this browser has no WebAssembly with SIMD and exceptions; wanted Chromium 95, ' +
                                        'Firefox 100 or Safari 16.4, or later ones'}));

  onmessage = async ({data}) => {
    try {
      const module = await engine;
      if ('pixel' in data) {
        postMessage({pixel: data.pixel, trace: module.trace(data.pixel, data.gates, data.outputs)});
        return;
      }
      const result = module.infer(await bytesOf(data.file), data.options, await bytesOf(data.ownModel));
      postMessage({result});
    } catch (error) {
      postMessage({error: error instanceof WebAssembly.RuntimeError || error instanceof RangeError ?
                     'the browser has run out of memory; take the program' : error.message});
    }
  };
}
