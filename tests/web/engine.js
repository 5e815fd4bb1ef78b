// The module of build/web under Node, for tests and times.
'use strict';
const fs = require('fs'), path = require('path');

exports.load = (page) =>
  require(path.resolve(page, 'taugate.js'))({wasmBinary: fs.readFileSync(path.join(page, 'taugate.wasm'))});

exports.file = (name) => ({name: path.basename(name), bytes: new Uint8Array(fs.readFileSync(name))});

/** The values of a .npy file of 32-bit floats. */
exports.npy = (name) => {
  const bytes = fs.readFileSync(name), begin = 10 + bytes.readUInt16LE(8);
  if (!bytes.subarray(10, begin).toString('latin1').includes("'<f4'")) throw new Error(name + ': wanted floats');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + bytes.length));
};

/** A column of a table by name. */
exports.column = (name, column) => {
  const [head, ...lines] = fs.readFileSync(name, 'utf8').trim().split('\n');
  const at = head.split(',').indexOf(column);
  return at < 0 ? null : lines.map((line) => Number(line.split(',')[at]));
};
