// What wasm_exec.js is to WebAssembly, for a program that TinyGo has compiled
// and make.mjs has turned into JavaScript: runs it, and gives it the functions
// of syscall/js. TinyGo's own passes a JavaScript value as a BigInt of 64 bits,
// which no engine had when Gecko 48 was made. Here such a number is two of 32,
// its lower half first: as two parameters, or as a result and what getTempRet0
// tells of it.
//
// A value is what package js calls a ref: a number is itself, and anything else
// a NaN with the place in `values` below and the type above.

const NAN = 0x7ff80000;
const OBJECT = 1;
const TYPES = { string: 2, symbol: 3, function: 4 };
/** Where package js expects null, true and false among the values. */
const CONSTANTS = new Map([[null, 2], [true, 3], [false, 4]]);
const EBADF = 8;
const STDOUT = 1;

const scope = typeof self === 'undefined' ? globalThis : self;

/** Thrown to leave a program that has called os.Exit. */
const exit = {};

export class Go {
  constructor() {
    /** As in wasm_exec.js, module → name → function; numbers of 64 bits are JavaScript's, and values are values. */
    this.importObject = {
      gojs: this.time(),
      wasi_snapshot_preview1: this.system(),
    };
    this.exited = false;
    this.exitCode = 0;
    this.values = null;       // what the program knows of JavaScript; a ref's lower half is the place
    this.references = null;   // how often the program has got it
    this.ids = new Map();     // value → place
    this.free = [];           // places
    this.upper = 0;           // half of the result of the function called last
    this.number = new Float64Array(1);
    this.halves = new Int32Array(this.number.buffer);
    this.encoder = new TextEncoder();
    this.decoder = new TextDecoder();
    this.written = '';        // to standard output, since the last end of a line
    this.lines = new TextDecoder();
    this.ended = null;
  }

  /** Links a program: what WebAssembly.instantiate would make of it. `program` is what its script has registered. */
  instantiate(program) {
    const { gojs, wasi_snapshot_preview1: system, ...own } = this.importObject;
    const { 'runtime.ticks': ticks, 'runtime.sleepTicks': sleepTicks } = gojs;
    const time = {
      'runtime.ticks': () => this.split(ticks()),
      'runtime.sleepTicks': (low, high) => sleepTicks(high * 0x100000000 + (low >>> 0)),
    };
    return { exports: program(Object.assign({}, own, {
      env: { getTempRet0: () => this.upper },
      gojs: Object.assign({}, gojs, time, this.values64()),
      wasi_snapshot_preview1: system,
    })) };
  }

  /** Runs the program's main; the promise ends with the program, or with what has been thrown through it. */
  run(instance) {
    this._inst = instance;
    this.values = [NaN, 0, null, true, false, scope, this];
    this.references = [];
    return new Promise((resolve) => {
      this.ended = resolve;
      this.enter(() => instance.exports._start());
    });
  }

  enter(program) {
    try {
      program();
    } catch (error) {
      if (error !== exit) throw error;
    }
  }

  /** Runs what waits for this._pendingEvent, a call of one of Go's functions. */
  _resume() {
    if (this.exited) throw new Error('the Go program has ended');
    this.enter(() => this._inst.exports.resume());
  }

  /** Called by package js, for js.FuncOf. */
  _makeFuncWrapper(id) {
    const go = this;
    return function (...parameters) {
      const event = { id, this: this, args: parameters };
      go._pendingEvent = event;
      go._resume();
      return event.result;
    };
  }

  get view() { return new DataView(this._inst.exports.memory.buffer); }
  bytes(address, length) { return new Uint8Array(this._inst.exports.memory.buffer, address, length); }
  text(address, length) { return this.decoder.decode(this.bytes(address, length)); }

  time() {
    const origin = Date.now() - performance.now();
    return {
      'runtime.ticks': () => (origin + performance.now()) * 1e6,
      'runtime.sleepTicks': (ticks) => {
        setTimeout(() => {
          if (!this.exited) this.enter(() => this._inst.exports.go_scheduler());
        }, ticks / 1e6);
      },
    };
  }

  system() {
    return {
      fd_write: (descriptor, vectors, count, written) => {
        const { view } = this;
        let length = 0;
        for (let i = 0; i < count; i++) {
          const size = view.getUint32(vectors + 8 * i + 4, true);
          if (descriptor === STDOUT) this.print(this.bytes(view.getUint32(vectors + 8 * i, true), size));
          length += size;
        }
        view.setUint32(written, length, true);
        return descriptor === STDOUT ? 0 : EBADF;
      },
      proc_exit: (code) => {
        this.exited = true;
        this.exitCode = code;
        this.ended();
        throw exit;
      },
      random_get: (address, length) => {
        crypto.getRandomValues(this.bytes(address, length));
        return 0;
      },
    };
  }

  print(bytes) {
    const lines = (this.written + this.lines.decode(bytes, { stream: true })).split('\n');
    this.written = lines.pop();
    lines.forEach((line) => console.log(line));
  }

