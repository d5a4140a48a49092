// A WebAssembly binary, read and written by its bytes: core specification §5, "Binary Format".

/** Sections, by their number. */
export const section = { CUSTOM: 0, TYPE: 1, IMPORT: 2, FUNCTION: 3, CODE: 10, DATA: 11 };

export class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    Object.assign(this, { bytes, at, end });
  }

  get more() { return this.at < this.end; }
  byte() { return this.bytes[this.at++]; }

  /** LEB128 without a sign. */
  number() {
    let value = 0;
    for (let place = 1, byte = 0x80; byte & 0x80; place *= 128) value += ((byte = this.byte()) & 0x7f) * place;
    return value;
  }

  /** LEB128 with a sign; exact to 53 bits. */
  signed() {
    let value = 0;
    for (let place = 1; ; place *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * place;
      if (!(byte & 0x80)) return byte & 0x40 ? value - 128 * place : value;
    }
  }

  /** What is preceded by its length. */
  piece() {
    const length = this.number();
    this.at += length;
    return new Reader(this.bytes, this.at - length, this.at);
  }

  rest() { return this.bytes.subarray(this.at, this.end); }
  text() { return Buffer.from(this.rest()).toString(); }

  limits() {
    if (this.number() & 1) this.number();
    this.number();
  }
}

/** A module's sections: {id, piece: a Reader}. */
export function* sectionsOf(bytes) {
  for (const module = new Reader(bytes, 8); module.more;) yield { id: module.byte(), piece: module.piece() };
}

/** How many functions a module has from outside; in the numbers of functions they come first. */
export function importedFunctions(piece) {
  let functions = 0;
  for (let left = piece.number(); left > 0; left--) {
    piece.piece();
    piece.piece();
    const kind = piece.byte();
    if (kind === 0) {
      functions++;
      piece.number();
    } else if (kind === 1) {
      piece.byte();
      piece.limits();
    } else if (kind === 2) piece.limits();
    else piece.at += 2;
  }
  return functions;
}

/** LEB128 without a sign. */
export function number(value) {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push(value % 128 + 0x80);
  return [...bytes, value];
}

/** LEB128 with a sign, of 32 bits. */
export function signed(value) {
  const bytes = [];
  for (value |= 0; value < -64 || value > 63; value >>= 7) bytes.push(value & 0x7f | 0x80);
  return [...bytes, value & 0x7f];
}
