import { TCPSocketErrorEvent, TCPSocketEvent, defineHandlers, failure } from './events.js';
import { task } from './tasks.js';
import { Transport } from './transport.js';

const BUFFER = 65536;
const bufferLength = Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength').get;

/** What an accepted socket is made of, in place of the options that a page gives. */
export class Accepted {
  constructor(link, binaryType) {
    this.link = link;
    this.binaryType = binaryType;
  }
}

/** Makes the phone's TCPSocket class. `phone` has profile, network, offline and the set `sockets`. */
export function defineTCPSocket(phone) {
  const { profile } = phone;
  const child = profile.process === 'child';

  class TCPSocket extends EventTarget {
    #host;
    #port;
    #ssl;
    #binaryType;
    #transport;
    // The child's view, which the parent's messages overwrite.
    #state = 'connecting';
    #bufferedAmount = 0;
    #sends = 0;
    #waitingForDrain = false;

    constructor(host, port, options) {
      if (arguments.length < 2) {
        throw new TypeError(`TCPSocket constructor: At least 2 arguments required, but only ${arguments.length} passed`);
      }
      super();
      this.#host = `${host}`;
      this.#port = +port & 0xffff;
      const accepted = options instanceof Accepted;
      this.#ssl = false;
      if (accepted) this.#binaryType = options.binaryType;
      else ({ ssl: this.#ssl, binaryType: this.#binaryType } = socketOptions(options));
      const front = {
        fire: (type, detail, state) => {
          if (!child) this.#dispatch(type, detail);
          else {
            task(() => {
              this.#state = state;
              this.#dispatch(type, detail);
            });
          }
        },
        written: (left, number) => { if (child) task(() => this.#written(left, number)); },
        forgotten: () => phone.sockets.delete(this),
      };
      const request = { host: this.#host, port: this.#port, tls: this.#ssl };
      this.#transport = new Transport(front, profile, phone.network, request);
      phone.adopt(this, this.#transport);
      if (accepted) {
        this.#state = 'open';
        this.#transport.accept(options.link);
      } else {
        this.#post(() => this.#transport.open(phone.offline));
      }
    }

    get host() { return this.#host; }
    get port() { return this.#port; }
    get ssl() { return this.#ssl; }
    get binaryType() { return this.#binaryType; }
    get readyState() { return child ? this.#state : this.#transport.state; }
    get bufferedAmount() { return child ? this.#bufferedAmount : this.#transport.bufferedAmount; }
    get [Symbol.toStringTag]() { return 'TCPSocket'; }

    send(data, byteOffset, byteLength) {
      if (arguments.length === 0) {
        throw new TypeError('TCPSocket.send: 0 is not a valid argument count for any overload.');
      }
      const { bytes, length } = payload(arguments.length, data, byteOffset, byteLength);
      if (this.readyState !== 'open') throw failure();
      if (!child) return this.#transport.send(bytes);
      const number = ++this.#sends;
      this.#bufferedAmount += profile.countsUnclamped ? length : bytes.length;
      const full = this.#bufferedAmount > BUFFER;
      if (full) this.#waitingForDrain = true;
      this.#post(() => this.#transport.send(bytes, number));
      return !full;
    }

    close() {
      if (!child) {
        this.#transport.close();
      } else if (this.#state !== 'closed' && this.#state !== 'closing') {
        this.#state = 'closing';
        this.#post(() => this.#transport.close());
      }
    }

    suspend() { this.#post(() => this.#transport.suspend()); }

    resume() {
      if (child) this.#post(() => this.#transport.resume());
      else if (!this.#transport.resume()) throw failure();
    }

    upgradeToSecure() {
      if (this.readyState !== 'open') throw failure();
      if (this.#ssl) return;
      this.#ssl = true;
      this.#post(() => this.#transport.startTLS());
    }

    #post(run) {
      if (child) task(run);
      else run();
    }

    #written(left, number) {
      if (number !== this.#sends) return;
      this.#bufferedAmount = left;
      if (left === 0 && this.#waitingForDrain) {
        this.#waitingForDrain = false;
        this.#dispatch('drain');
      }
    }

    #dispatch(type, detail) {
      if (phone.uninstalled) return;
      if (type === 'close') phone.sockets.delete(this);
      if (type !== 'error') {
        const data = type === 'data' && this.#binaryType === 'string' ? latin1(detail) : detail;
        this.dispatchEvent(new TCPSocketEvent(type, { data }));
        return;
      }
      const { name, message, errorCode } = detail;
      this.dispatchEvent(new TCPSocketErrorEvent(type, profile.errorCode ? { name, message, errorCode } : { name, message }));
    }
  }
  defineHandlers(TCPSocket, ['open', 'data', 'drain', 'error', 'close']);
  return TCPSocket;
}

function socketOptions(options) {
  const { binaryType, useSecureTransport = false } = dictionary(options, 'TCPSocket constructor: Argument 3');
  return {
    ssl: Boolean(useSecureTransport),
    binaryType: binaryTypeOf(binaryType, "TCPSocket constructor: 'binaryType' member of SocketOptions"),
  };
}

/** A dictionary as WebIDL takes one: none is an empty one, and a primitive is an error. */
export function dictionary(value, what) {
  if (value === null || value === undefined) return {};
  if (typeof value === 'object' || typeof value === 'function') return value;
  throw new TypeError(`${what} can't be converted to a dictionary.`);
}

export function binaryTypeOf(value = 'string', what) {
  const type = `${value}`;
  if (type === 'arraybuffer' || type === 'string') return type;
  throw new TypeError(`${what}: '${type}' is not a valid value for enumeration TCPSocketBinaryType.`);
}

/**
 * What send() puts on the wire, copied, and the length that an unclamped
 * count adds. Anything but an ArrayBuffer is text, typed arrays included.
 */
function payload(count, data, byteOffset, byteLength) {
  const size = arrayBufferLength(data, 'TCPSocket.send');
  if (size === undefined) {
    if (count > 1) throw new TypeError('TCPSocket.send: Argument 1 does not implement interface ArrayBuffer.');
    const bytes = byteString(data);
    return { bytes, length: bytes.length };
  }
  if (data.resizable) throw new TypeError("TCPSocket.send: Argument 1 can't be a resizable ArrayBuffer or ArrayBufferView");
  const offset = byteOffset === undefined ? 0 : byteOffset >>> 0;
  if (offset > size) {
    // The real one reads past the end, or crashes.
    throw new RangeError(`TCPSocket.send: byteOffset ${offset} is beyond the buffer's ${size} bytes`);
  }
  const length = byteLength === undefined ? size : byteLength >>> 0;
  const bytes = new Uint8Array(Math.min(length, size - offset));
  if (bytes.length > 0) bytes.set(new Uint8Array(data, offset, bytes.length));
  return { bytes, length };
}

/** The bytes in an ArrayBuffer of whichever window; undefined for anything else. Throws for a shared one. */
export function arrayBufferLength(value, what) {
  if (typeof SharedArrayBuffer === 'function' && value instanceof SharedArrayBuffer) {
    throw new TypeError(`${what}: Argument 1 can't be a SharedArrayBuffer or an ArrayBufferView backed by a SharedArrayBuffer`);
  }
  try {
    return bufferLength.call(value);
  } catch {
    return undefined;
  }
}

function byteString(value) {
  const text = `${value}`;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 255) {
      throw new TypeError(`TCPSocket.send: Cannot convert argument 1 to ByteString because the character at index ${i} has value ${unit} which is greater than 255.`);
    }
    bytes[i] = unit;
  }
  return bytes;
}

function latin1(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = '';
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode.apply(null, bytes.subarray(i, i + 8192));
  return text;
}
