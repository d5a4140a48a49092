import { DATAGRAM, Datagrams, ERRORS, Link, Listener } from './network.js';

/**
 * The wire between the mock and the relay: one WebSocket for each connection,
 * each listener and each UDP port.
 *
 * A connection. The page dials `<relay>/?host=<name>&port=<port>&tls=<0|1>`. The relay answers
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
 *
 * A listener. The page dials `<relay>/?listen=<port>&backlog=<n>`; what it says
 * is nothing, what it hears are text messages:
 *
 *       listening {port}       the port is bound
 *       connect {id, host, port}  a connection has come in. The page dials `<relay>/?accept=<id>` within
 *                              a few seconds, and has a connection as above, not yet encrypted
 *       error                  the port could not be bound. The relay closes
 *
 * Who cannot wait sends a POST to the same address first. It is answered 200 with
 * `{port, ticket}`, 403 or 409; `&ticket=<ticket>` in the WebSocket's address
 * then takes over what is bound already. A POST to `<relay>/?unlisten=<ticket>`
 * gives the port back before it is answered.
 *
 * A UDP port. The page dials `<relay>/?bind=<address>&port=<port>&reuse=<0|1>&loopback=<0|1>`,
 * the address empty for every IPv4 one. Binary messages are datagrams, where to
 * or where from at their head: one byte that counts the bytes of the host, the
 * host, two bytes of port, the most significant first. Text messages:
 *
 *     relay → page
 *       bound {address, port}  it is bound
 *       error                  it could not be bound, or has died. The relay closes
 *     page → relay
 *       join {group}, leave {group}
 *
 * Either side drops datagrams of which too many are under way.
 */
export const WINDOW = 256 * 1024;
/** The most bytes of datagrams that wait to be sent. */
export const DATAGRAMS_WAITING = 1 << 20;

/** A text message, as an object with whatever in it; what is no message has no type. */
function parse(text) {
  try {
    const message = JSON.parse(text);
    return typeof message === 'object' && message !== null ? message : {};
  } catch {
    return {};
  }
}

const isPort = (value) => Number.isInteger(value) && value >= 1 && value <= 65535;
const isHost = (value) => typeof value === 'string' && value.length <= 255;

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
  /** Open already for its owner, who may end it before the WebSocket is. */
  #accepted;
  #ending = false;

  constructor(url, { tls, accepted = false }, WebSocket) {
    super();
    this.#tls = tls;
    this.#accepted = accepted;
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => {
      if (this.#ending) this.#tellEnd();
      if (this.#closed) return;
      if (typeof data === 'string') this.#control(data);
      else this.#receive(new Uint8Array(data));
    };
    socket.onclose = () => this.#fail(this.#opened || this.#accepted ? 'reset' : 'refused');
    // A close event always follows.
    socket.onerror = () => {};
  }

  #control(text) {
    const message = parse(text);
    switch (message.type) {
      case 'open':
        if (this.#opened) break;
        this.#opened = true;
        this.#held = this.#tls;
        if (!this.#accepted) this.onconnect();
        this.#writable();
        break;
      case 'secure':
        this.#held = false;
        this.#writable();
        break;
      case 'credit':
        if (!Number.isInteger(message.bytes) || message.bytes < 0) break;
        this.#credit = Math.min(WINDOW, this.#credit + message.bytes);
        this.#writable();
        break;
      case 'end':
        this.#ended = true;
        this.#flush();
        break;
      case 'error':
        this.#fail(Object.prototype.hasOwnProperty.call(ERRORS, message.kind) ? message.kind : 'reset', Number.isInteger(message.code) ? message.code : undefined);
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
    else if (this.#accepted) this.#ending = true;
    else this.#socket.close();
  }

  /** The relay's first word has come, which is `open`. */
  #tellEnd() {
    this.#ending = false;
    this.#tell({ type: 'end' });
  }

  destroy() {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#socket.close();
  }
}

/** What a listener and a UDP port have in common: a WebSocket that opens, speaks, and closes for good. */
function channel(url, WebSocket, { ontext, onbytes = () => {}, onclose }) {
  const socket = new WebSocket(url);
  socket.binaryType = 'arraybuffer';
  socket.onmessage = ({ data }) => {
    if (typeof data === 'string') ontext(parse(data));
    else onbytes(new Uint8Array(data));
  };
  socket.onclose = onclose;
  // A close event always follows.
  socket.onerror = () => {};
  return {
    get waiting() { return socket.bufferedAmount; },
    send(data) { if (socket.readyState === 1) socket.send(data); },
    close() {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    },
  };
}

class TunnelListener extends Listener {
  #channel;
  #release;

  /** `port` is 0 if it is not known yet; `accept(id)` makes the link to a connection that has come in, `release()` gives the port back. */
  constructor(url, port, { accept, release }, WebSocket) {
    super();
    this.port = port;
    this.#release = release;
    this.#channel = channel(url, WebSocket, {
      ontext: (message) => {
        switch (message.type) {
          case 'listening':
            if (this.port !== 0 || !isPort(message.port)) break;
            this.port = message.port;
            this.onlisten();
            break;
          case 'connect':
            if (!isHost(message.host) || !isPort(message.port)) break;
            this.onconnect(accept(message.id), { host: message.host, port: message.port });
            break;
          case 'error':
            this.#fail();
            break;
        }
      },
      onclose: () => this.#fail(),
    });
  }

  #fail() {
    this.#channel.close();
    this.failed = true;
    this.onerror();
  }

  close() {
    this.#release();
    this.#channel.close();
  }
}

