// A large thing of the app's in windows, so that never all of it crosses to the worker, or is held, at once.

import { readerOf, PIECE } from './bytes.js';

export class Windows {
  /** @param raw whatever has bytes; see bytes.js */
  constructor(raw) {
    this.source = readerOf(raw);
    this.size = this.source.size;
    this.pieces = []; // come, and not handed on yet
    this.held = 0;
    this.ended = false;
  }

  /** The next window, {bytes, last}. */
  async next() {
    while (!this.ended && this.held <= PIECE) {
      const piece = await this.source.read();
      if (piece === null) {
        this.ended = true;
      } else {
        this.pieces.push(piece);
        this.held += piece.length;
      }
    }
    const bytes = new Uint8Array(Math.min(this.held, PIECE));
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
