// What a Go program says when it breaks down. Go's runtime writes it to standard
// error, in small pieces, before it exits; TinyGo's to standard output, before
// it has the engine stop it.

const BEGINS = /^(?:panic|fatal error): /;
/** Characters that are kept of it: the reason, and the calls that led there. */
const MAX = 2000;

export class LastWords {
  constructor() {
    this.decoder = new TextDecoder();
    this.lines = [];          // from the one that says why
    this.length = 0;
    this.line = '';           // not ended yet
  }

  /** Hears what the program of go writes from now on; it is written as before. buffer() is its memory. */
  listen(go, buffer) {
    const { gojs, wasi_snapshot_preview1: wasi } = go.importObject;
    const write = gojs && gojs['runtime.wasmWrite'];
    if (write) {
      // func wasmWrite(fd uintptr, p unsafe.Pointer, n int32); the one parameter is where Go's stack is.
      gojs['runtime.wasmWrite'] = (stack) => {
        const at = (stack >>> 0) + 8;
        this.hear(new Uint8Array(buffer(), go.mem.getUint32(at + 8, true), go.mem.getInt32(at + 16, true)));
        write(stack);
      };
    }
    const fdWrite = wasi && wasi.fd_write;
    if (fdWrite) {
      wasi.fd_write = (descriptor, vectors, count, written) => {
        const memory = new DataView(buffer());
        for (let i = 0; i < count; i++) {
          const at = vectors + 8 * i;
          this.hear(new Uint8Array(memory.buffer, memory.getUint32(at, true), memory.getUint32(at + 4, true)));
        }
        return fdWrite(descriptor, vectors, count, written);
      };
    }
  }

  hear(bytes) {
    const lines = (this.line + this.decoder.decode(bytes, { stream: true })).split('\n');
    this.line = lines.pop().slice(0, MAX);
    lines.forEach((line) => this.ended(line));
  }

  ended(line) {
    if (BEGINS.test(line)) {
      this.lines = [];
      this.length = 0;
    } else if (this.lines.length === 0) {
      return;
    }
    if (this.length >= MAX) return;
    this.lines.push(line);
    this.length += line.length + 1;
  }

  get text() {
    const lines = BEGINS.test(this.line) ? [this.line] : this.lines.concat(this.lines.length > 0 ? this.line : []);
    return lines.join('\n').trim().slice(0, MAX);
  }
}
