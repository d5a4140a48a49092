// Something open that the app holds: a session, a resolver, a download.

import { KaiwireError, localError, surface } from './errors.js';

const VALUE = { take: (value) => value };

export class Handle {
  /**
   * @param own the events that the facade itself needs, of a handle with so many that Go is told which are listened to; one
   *            that once was remains, as its next listener may be on its way
   */
  constructor(client, module, id, own) {
    this._client = client;
    this._module = module;
    this._id = id;
    this._listeners = new Map();
    this._own = own;
    this._selects = false;
    this.closed = false;
    client.adopt(this);
  }

  /** Go tells all events until the app's own continuation has run, and then those alone that are listened to. */
  _begun() {
    if (!this._own || this.closed) return;
    this._selects = true;
    this._listen(this._own.concat(Array.from(this._listeners.keys())));
  }

  _listen(events) {
    this._call('listen', { events }).catch(() => {}); // it has ended, and tells nothing more
  }

  on(event, listener) {
    if (!this._listeners.has(event)) {
      this._listeners.set(event, []);
      if (this._selects && !this.closed) this._listen([event]);
    }
    this._listeners.get(event).push(listener);
    return this;
  }

  off(event, listener) {
    const list = this._listeners.get(event) || [];
    const at = list.findIndex((entry) => entry === listener || entry.listener === listener);
    if (at >= 0) this._listeners.set(event, list.filter((_, i) => i !== at));
    return this;
  }

  once(event, listener) {
    const wrapper = (value) => {
      this.off(event, wrapper);
      listener(value);
    };
    wrapper.listener = listener;
    return this.on(event, wrapper);
  }

  close() {
    if (this.closed) return Promise.resolve();
    return this._call('close').catch((error) => {
      if (error.code !== 'ECLOSED' && error.code !== 'EPANIC') throw error;
    });
  }

  /** One call on this handle: resolves with its result. */
  _call(method, args, options, extra) {
    if (this.closed) return Promise.reject(localError('ECLOSED'));
    return this._client.call(this._module, method, this._id, args, options, extra);
  }

  /** The same, with its value alone. */
  _value(method, args, options) {
    return this._call(method, args, options, VALUE);
  }

  _event(name, value) {
    if (name === 'close') this.closed = true;
    if (name === 'disconnect') value.error = new KaiwireError(value.error);
    for (const listener of this._listeners.get(name) || []) {
      try {
        listener(value);
      } catch (error) {
        surface(error); // one listener's mistake must not keep the others from hearing
      }
    }
  }
}
