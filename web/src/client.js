// The app's side of every call: promises, signals, timeouts and handles, over
// an engine in this thread or in a worker.

import { localError, receivedError } from './errors.js';
import { RESULT, PART, ERROR, EVENTS } from '../../wasm/call/call.js';

const DEFAULT_TIMEOUT = 60000;
/** Go keeps the timeouts; should a module hang, the call is given up this much later. */
const GRACE = 5000;
/** One timer looks after all calls, so often, as a timer for each would cost more than many a call. */
const WATCH = 1000;
/** Events of a handle that the app does not know yet: they come with the answer that makes it. */
const MAX_EARLY = 1000;
/** Handles that such events are kept for. */
const MAX_UNKNOWN = 64;

export class Client {
  constructor() {
    this.engine = null;
    this.modules = [];      // the names of those that have been loaded
    this.load = null;       // loads one
    this.starting = new Map(); // those that have ended: null, or the promise of their being there again
    this.calls = new Map();
    this.watch = null;      // the timer
    this.ticks = 0;         // of it
    this.handles = new Map();
    this.early = new Map();
    this.nextCall = 1;
    this.names = null;      // resolves with the app's resolver, where it has named name servers
    this.ended = null;      // why nothing can be called any more
  }

  /**
   * One call: resolves with {value, bytes}, or what take(value, bytes) makes of them. extra: {bytes: Uint8Array, take,
   * onPart(value, bytes), opens: whether the result is a handle}. A module that has ended is started afresh.
   */
  call(module, method, handle, args, options, extra) {
    const signal = options && options.signal;
    const timeout = (options && options.timeout) || DEFAULT_TIMEOUT;
    if (this.ended) return Promise.reject(this.ended);
    if (signal && signal.aborted) return Promise.reject(localError('ABORT_ERR'));
    let json;
    try {
      json = JSON.stringify(options ? Object.assign({}, args, { timeout, signal: undefined }) : args || {});
    } catch (error) {
      return Promise.reject(localError('EINVAL', error.message));
    }
    const { bytes, take, onPart, opens } = extra || {};
    if (bytes && !ArrayBuffer.isView(bytes)) return Promise.reject(localError('EINVAL', '', 'The bytes have to be a Uint8Array.'));
    const own = bytes ? new Uint8Array(bytes) : null; // the app may go on with its own
    const id = this.nextCall++;
    return new Promise((resolve, reject) => {
      const call = { module, method, resolve, reject, take, onPart, opens, begun: false, forget: null,
        until: this.ticks + 1 + Math.ceil((timeout + GRACE) / WATCH) };
      if (this.watch === null) this.look();
      if (signal) {
        const abort = () => {
          if (call.begun) this.engine.cancel(module, id);
          else this.settle(id, null, localError('ABORT_ERR'));
        };
        signal.addEventListener('abort', abort);
        call.forget = () => signal.removeEventListener('abort', abort);
      }
      this.calls.set(id, call);
      const begin = () => {
        if (!this.calls.has(id)) return;
        call.begun = true;
        this.engine.invoke(module, id, method, handle, json, own);
      };
      if (this.starting.has(module)) this.start(module).then(begin, (error) => this.settle(id, null, error));
      else begin();
    });
  }

  /** Gives up the calls whose time is over, for as long as there are any. */
  look() {
    this.watch = setTimeout(() => {
      this.watch = null;
      this.ticks++;
      this.calls.forEach((call, id) => {
        if (call.until <= this.ticks) this.settle(id, null, localError('ETIMEDOUT', call.method));
      });
      if (this.calls.size > 0 && this.watch === null) this.look();
    }, WATCH);
  }

  /** Starts a module that has ended. */
  start(module) {
    let starting = this.starting.get(module);
    if (!starting) {
      starting = this.load(module).then(() => {
        // Unless it has ended again meanwhile.
        if (this.starting.get(module) === starting) this.starting.delete(module);
      }, (error) => {
        this.starting.set(module, null); // the next call tries again
        throw error;
      });
      this.starting.set(module, starting);
    }
    return starting;
  }

  settle(id, result, error) {
    const call = this.calls.get(id);
    if (!call) return;
    this.calls.delete(id);
    if (call.forget) call.forget();
    if (error) call.reject(error);
    else call.resolve(result);
  }

  /** What a module has said in one go: see wasm/call/call.js. */
  deliver(module, list) {
    try {
      for (const [kind, id, json, bytes] of list) {
        if (this.starting.has(module)) return; // it has ended by what came before
        if (kind === EVENTS) this.event(module, id, json);
        else this.reply(module, id, kind, json, bytes);
      }
    } catch (error) {
      this.engine.broken(module, `${error}, in place of what was said`);
    }
  }

  /** An answer. What is none comes from a module that has lost its mind. */
  reply(module, id, kind, json, bytes) {
    const call = this.calls.get(id);
    if (!call) return;
    try {
      const value = JSON.parse(json);
      if (kind === PART) {
        if (call.onPart) call.onPart(value, bytes);
      } else if (kind === RESULT) {
        if (call.opens && !(value.handle > 0)) throw new Error('the result is no handle');
        this.settle(id, call.take ? call.take(value, bytes) : { value, bytes });
      } else if (kind === ERROR) {
        this.settle(id, null, receivedError(value));
      } else {
        throw new Error('an answer of no kind');
      }
    } catch (error) {
      this.engine.broken(call.module, `${error}, in: ${beginning(json)}`);
    }
  }

  /** Events of a handle, [[name, value], …]. */
  event(module, handleId, json) {
    const key = module + handleId;
    const handle = this.handles.get(key);
    try {
      const events = JSON.parse(json);
      if (handle) {
        for (const [name, value] of events) this.dispatch(key, handle, name, value);
        return;
      }
      const waiting = this.early.get(key) || [];
      this.early.set(key, waiting.concat(events).slice(0, MAX_EARLY));
      if (this.early.size > MAX_UNKNOWN) this.early.delete(this.early.keys().next().value);
    } catch (error) {
      this.engine.broken(module, `${error}, in: ${beginning(json)}`);
    }
  }

  dispatch(key, handle, name, value) {
    if (name === 'close') {
      if (value.error) value.error = receivedError(value.error);
      this.handles.delete(key);
    }
    handle._event(name, value);
  }

  adopt(handle) {
    const key = handle._module + handle._id;
    this.handles.set(key, handle);
    // Once the app's own continuation has run and put its listeners up.
    setTimeout(() => {
      const events = this.early.get(key) || [];
      this.early.delete(key);
      try {
        for (const [name, value] of events) this.dispatch(key, handle, name, value);
        handle._begun();
      } catch (error) {
        this.engine.broken(handle._module, String(error));
      }
    }, 0);
  }

  /** A module has ended: everything of it fails, and the next call starts it afresh. */
  exit(module, detail) {
    if (this.ended || this.modules.indexOf(module) < 0) return;
    this.starting.set(module, null);
    this.early.forEach((events, key) => { if (key.startsWith(module)) this.early.delete(key); });
    this.fail(localError('EPANIC', String(detail)), module);
  }

  fail(error, module) {
    if (!module) clearTimeout(this.watch);
    this.calls.forEach((call, id) => {
      if (!module || call.module === module) this.settle(id, null, error);
    });
    this.handles.forEach((handle, key) => {
      if (module && handle._module !== module) return;
      this.handles.delete(key);
      handle._event('close', { error });
    });
  }
}

/** Enough of what could not be read to tell what it was. */
function beginning(text) {
  return String(text).slice(0, 100);
}
