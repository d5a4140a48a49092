// Tells TinyGo's collector where the globals begin that may be written to; see overlay/runtime/globals.go.

import { section, sectionsOf } from '../binary.mjs';

/** Of the section `name`: the names of the pieces of data, which are the linker's sections. */
const DATA_NAMES = 9;
/** What globals.go has until this has been here. */
const UNKNOWN = 0xb6d1e05f;

/** The pieces of data: {name, offset: in the module's memory, piece: a Reader}. */
function dataOf(bytes) {
  const data = [];
  const names = [];
  for (const { id, piece } of sectionsOf(bytes)) {
    if (id === section.DATA) {
      for (let left = piece.number(); left > 0; left--) {
        // What TinyGo's linker makes: of memory 0, at i32.const …, end.
        if (piece.byte() !== 0 || piece.byte() !== 0x41) throw new Error('a piece of data has no place of its own');
        const offset = piece.signed();
        piece.byte();
        data.push({ offset, piece: piece.piece() });
      }
    } else if (id === section.CUSTOM && piece.piece().text() === 'name') {
      while (piece.more) {
        const kind = piece.byte();
        const list = piece.piece();
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
