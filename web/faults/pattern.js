// The bytes that are sent, so that whoever gets them knows what they must be:
// conn/main_js.go has the same.

const LENGTH = 65521; // a prime, so that nothing that is lost or moved goes unseen

const block = new Uint8Array(LENGTH);
let x = 1;
for (let i = 0; i < LENGTH; i++) {
  // Marsaglia's xorshift32.
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  block[i] = x >>> 24;
}

/** The bytes of the pattern from an offset on. */
export function pattern(offset, length) {
  const bytes = new Uint8Array(length);
  let at = offset % LENGTH;
  for (let done = 0; done < length; at = 0) {
    const part = block.subarray(at, at + length - done);
    bytes.set(part, done);
    done += part.length;
  }
  return bytes;
}

/** Whether the bytes are those of the pattern at an offset. */
export function isPattern(bytes, offset) {
  let at = offset % LENGTH;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] !== block[at]) return false;
    if (++at === LENGTH) at = 0;
  }
  return true;
}