  /** The functions of package js, as it declares them, with refs and their halves. */
  values64() {
    const take = (low, high) => this.unbox(low, high);
    const give = (value) => this.box(value);
    const text = (address, length) => this.text(address, length);
    const bytes = (address, length) => this.bytes(address, length);
    return {
      'syscall/js.finalizeRef': (id) => this.release(id),
      'syscall/js.stringVal': (p, n) => give(text(p, n)),
      'syscall/js.valueGet': (low, high, p, n) => give(Reflect.get(take(low, high), text(p, n))),
      'syscall/js.valueSet': (low, high, p, n, valueLow, valueHigh) => {
        Reflect.set(take(low, high), text(p, n), take(valueLow, valueHigh));
      },
      'syscall/js.valueDelete': (low, high, p, n) => { Reflect.deleteProperty(take(low, high), text(p, n)); },
      'syscall/js.valueIndex': (low, high, i) => give(Reflect.get(take(low, high), i)),
      'syscall/js.valueSetIndex': (low, high, i, valueLow, valueHigh) => {
        Reflect.set(take(low, high), i, take(valueLow, valueHigh));
      },
      'syscall/js.valueCall': (out, low, high, p, n, parameters, count) => this.attempt(out, () => {
        const value = take(low, high);
        return Reflect.apply(Reflect.get(value, text(p, n)), value, this.list(parameters, count));
      }),
      'syscall/js.valueInvoke': (out, low, high, parameters, count) => this.attempt(out, () => (
        Reflect.apply(take(low, high), undefined, this.list(parameters, count)))),
      'syscall/js.valueNew': (out, low, high, parameters, count) => this.attempt(out, () => (
        Reflect.construct(take(low, high), this.list(parameters, count)))),
      'syscall/js.valueLength': (low, high) => take(low, high).length,
      'syscall/js.valuePrepareString': (out, low, high) => {
        const encoded = this.encoder.encode(String(take(low, high)));
        this.store(out, encoded);
        this.view.setInt32(out + 8, encoded.length, true);
      },
      'syscall/js.valueLoadString': (low, high, p, n) => { bytes(p, n).set(take(low, high)); },
      'syscall/js.valueInstanceOf': (low, high, classLow, classHigh) => (take(low, high) instanceof take(classLow, classHigh) ? 1 : 0),
      'syscall/js.copyBytesToGo': (out, p, n, capacity, low, high) => this.copied(out, bytes(p, n), take(low, high), false),
      'syscall/js.copyBytesToJS': (out, low, high, p, n) => this.copied(out, bytes(p, n), take(low, high), true),
    };
  }

  /** A ref of value, by its lower half; the upper one is for getTempRet0. */
  box(value) {
    if (typeof value === 'number') {
      if (value === 0) return this.ref(1, NAN);
      this.number[0] = value;
      return isNaN(value) ? this.ref(0, NAN) : this.ref(this.halves[0], this.halves[1]);
    }
    if (value === undefined) return this.ref(0, 0);
    if (CONSTANTS.has(value)) return this.ref(CONSTANTS.get(value), NAN);
    let id = this.ids.get(value);
    if (id === undefined) {
      id = this.free.length > 0 ? this.free.pop() : this.values.length;
      this.values[id] = value;
      this.references[id] = 0;
      this.ids.set(value, id);
    }
    this.references[id]++;
    return this.ref(id, NAN | (TYPES[typeof value] || OBJECT));
  }

  ref(low, high) {
    this.upper = high;
    return low;
  }

  /** A whole number of 64 bits, likewise. */
  split(number) {
    return this.ref(number | 0, Math.floor(number / 0x100000000) | 0);
  }

  unbox(low, high) {
    this.halves[0] = low;
    this.halves[1] = high;
    const number = this.number[0];
    if (number === 0) return undefined;
    return isNaN(number) ? this.values[low >>> 0] : number;
  }

  release(id) {
    if (--this.references[id] > 0) return;
    this.ids.delete(this.values[id]);
    this.values[id] = null;
    this.free.push(id);
  }

  store(address, value) {
    const { view } = this;
    view.setInt32(address, this.box(value), true);
    view.setInt32(address + 4, this.upper, true);
  }

  list(address, count) {
    const { view } = this;
    return Array.from({ length: count }, (_, i) => (
      this.unbox(view.getInt32(address + 8 * i, true), view.getInt32(address + 8 * i + 4, true))));
  }

  /** The result of a call, or what it has thrown, and which of them it is. */
  attempt(out, call) {
    let value;
    let ok = 1;
    try {
      value = call();
    } catch (error) {
      value = error;
      ok = 0;
    }
    // The call may have grown the memory.
    this.store(out, value);
    this.view.setUint8(out + 8, ok);
  }

  copied(out, memory, array, fromGo) {
    const ok = array instanceof Uint8Array || array instanceof Uint8ClampedArray;
    if (ok) {
      const length = Math.min(memory.length, array.length);
      if (fromGo) array.set(memory.subarray(0, length));
      else memory.set(array.subarray(0, length));
      this.view.setInt32(out, length, true);
    }
    this.view.setUint8(out + 4, ok ? 1 : 0);
  }
}
