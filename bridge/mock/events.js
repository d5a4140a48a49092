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

/** A connection has come in: `socket` is a TCPSocket, open already. */
export class TCPServerSocketEvent extends Event {
  #socket;

  constructor(type, init = {}) {
    super(type, init);
    this.#socket = init.socket ?? null;
  }

  get socket() { return this.#socket; }
  get [Symbol.toStringTag]() { return 'TCPServerSocketEvent'; }
}

/** A datagram has come in: `data` is an ArrayBuffer, the rest says from where. */
export class UDPMessageEvent extends Event {
  #init;

  constructor(type, init = {}) {
    super(type, init);
    this.#init = init;
  }

  get remoteAddress() { return this.#init.remoteAddress ?? ''; }
  get remotePort() { return this.#init.remotePort ?? 0; }
  get data() { return this.#init.data ?? null; }
  get [Symbol.toStringTag]() { return 'UDPMessageEvent'; }
}

const RESULTS = {
  NS_ERROR_FAILURE: [0x80004005, 'Failure'],
  NS_ERROR_ABORT: [0x80004004, 'Operation aborted'],
  NS_ERROR_UNEXPECTED: [0x8000ffff, 'Unexpected error'],
  NS_ERROR_ILLEGAL_VALUE: [0x80070057, 'Illegal value'],
};

/** XPCOM's own exception, which is neither an Error nor a DOMException. */
class Exception {
  name;
  result;
  message = '';
  stack = new Error().stack;
  #text;

  constructor(name) {
    this.name = name;
    [this.result, this.#text] = RESULTS[name];
  }

  toString() { return `[Exception... "${this.#text}"  nsresult: "0x${this.result.toString(16)} (${this.name})"]`; }
  get [Symbol.toStringTag]() { return 'Exception'; }
}

export const failure = (name = 'NS_ERROR_FAILURE') => new Exception(name);

/**
 * Gives a class `on…` attributes: one handler each, called in the order of
 * first assignment among the listeners. All members are enumerable, as the
 * platform's are.
 */
export function defineHandlers(Class, types) {
  for (const name of Object.getOwnPropertyNames(Class.prototype)) {
    if (name !== 'constructor') Object.defineProperty(Class.prototype, name, { enumerable: true });
  }
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