const ascii = new TextEncoder();
const text = new TextDecoder();

class TunnelDatagrams extends Datagrams {
  #channel;

  constructor(url, WebSocket) {
    super();
    this.#channel = channel(url, WebSocket, {
      ontext: (message) => {
        if (message.type === 'bound' && isHost(message.address) && isPort(message.port)) this.onbound(message.address, message.port);
        else if (message.type === 'error') this.#fail();
      },
      onbytes: (bytes) => {
        const end = 1 + bytes[0];
        if (!(bytes.length >= end + 2)) return;
        const port = bytes[end] << 8 | bytes[end + 1];
        this.onmessage(bytes.subarray(end + 2), text.decode(bytes.subarray(1, end)), port);
      },
      onclose: () => this.#fail(),
    });
  }

  #fail() {
    this.#channel.close();
    this.onerror();
  }

  send(bytes, host, port) {
    const name = ascii.encode(host);
    if (name.length > 255 || bytes.length > DATAGRAM || this.#channel.waiting > DATAGRAMS_WAITING) return;
    const message = new Uint8Array(1 + name.length + 2 + bytes.length);
    message[0] = name.length;
    message.set(name, 1);
    message[1 + name.length] = port >> 8;
    message[2 + name.length] = port;
    message.set(bytes, 3 + name.length);
    this.#channel.send(message);
  }

  join(group) { this.#channel.send(JSON.stringify({ type: 'join', group })); }
  leave(group) { this.#channel.send(JSON.stringify({ type: 'leave', group })); }
  close() { this.#channel.close(); }
}

/**
 * A network of real servers, by way of kaiwire-relay at `url` (ws://127.0.0.1:8081/).
 * `WebSocket` and `XMLHttpRequest` are classes to use in place of the global
 * ones. Without an XMLHttpRequest, as in Node, listen never has an answer before
 * it returns.
 */
export class Tunnel {
  #url;
  #WebSocket;
  #XMLHttpRequest;

  constructor(url, { WebSocket = globalThis.WebSocket, XMLHttpRequest = globalThis.XMLHttpRequest } = {}) {
    if (typeof WebSocket !== 'function') throw new TypeError('Tunnel needs a WebSocket class');
    this.#url = new URL(url).href;
    this.#WebSocket = WebSocket;
    this.#XMLHttpRequest = XMLHttpRequest;
  }

  #ask(query) {
    const url = new URL(this.#url);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return url.href;
  }

  connect({ host, port, tls }) {
    return new TunnelLink(this.#ask({ host, port, tls: tls ? '1' : '0' }), { tls }, this.#WebSocket);
  }

  listen({ port, backlog, now }) {
    const query = { listen: port, backlog };
    let known = 0;
    let release = () => {};
    if (now && this.#XMLHttpRequest) {
      const bound = this.#post(query);
      if (!bound) {
        const listener = new Listener();
        listener.failed = true;
        return listener;
      }
      known = bound.port;
      query.ticket = bound.ticket;
      // As on a phone, where the parent process does one thing after the other: who listens next finds the port free.
      release = () => this.#post({ unlisten: bound.ticket });
    }
    const accept = (id) => new TunnelLink(this.#ask({ accept: id }), { tls: false, accepted: true }, this.#WebSocket);
    return new TunnelListener(this.#ask(query), known, { accept, release }, this.#WebSocket);
  }

  /** The relay's answer, waited for; null where it has refused. */
  #post(query) {
    const url = new URL(this.#ask(query));
    url.protocol = url.protocol.replace('ws', 'http');
    const request = new this.#XMLHttpRequest();
    try {
      request.open('POST', url.href, false);
      request.send();
      return request.status === 200 ? JSON.parse(request.responseText) : null;
    } catch {
      return null;
    }
  }

  bind({ address, port, reuse, loopback }) {
    const query = { bind: address ?? '', port, reuse: reuse ? '1' : '0', loopback: loopback ? '1' : '0' };
    return new TunnelDatagrams(this.#ask(query), this.#WebSocket);
  }
}
