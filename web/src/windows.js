// A large thing of the app's in windows, so that never all of it crosses to the worker, or is held, at once.

import { localError } from './errors.js';

/** How many bytes cross at once. */
const WINDOW = 64 * 1024;

export class Windows {
  /** @param raw a string, Uint8Array or Blob, or what comes piece by piece: a ReadableStream, or anything with read() */
  constructor(raw) {
    this.source = sourceOf(raw);
    this.size = this.source.size;
    this.pieces = []; // come, and not handed on yet
    this.held = 0;
    this.ended = false;
  }

  /** The next window, {bytes, last}. */
  async next() {
    while (!this.ended && this.held <= WINDOW) {
      const piece = await this.source.read();
      if (piece === null || piece === undefined) {
        this.ended = true;
      } else {
        const bytes = bytesOf(piece);
        this.pieces.push(bytes);
        this.held += bytes.length;
      }
    }
    const bytes = new Uint8Array(Math.min(this.held, WINDOW));
    for (let at = 0; at < bytes.length;) {
      const piece = this.pieces.shift();
      const part = piece.subarray(0, bytes.length - at);
      bytes.set(part, at);
      at += part.length;
      if (part.length < piece.length) this.pieces.unshift(piece.subarray(part.length));
    }
    this.held -= bytes.length;
    return { bytes, last: this.ended && this.held === 0 };
  }

  /** Nobody wants the rest. */
  cancel() {
    if (!this.ended && this.source.cancel) this.source.cancel();
  }
}

function bytesOf(piece) {
  if (typeof piece === 'string') return new TextEncoder().encode(piece);
  if (piece instanceof Uint8Array) return piece;
  throw localError('EINVAL', '', 'A message comes as strings or as Uint8Arrays.');
}

function sourceOf(raw) {
  if (typeof raw === 'string' || raw instanceof Uint8Array) return once(bytesOf(raw));
  if (typeof Blob === 'function' && raw instanceof Blob) return blob(raw);
  if (raw && typeof raw.getReader === 'function') return stream(raw.getReader());
  if (raw && typeof raw.read === 'function') return { read: () => raw.read() };
  throw localError('EINVAL', '', 'The message is missing: a string, a Uint8Array, a Blob or a stream.');
}

function once(bytes) {
  let left = bytes;
  return {
    size: bytes.length,
    read: async () => {
      const piece = left;
      left = null;
      return piece;
    },
  };
}

function blob(whole) {
  let at = 0;
  return {
    size: whole.size,
    read: async () => {
      if (at === whole.size) return null;
      const part = whole.slice(at, Math.min(at + WINDOW, whole.size));
      at += part.size;
      return new Uint8Array(await (part.arrayBuffer ? part.arrayBuffer() : readBlob(part)));
    },
  };
}

/** As Gecko 48 has it. */
function readBlob(part) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsArrayBuffer(part);
  });
}

function stream(reader) {
  return {
    read: async () => {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    cancel: () => { reader.cancel().catch(() => {}); }, // it was given up already
  };
}
