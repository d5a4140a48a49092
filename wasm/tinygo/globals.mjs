// Tells TinyGo's collector where the globals begin that may be written to; see overlay/runtime/globals.go.

const DATA = 11;
const CUSTOM = 0;
/** Of the section `name`: the names of the pieces of data, which are the linker's sections. */
const DATA_NAMES = 9;
/** What globals.go has until this has been here. */
const UNKNOWN = 0xb6d1e05f;

class Reader {
  constructor(bytes, at = 0, end = bytes.length) {
    Object.assign(this, { bytes, at, end });
  }

  get more() { return this.at < this.end; }
  byte() { return this.bytes[this.at++]; }

  /** LEB128, with or without a sign; 32 bits. */
  number(signed = false) {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte & 0x80) continue;
      if (signed && byte & 0x40 && shift < 25) value |= -1 << (shift + 7);
      return signed ? value : value >>> 0;
    }
  }

  piece() {
    const length = this.number();
    this.at += length;
    return new Reader(this.bytes, this.at - length, this.at);
  }

  text() { return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.at, this.end - this.at).toString(); }
}

/** The pieces of data: {name, offset: in the module's memory, piece: a Reader}. */
function dataOf(bytes) {
  const data = [];
  const names = [];
  for (const module = new Reader(bytes, 8); module.more;) {
    const id = module.byte();
    const section = module.piece();
    if (id === DATA) {
      for (let left = section.number(); left > 0; left--) {
        // What TinyGo's linker makes: of memory 0, at i32.const …, end.
        if (section.byte() !== 0 || section.byte() !== 0x41) throw new Error('a piece of data has no place of its own');
        const offset = section.number(true);
        section.byte();
        data.push({ offset, piece: section.piece() });
      }
    } else if (id === CUSTOM && section.piece().text() === 'name') {
      while (section.more) {
        const kind = section.byte();
        const list = section.piece();
        if (kind !== DATA_NAMES) continue;
        for (let left = list.number(); left > 0; left--) {
          const index = list.number();
          names[index] = list.piece().text();
        }
      }
    }
  }
  return data.map((one, index) => ({ ...one, name: names[index] }));
}

/** Writes into a module, as TinyGo's linker has made it, where the first of its data is that is not constant. */
export function markWritable(bytes) {
  const data = dataOf(bytes).sort((a, b) => a.offset - b.offset);
  const first = data.findIndex(({ name }) => name !== '.rodata');
  const unknown = Buffer.alloc(4);
  unknown.writeUInt32LE(UNKNOWN);
  const places = data.flatMap(({ piece }) => {
    const text = bytes.subarray(piece.at, piece.end);
    const found = [];
    for (let at = text.indexOf(unknown); at >= 0; at = text.indexOf(unknown, at + 1)) found.push(piece.at + at);
    return found;
  });
  // Where all is constant, what begins as zeros is not, and comes next: nothing is left out where that is not known.
  if (first < 0 || places.length !== 1) throw new Error(`of ${data.map(({ name }) => name)} it is not known what is constant (${places.length})`);
  bytes.writeUInt32LE(data[first].offset, places[0]);
}
