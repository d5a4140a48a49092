// One of the phone's listening sockets. What the platform hides is found out
// here: in an app's process a port that is taken gives neither an exception nor
// an event, and a listener that went down with the network is not missed.

import { Stream, OPEN, READABLE, ENDED } from './stream.js';

/** Connections that may wait to be accepted; one more is closed. */
const MAX_WAITING = 64;
/** How long our own connection may take to come back to us. */
const PROBE_TIMEOUT = 3000;
const PROBE_LENGTH = 16;
/** The ports that we choose from where the platform would choose one and not tell which (RFC 6335). */
const FIRST_PORT = 49152;
const LAST_PORT = 65535;
const ATTEMPTS = 8;

export class Listener {
  /**
   * @param phone   see phone.js; phone.listen may be absent
   * @param options {port, backlog, framing}; port 0 lets us choose
   * @param notify  called with OPEN, READABLE (a connection waits, only after accept has answered null) or ENDED
   */
  constructor(phone, options, notify) {
    this.phone = phone;
    this.options = options;
    this.notify = notify;
    this.port = options.port;
    this.opened = false;
    this.closed = false;
    this.ended = false;
    this.error = null;
    this.server = null;
    this.waiting = [];
    this.wantsAccept = false;
    this.probe = null;
    this.attempts = 0;
    this.blind = false;       // the platform does not tell which port it has chosen
    if (!phone.listen) {
      this.fail('NotSupportedError', 'this phone offers no listening sockets to apps');
      return;
    }
    this.begin();
  }

  /** Binds, and makes sure that it was us who was bound. */
  begin() {
    this.attempts++;
    this.bind(this.options.port === 0 && this.blind ? randomPort() : this.options.port);
  }

  bind(port) {
    let server;
    try {
      server = this.phone.listen(port, { binaryType: this.options.framing || 'arraybuffer' }, this.options.backlog);
    } catch (error) {
      this.refused(error);
      return;
    }
    this.server = server;
    server.onconnect = (event) => this.onconnect(event.socket || event);
    server.onerror = () => this.gone();
    // In a worker the port comes later; the phone's own server has no such promise.
    Promise.resolve(server.listening).then(() => this.bound(server, port), (error) => {
      if (this.server === server) this.refused(error);
    });
  }

  bound(server, asked) {
    if (this.closed || this.server !== server) return;
    if (server.localPort === 0 && asked === 0) {
      // In an app's process the port that the platform chose can never be learned.
      this.blind = true;
      this.release();
      this.begin();
      return;
    }
    this.port = server.localPort || asked;
    this.startProbe();
  }

  /** Nobody listens any more, says the platform; in an app's process it never does. */
  gone() {
    if (this.probe) {
      this.probed(false);
    } else if (this.opened) {
      // The name that KaiOS has for being offline, which is what a listener dies of.
      this.fail('InvalidStateError', 'the listening socket has gone');
    } else {
      this.release();
      this.refused(new Error('the listening socket has gone'));
    }
  }

  /** The port can't be had. */
  refused(error) {
    if (this.options.port === 0 && !this.opened && this.attempts < ATTEMPTS) this.begin();
    else this.fail('PortInUseError', error.message || error.name);
  }

  startProbe() {
    const secret = new Uint8Array(PROBE_LENGTH);
    crypto.getRandomValues(secret);
    const probe = { secret, timer: setTimeout(() => this.probed(false), PROBE_TIMEOUT), client: null };
    this.probe = probe;
    probe.client = new Stream(this.phone, { host: '127.0.0.1', port: this.port, framing: 'arraybuffer' }, (what) => {
      if (what === OPEN) probe.client.write(secret.buffer, 0, PROBE_LENGTH);
      if (what === ENDED) this.probed(false);
    });
  }

  probed(ours) {
    if (!this.probe) return;
    clearTimeout(this.probe.timer);
    this.probe.client.close();
    this.probe = null;
    if (this.closed) return;
    if (ours) {
      if (!this.opened) {
        this.opened = true;
        this.stopWatching = this.phone.whenOnline && this.phone.whenOnline(() => this.again());
        this.notify(OPEN);
      }
      this.offer();
      return;
    }
    this.release();
    this.refused(new Error('port ' + this.port + ' is not ours: it is taken, or may not be used'));
  }

  onconnect(socket) {
    if (this.closed) {
      socket.close();
      return;
    }
    const entry = { stream: null, host: socket.host, port: socket.port };
    entry.stream = new Stream({ open: () => socket }, { framing: this.options.framing, accepted: true }, (what) => {
      // Until it is accepted, the only one who waits for its bytes is the probe.
      if (entry.accepted) entry.accepted(what);
      else if (what === READABLE) this.isProbe(entry);
    });
    if (this.probe) entry.stream.wantsRead = true;
    if (this.waiting.length >= MAX_WAITING) {
      entry.stream.close();
      return;
    }
    this.waiting.push(entry);
    this.offer();
  }

  /** Whether these are the bytes of our own connection, which nobody must see. */
  isProbe(entry) {
    if (!this.probe) return;
    const head = entry.stream.peek(PROBE_LENGTH);
    const { secret } = this.probe;
    if (head.some((byte, i) => byte !== secret[i])) return;
    if (head.length < PROBE_LENGTH) {
      entry.stream.wantsRead = true;
      return;
    }
    this.forget(entry);
    this.probed(true);
  }

  forget(entry) {
    const at = this.waiting.indexOf(entry);
    if (at >= 0) this.waiting.splice(at, 1);
    entry.stream.close();
  }

  offer() {
    if (!this.wantsAccept || this.probe || this.waiting.length === 0) return;
    this.wantsAccept = false;
    this.notify(READABLE);
  }

  /** The next connection, {stream, host, port, accepted}, or null where there is none, or undefined at the end. */
  accept() {
    if (!this.probe && this.waiting.length > 0) return this.waiting.shift();
    if (this.ended || this.closed) return undefined;
    this.wantsAccept = true;
    return null;
  }

  /** The network is back: a listener goes down with it, and an app's process is not told. */
  again() {
    if (this.closed || this.ended || this.probe) return;
    this.release();
    this.bind(this.port);
  }

  fail(name, message) {
    if (!this.error && !this.ended) this.error = { name, message: message || '', opened: this.opened };
    if (this.ended) return;
    this.ended = true;
    this.wantsAccept = false;
    Promise.resolve().then(() => {
      if (!this.closed) this.notify(ENDED);
    });
  }

  release() {
    if (!this.server) return;
    this.server.onconnect = this.server.onerror = null;
    this.server.close();
    this.server = null;
  }

  /** Stops listening; connections that have been accepted live on, those that wait are closed. */
  close() {
    if (this.closed) return;
    this.closed = true;
    if (this.stopWatching) this.stopWatching();
    if (this.probe) this.probed(false);
    this.release();
    this.waiting.forEach((entry) => entry.stream.close());
    this.waiting = [];
  }
}

function randomPort() {
  return FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
}
