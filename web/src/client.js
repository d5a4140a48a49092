// The app's side of every call: promises, signals, timeouts and handles, over
// an engine in this thread or in a worker.

import { KaiwireError, localError } from './errors.js';
import { RESULT, PART } from '../../wasm/call/call.js';

const DEFAULT_TIMEOUT = 60000;
/** Go keeps the timeouts; should a module hang, the call is given up this much later. */
const GRACE = 5000;
/** Events of a handle that the app does not know yet: they come with the answer that makes it. */
const MAX_EARLY = 1000;

export class Client {
  constructor() {
    this.engine = null;
    this.calls = new Map();
    this.handles = new Map();
    this.early = new Map();
    this.nextCall = 1;
    this.names = null; // the app's resolver, where it has named name servers
    this.ended = null; // why nothing can be called any more
  }

  /** One call: resolves with {value, bytes}. extra: {bytes: Uint8Array, onPart(value, bytes)} */
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
      const call = { module, resolve, reject, onPart: extra && extra.onPart };
      call.guard = setTimeout(() => this.settle(id, null, localError('ETIMEDOUT', method)), timeout + GRACE);
      if (signal) {
        const abort = () => this.engine.cancel(module, id);
        signal.addEventListener('abort', abort);
        call.forget = () => signal.removeEventListener('abort', abort);
      }
      this.calls.set(id, call);
      this.engine.invoke(module, id, method, handle, json, extra && extra.bytes);
    });
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

  reply(module, id, kind, json, bytes) {
    const call = this.calls.get(id);
    if (!call) return;
    const value = JSON.parse(json);
    if (kind === PART) {
      if (!call.onPart) return;
      try {
        call.onPart(value, bytes);
      } catch (error) {
        setTimeout(() => { throw error; }, 0);
      }
    } else if (kind === RESULT) {
      this.settle(id, { value, bytes });
    } else {
      this.settle(id, null, new KaiwireError(value));
    }
  }

  event(module, handleId, json) {
    const key = module + handleId;
    const handle = this.handles.get(key);
    const events = JSON.parse(json);
    if (!handle) {
      const waiting = this.early.get(key) || [];
      this.early.set(key, waiting.concat(events).slice(0, MAX_EARLY));
      return;
    }
    for (const [name, value] of events) this.dispatch(key, handle, name, value);
  }

  dispatch(key, handle, name, value) {
    if (name === 'close') {
      this.handles.delete(key);
      if (value.error) value.error = new KaiwireError(value.error);
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
      for (const [name, value] of events) this.dispatch(key, handle, name, value);
    }, 0);
  }

  /** A module has ended by itself: everything of it fails. */
  exit(module, detail) {
    this.fail(localError('EPANIC', detail), module);
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
