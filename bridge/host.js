// What a Go module imports: its sockets, by number. These functions are called
// by Go and must never throw into it.

import { Alarm } from './alarm.js';
import { Stream } from './stream.js';
import { Datagrams } from './datagram.js';
import { LastWords } from './lastwords.js';
import { Listener } from './listener.js';
import { Request } from './request.js';

const WOULD_BLOCK = 0;
const ENDED_RESULT = -1;
const YIELD_FIRST = -2;
const FLAG_TLS = 1;
const FLAG_STRING = 2;
const FLAG_REUSE = 4;
const FLAG_LOOPBACK = 8;

const NOTHING = new Uint8Array(0);

/** What wasm_exec.js calls what has called Go, and the numbers of null and of its own object among Go's values. */
const PENDING_EVENT = '_pendingEvent';
const NULL_VALUE = 2;
const GO_VALUE = 6;
const NULL_HEAD = 0x7ff80000;
const OBJECT_HEAD = NULL_HEAD | 1;

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
    this.sockets = new Map();
    this.nextId = 1;
    this.stopped = false;
    /** Go puts its functions here when it starts; see Host in host_js.go. */
    this.object = {};
    this.go = null;
    this.words = new LastWords();
    this.exit = null;         // settles the promise of start()
    this.ran = () => {};      // called when Go has run until all of it waits
    this.alarm = new Alarm(() => this.resume());
    this.decoder = new TextDecoder();
    this.encoder = new TextEncoder();
  }

  /** Adds our functions to go's imports. Call start() instead of go.run(). */
  attach(go, more) {
    this.go = go;
    go.importObject.kaiwire = Object.assign(this.imports(), more);
    const { gojs } = go.importObject;
    if (gojs['runtime.sleepTicks']) this.attachTinyGo(go, gojs);
    else Object.assign(gojs, this.timers(), this.events(gojs));
    this.words.listen(go, () => this.buffer);
    // By which timers, sockets and Go's functions for JavaScript all enter Go: none of them is the one to be told.
    const resume = go._resume;
    go._resume = () => {
      if (this.stopped) return;
      try {
        resume.call(go);
      } catch (error) {
        this.trapped(error);
      }
      this.ran();
    };
  }

  /**
   * What TinyGo does otherwise. Its wasm_exec.js sets a timer whenever the program has nothing more to do, and clears none
   * of them; and its resume is for calls of Go's functions for JavaScript only, the scheduler is an export of its own.
   */
  attachTinyGo(go, gojs) {
    let sleep = 0;
    // func sleepTicks(d int64), in nanoseconds
    gojs['runtime.sleepTicks'] = (ticks) => { sleep = this.alarm.set(Number(ticks) / 1e6); };
    // func getRandomValues(r []byte), of package crypto's: it asks for no more than can be had at once.
    gojs['runtime.getRandomData'] = (pointer, length) => { crypto.getRandomValues(new Uint8Array(this.buffer, pointer, length)); };
    this.run = () => {
      this.alarm.clear(sleep);
      try {
        go._inst.exports.go_scheduler();
      } catch (error) {
        this.trapped(error);
      }
      this.ran();
    };
  }

  /** In place of wasm_exec.js's: the one parameter is where Go's stack is, with the arguments 8 bytes above. */
  timers() {
    return {
      // func scheduleTimeoutEvent(delay int64) int32; Go asks for 1e9 ms at the most.
      'runtime.scheduleTimeoutEvent': (stack) => {
        const { mem } = this.go;
        mem.setInt32((stack >>> 0) + 16, this.alarm.set(mem.getInt32((stack >>> 0) + 8, true)), true);
      },
      // func clearTimeoutEvent(id int32)
      'runtime.clearTimeoutEvent': (stack) => this.alarm.clear(this.go.mem.getInt32((stack >>> 0) + 8, true)),
    };
  }

  /**
   * In place of wasm_exec.js's valueGet, for one question: each time it is entered Go asks its own object for `_pendingEvent`,
   * and no other name there has as many bytes. Mostly there is none; to decode the name took longer than all else of the
   * answer.
   */
  events(gojs) {
    const { go } = this;
    const valueGet = gojs['syscall/js.valueGet'];
    return {
      // func valueGet(v ref, name string) ref; a ref is a value's number, and on top what makes it no number of Go's.
      'syscall/js.valueGet': (stack) => {
        const at = stack >>> 0;
        const { mem } = go;
        if (go._pendingEvent !== null || mem.getInt32(at + 24, true) !== PENDING_EVENT.length
          || mem.getInt32(at + 8, true) !== GO_VALUE || mem.getInt32(at + 12, true) !== OBJECT_HEAD) {
          valueGet(stack);
          return;
        }
        mem.setInt32(at + 32, NULL_VALUE, true);
        mem.setInt32(at + 36, NULL_HEAD, true);
      },
    };
  }

  /**
   * Runs the module. The promise ends with the program, whose sockets are closed by then: it resolves with the exit
   * status, which is 2 after a panic of Go's, and rejects where the engine has stopped the program, as TinyGo has it do
   * after a panic. See lastWords. Go finds our object under a global name, which is there only while it starts: Go's main
   * runs up to its first wait before run() returns.
   */
  start(instance) {
    const { go } = this;
    const ended = new Promise((resolve, reject) => { this.exit = { resolve, reject }; });
    go.exit = (status) => this.exited(status);
    const scope = globalScope();
    scope.kaiwireHost = this.object;
    // TinyGo has no exit().
    go.run(instance).then(() => this.exited(go.exitCode || 0), (error) => this.trapped(error));
    delete scope.kaiwireHost;
    return ended;
  }

  exited(status) {
    this.stop();
    this.exit.resolve(status);
  }

  /** Go was left by an exception: nothing in it can be relied on any more. */
  trapped(error) {
    if (this.go.exited) return; // and was entered once more
    this.stop();
    this.exit.reject(error);
  }

  /** What Go has said of its own end, such as `panic: …` and where that was; empty where it has said nothing. */
  get lastWords() { return this.words.text; }

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
      stream_open: (host, hostLength, port, flags) => {
        const options = {
          host: this.text(host, hostLength),
          port,
          tls: (flags & FLAG_TLS) !== 0,
          framing: this.framingOf(flags),
        };
        return this.add((notify) => new Stream(this.phone, options, notify));
      },
      stream_read: (id, pointer, length) => {
        const stream = this.sockets.get(id);
        if (!stream) return ENDED_RESULT;
        // Where nothing waits, Go does, and the browser runs.
        if (stream.queued > 0 && this.heldTooLong()) return YIELD_FIRST;
        return stream.read(stream.queued > 0 ? new Uint8Array(this.buffer, pointer, length) : NOTHING);
      },
      stream_write: (id, pointer, length) => {
        const stream = this.sockets.get(id);
        return stream ? stream.write(this.buffer, pointer, length) : ENDED_RESULT;
      },
      stream_upgrade: (id) => {
        const stream = this.sockets.get(id);
        return stream && stream.upgrade() ? WOULD_BLOCK : ENDED_RESULT;
      },
      listener_open: (port, backlog, flags) =>
        this.add((notify) => new Listener(this.phone, { port, backlog, framing: this.framingOf(flags) }, notify)),
      listener_accept: (id, address, addressLength) => this.accept(id, address, addressLength),
      datagram_open: (address, addressLength, port, flags) => {
        const options = { addressReuse: (flags & FLAG_REUSE) !== 0, loopback: (flags & FLAG_LOOPBACK) !== 0 };
        // Left out, not empty or 0, which the platform refuses.
        if (addressLength > 0) options.localAddress = this.text(address, addressLength);
        if (port !== 0) options.localPort = port;
        return this.add((notify) => new Datagrams(this.phone, options, notify));
      },
      datagram_read: (id, pointer, length, address, addressLength) => {
        const socket = this.sockets.get(id);
        const datagram = socket && socket.read();
        if (datagram === undefined) return ENDED_RESULT;
        if (datagram === null) return WOULD_BLOCK;
        const data = datagram.data.subarray(0, length);
        new Uint8Array(this.buffer, pointer, length).set(data);
        this.write(address, addressLength, datagram.address + ' ' + datagram.port + '\n');
        return data.length + 1; // an empty datagram is not none
      },
      datagram_write: (id, pointer, length, address, addressLength, port) => {
        const socket = this.sockets.get(id);
        // The platform takes views here, but keeps them until they are sent.
        const bytes = new Uint8Array(this.buffer, pointer, length).slice();
        return socket && socket.write(bytes, this.text(address, addressLength), port) ? 1 : ENDED_RESULT;
      },
      datagram_multicast: (id, join, group, groupLength) => {
        const socket = this.sockets.get(id);
        return socket && socket.multicast(join !== 0, this.text(group, groupLength)) ? 1 : ENDED_RESULT;
      },
      request_open: (url, urlLength, type, typeLength, body, bodyLength, limit) => {
        const options = {
          url: this.text(url, urlLength),
          type: this.text(type, typeLength),
          body: bodyLength > 0 ? new Uint8Array(this.buffer, body, bodyLength).slice() : null,
          limit,
        };
        return this.add((notify) => new Request(globalScope().XMLHttpRequest, options, notify));
      },
      socket_local: (id, pointer, length) => {
        const socket = this.sockets.get(id);
        if (!socket) return 0;
        const [address, port] = socket instanceof Listener
          ? ['0.0.0.0', socket.port]
          : [socket.socket.localAddress, socket.socket.localPort];
        return this.write(pointer, length, address + ' ' + port + '\n');
      },
      socket_close: (id) => {
        const socket = this.sockets.get(id);
        if (!socket) return;
        this.sockets.delete(id);
        socket.close();
      },
      socket_error: (id, pointer, length) => {
        const socket = this.sockets.get(id);
        if (!socket || !socket.error) return 0;
        const { name, message, opened } = socket.error;
        // The message is the platform's and may hold anything; the three parts are lines.
        return this.write(pointer, length, [name, message.replace(/\n/g, ' ').slice(0, 100), opened ? 'opened' : ''].join('\n'));
      },
    };
  }

  /** Writes text into Go's memory: how many bytes. */
  write(pointer, length, text) {
    const bytes = this.encoder.encode(text).subarray(0, length);
    new Uint8Array(this.buffer, pointer, length).set(bytes);
    return bytes.length;
  }

  framingOf(flags) {
    return (flags & FLAG_STRING) !== 0 ? 'string' : this.framing;
  }

  /** Makes a socket and gives it a number. */
  add(make) {
    const id = this.nextId++;
    this.sockets.set(id, make((what) => this.wake(id, what)));
    return id;
  }

  accept(id, address, addressLength) {
    const listener = this.sockets.get(id);
    const entry = listener && listener.accept();
    if (entry === undefined) return ENDED_RESULT;
    if (entry === null) return WOULD_BLOCK;
    this.write(address, addressLength, entry.host + ' ' + entry.port + '\n');
    return this.add((notify) => {
      entry.accepted = notify;
      return entry.stream;
    });
  }

  wake(id, what) {
    if (this.sockets.has(id)) this.call('kaiwire_wake', id, what);
  }

  /** Calls an export of the program's own, which takes notice of something and has goroutines do the rest. */
  call(name, ...args) {
    this.enter(name, ...args);
    this.resume();
  }

  /** The same without the rest, which runs in resume(). */
  enter(name, ...args) {
    if (this.stopped) return;
    try {
      this.go._inst.exports[name](...args);
    } catch (error) {
      this.trapped(error);
    }
  }

  /** Lets Go run on: those who have been woken, or whose time has come. */
  resume() {
    if (this.stopped) return;
    this.entering();
    this.run();
  }

  /** Runs Go's scheduler until all goroutines wait. */
  run() {
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

  /** Closes all sockets; Go is not woken any more. */
  stop() {
    this.stopped = true;
    this.alarm.stop();
    this.sockets.forEach((socket) => socket.close());
    this.sockets.clear();
  }
}

// Gecko 48 has no globalThis.
function globalScope() {
  return typeof self !== 'undefined' ? self : globalThis;
}
