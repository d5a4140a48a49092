/** Fired for open, data, drain and close. `data` is undefined but for data events. Never trusted, as the phone's are: no script can make a trusted event. */
export class TCPSocketEvent extends Event {
  #data;

  constructor(type, init = {}) {
    super(type, init);
    this.#data = 'data' in init ? init.data : null;
  }

  get data() { return this.#data; }
  get [Symbol.toStringTag]() { return 'TCPSocketEvent'; }
}

export class TCPSocketErrorEvent extends Event {
  #name;
  #message;

  constructor(type, init = {}) {
    super(type, init);
    this.#name = `${init.name ?? ''}`;
    this.#message = `${init.message ?? ''}`;
    if (init.errorCode !== undefined) {
      Object.defineProperty(this, 'errorCode', { value: init.errorCode, enumerable: true });
    }
  }

  get name() { return this.#name; }
  get message() { return this.#message; }
  get [Symbol.toStringTag]() { return 'TCPSocketErrorEvent'; }
}

/** XPCOM's own exception, which is neither an Error nor a DOMException. */
class Exception {
  name = 'NS_ERROR_FAILURE';
  result = 0x80004005;
  message = '';
  stack = new Error().stack;
  toString() { return '[Exception... "Failure"  nsresult: "0x80004005 (NS_ERROR_FAILURE)"]'; }
  get [Symbol.toStringTag]() { return 'Exception'; }
}

export const failure = () => new Exception();

/** Gives a class `on…` attributes: one handler each, called in the order of first assignment among the listeners. */
export function defineHandlers(Class, types) {
  for (const type of types) {
    const handlers = new WeakMap();
    Object.defineProperty(Class.prototype, `on${type}`, {
      configurable: true,
      enumerable: true,
      get() { return handlers.get(this)?.handler ?? null; },
      set(handler) {
        let slot = handlers.get(this);
        if (!slot) {
          slot = { handler: null };
          handlers.set(this, slot);
          this.addEventListener(type, (event) => slot.handler?.call(this, event));
        }
        slot.handler = typeof handler === 'function' ? handler : null;
      },
    });
  }
}
