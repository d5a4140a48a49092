// What a Go module imports: its streams, by number. These functions are called
// by Go and must never throw into it.

import { Stream, ENDED } from './stream.js';

const WOULD_BLOCK = 0;
const ENDED_RESULT = -1;
const YIELD_FIRST = -2;
const FLAG_TLS = 1;
const FLAG_STRING = 2;

/** How long Go may hold the page's thread before a read sends it through a timer, in milliseconds. */
const PAGE_SLICE = 8;

export class Host {
  /**
   * @param phone   what opens sockets: see phone.js and relay.js
   * @param options {framing, yields: whether this thread is the page's}
   */
  constructor(phone, options) {
    this.phone = phone;
    this.framing = options && options.framing;
    this.slice = options && options.yields ? PAGE_SLICE : 0;
    this.entered = 0;
    this.streams = new Map();
    this.nextId = 1;
    this.stopped = false;
    /** Go puts its functions here when it starts; see Host in host_js.go. */
    this.object = {};
    this.go = null;
    this.decoder = new TextDecoder();
    this.encoder = new TextEncoder();
  }

  /** Adds our functions to go's imports. Call start() instead of go.run(). */
  attach(go, more) {
    this.go = go;
    go.importObject.kaiwire = Object.assign(this.imports(), more);
  }

  /**
   * Runs the module; the promise ends with the program. Go finds our object
   * under a global name, which is there only while it starts: Go's main runs up
   * to its first wait before run() returns.
   */
  start(instance) {
    const scope = globalScope();
    scope.kaiwireHost = this.object;
    try {
      return this.go.run(instance);
    } finally {
      delete scope.kaiwireHost;
    }
  }

  /** The module's memory; a new buffer each time it has grown. */
  get buffer() {
    const exports = this.go._inst.exports;
    return (exports.mem || exports.memory).buffer;
  }

  text(pointer, length) {
    return this.decoder.decode(new Uint8Array(this.buffer, pointer, length));
  }

  imports() {
    return {
      stream_open: (host, hostLength, port, flags) => this.open(this.text(host, hostLength), port, flags),
      stream_read: (id, pointer, length) => {
        const stream = this.streams.get(id);
        if (!stream) return ENDED_RESULT;
        if (this.heldTooLong()) return YIELD_FIRST;
        return stream.read(new Uint8Array(this.buffer, pointer, length));
      },
      stream_write: (id, pointer, length) => {
        const stream = this.streams.get(id);
        return stream ? stream.write(this.buffer, pointer, length) : ENDED_RESULT;
      },
      stream_upgrade: (id) => {
        const stream = this.streams.get(id);
        return stream && stream.upgrade() ? WOULD_BLOCK : ENDED_RESULT;
      },
      stream_close: (id) => {
        const stream = this.streams.get(id);
        if (!stream) return;
        this.streams.delete(id);
        stream.close();
      },
      stream_error: (id, pointer, length) => {
        const stream = this.streams.get(id);
        if (!stream || !stream.error) return 0;
        const { name, message, opened } = stream.error;
        // The message is the platform's and may hold anything; the three parts are lines.
        const text = [name, message.replace(/\n/g, ' ').slice(0, 100), opened ? 'opened' : ''].join('\n');
        const bytes = this.encoder.encode(text).subarray(0, length);
        new Uint8Array(this.buffer, pointer, length).set(bytes);
        return bytes.length;
      },
    };
  }

  open(host, port, flags) {
    const id = this.nextId++;
    const options = {
      host,
      port,
      tls: (flags & FLAG_TLS) !== 0,
      framing: (flags & FLAG_STRING) !== 0 ? 'string' : this.framing,
    };
    this.streams.set(id, new Stream(this.phone, options, (what) => this.wake(id, what)));
    return id;
  }

  wake(id, what) {
    if (this.stopped || !this.streams.has(id)) return;
    this.entering();
    this.go._inst.exports.kaiwire_wake(id, what);
    // What the export has woken runs only now.
    this.go._resume();
  }

  /** To be called before Go is entered: from here on it holds the thread. */
  entering() {
    if (this.slice !== 0) this.entered = performance.now();
  }

  heldTooLong() {
    if (this.slice === 0) return false;
    const now = performance.now();
    if (now - this.entered <= this.slice) return false;
    // The timer that Go now waits for begins a new turn.
    this.entered = now;
    return true;
  }

  /** Closes all streams; Go is not woken any more. */
  stop() {
    this.stopped = true;
    this.streams.forEach((stream) => stream.close());
    this.streams.clear();
  }
}

// Gecko 48 has no globalThis.
function globalScope() {
  return typeof self !== 'undefined' ? self : globalThis;
}

export { ENDED };
