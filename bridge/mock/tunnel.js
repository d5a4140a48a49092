import { ERRORS, Link } from './network.js';

/**
 * The wire between the mock and the relay: one WebSocket for each connection.
 *
 * The page dials `<relay>/?host=<name>&port=<port>&tls=<0|1>`. The relay answers
 * with status 403 if it does not allow that, 503 if it has too many links.
 *
 * Binary messages are the connection's bytes, in either direction. Either side
 * may have WINDOW bytes under way, no more: it begins with that much credit and
 * gets it back, by `credit`, as the other side hands the bytes on. So nobody
 * ever holds more than WINDOW bytes each way.
 *
 * Text messages are JSON objects with a `type`:
 *
 *     relay → page
 *       open                   the dial was answered
 *       secure                 the TLS handshake is done; until then the page sends no bytes
 *       credit {bytes}         so many bytes have gone to the server's kernel
 *       end                    the server's FIN, after its data
 *       error {kind, code?}    the connection is dead; kind is one of ERRORS. The relay closes
 *     page → relay
 *       credit {bytes}         so many bytes were read
 *       starttls               handshake now; bytes again after `secure`
 *       end                    close the connection after the bytes before this; the relay closes
 *
 * A WebSocket that closes without `end` or `error` is a connection cut off.
 */
export const WINDOW = 256 * 1024;

class TunnelLink extends Link {
  #socket;
  #opened = false;
  /** No bytes may go: not open yet, or a handshake is on. */
  #held = true;
  #tls;
  #credit = WINDOW;
  #blocked = false;
  #paused = false;
  #queue = [];
  #unread = 0;
  #owed = 0;
  #ended = false;
  #closed = false;

  constructor(url, tls, WebSocket) {
    super();
    this.#tls = tls;
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      if (this.#closed) return;
      if (typeof data === 'string') this.#control(data);
      else this.#receive(new Uint8Array(data));
    };
    socket.onclose = () => this.#fail(this.#opened ? 'reset' : 'refused');
    // A close event always follows.
    socket.onerror = () => {};
  }

  #control(text) {
    const message = JSON.parse(text);
    switch (message.type) {
      case 'open':
        this.#opened = true;
        this.#held = this.#tls;
        this.onconnect();
        this.#writable();
        break;
      case 'secure':
        this.#held = false;
        this.#writable();
        break;
      case 'credit':
        this.#credit += message.bytes;
        this.#writable();
        break;
      case 'end':
        this.#ended = true;
        this.#flush();
        break;
      case 'error':
        this.#fail(Object.hasOwn(ERRORS, message.kind) ? message.kind : 'reset', message.code);
        break;
    }
  }

  #receive(bytes) {
    this.#unread += bytes.length;
    if (this.#unread > WINDOW) {
      this.#fail('reset');
      return;
    }
    this.#queue.push(bytes);
    this.#flush();
  }

  #flush() {
    while (this.#queue.length > 0 && !this.#paused && !this.#closed) {
      const bytes = this.#queue.shift();
      this.#unread -= bytes.length;
      this.#owed += bytes.length;
      this.ondata(bytes);
    }
    if (this.#closed) return;
    // A quarter at a time: few messages, and the sender never runs dry.
    if (this.#owed >= WINDOW / 4) {
      this.#tell({ type: 'credit', bytes: this.#owed });
      this.#owed = 0;
    }
    if (this.#ended && this.#queue.length === 0 && !this.#paused) {
      this.#ended = false;
      this.onend();
    }
  }

  #writable() {
    if (!this.#blocked || this.#held || this.#credit === 0 || this.#closed) return;
    this.#blocked = false;
    this.onwritable();
  }

  #tell(message) {
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  #fail(kind, code) {
    if (this.#closed) return;
    for (const bytes of this.#queue.splice(0)) this.ondata(bytes);
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.onerror(kind, code);
  }

  write(bytes) {
    if (this.#closed) return bytes.length;
    const taken = this.#held || this.#socket.readyState !== 1 ? 0 : Math.min(bytes.length, this.#credit);
    if (taken > 0) {
      this.#socket.send(taken === bytes.length ? bytes : bytes.subarray(0, taken));
      this.#credit -= taken;
    }
    this.#blocked = taken < bytes.length;
    return taken;
  }

  pause() { this.#paused = true; }

  resume() {
    this.#paused = false;
    this.#flush();
  }

  startTLS() {
    if (this.#closed) return;
    this.#held = true;
    this.#tell({ type: 'starttls' });
  }

  end() {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    if (this.#opened) this.#tell({ type: 'end' });
    else this.#socket.close();
  }

  destroy() {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#socket.close();
  }
}

/**
 * A network of real servers, by way of kaiwire-relay at `url` (ws://127.0.0.1:8081/).
 * `WebSocket` is a class to use in place of the global one.
 */
export class Tunnel {
  #url;
  #WebSocket;

  constructor(url, { WebSocket = globalThis.WebSocket } = {}) {
    if (typeof WebSocket !== 'function') throw new TypeError('Tunnel needs a WebSocket class');
    this.#url = new URL(url).href;
    this.#WebSocket = WebSocket;
  }

  connect({ host, port, tls }) {
    const url = new URL(this.#url);
    url.searchParams.set('host', host);
    url.searchParams.set('port', port);
    url.searchParams.set('tls', tls ? '1' : '0');
    return new TunnelLink(url.href, tls, this.#WebSocket);
  }
}
