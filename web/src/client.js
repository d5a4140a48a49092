// The app's side of every call: promises, signals, timeouts and handles, over
// an engine in this thread or in a worker.

import { localError, receivedError } from './errors.js';
import { RESULT, PART, ERROR } from '../../wasm/call/call.js';

const DEFAULT_TIMEOUT = 60000;
/** Go keeps the timeouts; should a module hang, the call is given up this much later. */
const GRACE = 5000;
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
    this.handles = new Map();
    this.early = new Map();
    this.nextCall = 1;
    this.names = null;      // resolves with the app's resolver, where it has named name servers
    this.ended = null;      // why nothing can be called any more
  }

  /**
   * One call: resolves with {value, bytes}. extra: {bytes: Uint8Array, onPart(value, bytes), opens: whether the result
   * is a handle}. A module that has ended is started afresh.
   */
  call(module, method, handle, args, options, extra) {
    const signal = options && options.signal;
    const timeout = (options && options.timeout) || DEFAULT_TIMEOUT;
    if (this.ended) return Promise.reject(this.ended);
    if (signal && signal.aborted) return Promise.reject(localError('ABORT_ERR'));
    let json;
    try {
      json = JSON.stringify(Object.assign({}, args, { timeout, signal: undefined }));
    } catch (error) {
      return Promise.reject(localError('EINVAL', error.message));
    }
    const id = this.nextCall++;
    return new Promise((resolve, reject) => {
      const { bytes, onPart, opens } = extra || {};
      const call = { module, resolve, reject, onPart, opens, begun: false };
      call.guard = setTimeout(() => this.settle(id, null, localError('ETIMEDOUT', method)), timeout + GRACE);
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
        this.engine.invoke(module, id, method, handle, json, bytes);
      };
      if (this.starting.has(module)) this.start(module).then(begin, (error) => this.settle(id, null, error));
      else begin();
    });
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
    clearTimeout(call.guard);
    if (call.forget) call.forget();
    if (error) call.reject(error);
    else call.resolve(result);
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
        this.settle(id, { value, bytes });
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
