// Part of taugate.js: the module's functions for the page's worker and for the test under Node.

const MAPS = ['intensity', 'amplitude_ns', 'intensity_ns', 'amplitude_sd_ns', 'intensity_sd_ns', 'state_distance',
              'input_chi2r'];

function answerOf(name, request) {
  const answer = JSON.parse(ccall(name, 'string', request ? ['string'] : [], request ? [JSON.stringify(request)] : []));
  if (answer.error) throw new Error(answer.error);
  return answer;
}

/** `count` floats of an array of the last image, from `first`: a copy. */
function floats(name, first, count) {
  const at = ccall('taugate_array', 'number', ['string'], [name]) / 4 + first;
  return HEAPF32.slice(at, at + count);
}

function sizeOf(name) {
  return ccall('taugate_size', 'number', ['string'], [name]);
}

/** The models inside and the palette. */
Module.about = () => answerOf('taugate_about');

/**
 * Reads `file` ({name, bytes: Uint8Array}; null: the example) and gives what taugate_infer() answers, with `maps`: an
 * array of floats by name, and `unlike`: flags, or null. `options`: as in taugate_infer(); `ownModel` is a file too.
 */
Module.infer = (file, options, ownModel) => {
  const request = Object.assign({}, options, {file: file ? file.name : ''});
  // Alone in its folder, so that messages have its name alone.
  const folder = '/file', modelFolder = '/model';
  for (const path of [folder, modelFolder]) if (!FS.analyzePath(path).exists) FS.mkdir(path);
  FS.chdir(folder);
  try {
    if (file) FS.writeFile(file.name, file.bytes, {canOwn: true});
    if (ownModel) {
      request.own_model = modelFolder + '/' + ownModel.name;
      FS.writeFile(request.own_model, ownModel.bytes, {canOwn: true});
    }
    const answer = answerOf('taugate_infer', request);
    answer.maps = {};
    for (const name of MAPS) {
      const size = sizeOf(name);
      if (size > 0) answer.maps[name] = floats(name, 0, size);
    }
    const flags = ccall('taugate_unlike', 'number', [], []);
    answer.flags = flags ? HEAPU8.slice(flags, flags + answer.width * answer.height) : null;
    return answer;
  } finally {
    for (const path of [folder, modelFolder])
      for (const name of FS.readdir(path)) if (name !== '.' && name !== '..') FS.unlink(path + '/' + name);
  }
};

/** Counts [gates] of a pixel of that image, and its decay [gates][outputs] (empty of a model that gives none). */
Module.trace = (pixel, gates, outputs) => ({
  counts: floats('counts', pixel * gates, gates),
  decay: sizeOf('sfd') > 0 ? floats('sfd', pixel * gates * outputs, gates * outputs) : new Float32Array(0)
});
