// What an app may give where bytes are wanted, and reading it piece by piece.

import { localError } from './errors.js';

/** How much crosses to Go at once. */
export const PIECE = 64 * 1024;

/**
 * Whatever has bytes, as {read(): a piece, null behind the last; size, where it is known; cancel(), where somebody has to be
 * told that the rest is not wanted}.
 */
export function readerOf(source) {
  if (typeof source === 'string') return readerOf(encoded(source));
  // What other windows of the app have made is no instance of this one's classes.
  if (Object.prototype.toString.call(source) === '[object ArrayBuffer]') return readerOf(new Uint8Array(source));
  if (Array.isArray(source)) return inTurn(source.map(readerOf));
  if (ArrayBuffer.isView(source)) return sliced(source.length, (from, to) => source.subarray(from, to));
  if (source && typeof source.getReader === 'function') return streaming(source.getReader());
  if (source && typeof source.read === 'function') return cutting(source);
  if (source && typeof source.slice === 'function' && typeof source.size === 'number') {
    return sliced(source.size, (from, to) => bytesOf(source.slice(from, to)));
  }
  throw localError('EINVAL', '', 'This is nothing that has bytes: a string, a Uint8Array, a Blob, a ReadableStream, an object with read(), or an array of these.');
}

function sliced(size, slice) {
  let at = 0;
  return {
    size,
    read: async () => (at < size ? slice(at, at = Math.min(at + PIECE, size)) : null),
  };
}

function inTurn(readers) {
  const known = readers.every(({ size }) => size !== undefined);
  return {
    size: known ? readers.reduce((sum, { size }) => sum + size, 0) : undefined,
    read: async () => {
      while (readers.length > 0) {
        const chunk = await readers[0].read();
        if (chunk !== null) return chunk;
        readers.shift();
      }
      return null;
    },
    cancel: () => readers.forEach((reader) => { if (reader.cancel) reader.cancel(); }),
  };
}

/** Of what comes in pieces of any size. */
function cutting(source) {
  let rest = new Uint8Array(0);
  return {
    read: async () => {
      while (rest !== null && rest.length === 0) rest = pieceOf(await source.read());
      if (rest === null) return null;
      const piece = rest.subarray(0, PIECE);
      rest = rest.subarray(PIECE);
      return piece;
    },
  };
}

function pieceOf(piece) {
  if (piece === null || piece === undefined) return null;
  if (typeof piece === 'string') return encoded(piece);
  if (ArrayBuffer.isView(piece)) return piece;
  throw localError('EINVAL', '', 'read() resolves with a string, a Uint8Array, or null at the end.');
}

function streaming(reader) {
  return Object.assign(cutting({ read: () => reader.read().then(({ done, value }) => (done ? null : value)) }), {
    cancel: () => { reader.cancel().catch(() => {}); }, // it was given up already
  });
}

function encoded(text) {
  return new TextEncoder().encode(text);
}

function bytesOf(blob) {
  if (typeof FileReader === 'undefined') return blob.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(new Uint8Array(reader.result));
    reader.onerror = () => reject(localError('EINVAL', String(reader.error), 'A file could not be read.'));
    reader.readAsArrayBuffer(blob);
  });
}

export function joined(chunks) {
  const all = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  chunks.reduce((at, chunk) => {
    all.set(chunk, at);
    return at + chunk.length;
  }, 0);
  return all;
}
