import net from 'node:net';
import tls from 'node:tls';
import { controlMessage, printable, WINDOW } from './wire.mjs';

/** Milliseconds that a server may take to read the last bytes of a connection that the page has closed. */
const LINGER = 30_000;

/** OpenSSL's words for what Gecko calls a bad certificate, with Gecko's nsresult. */
const CERTIFICATE = {
  CERT_HAS_EXPIRED: 0x805a1ff5,
  CERT_NOT_YET_VALID: 0x805a3ffb,
  CERT_UNTRUSTED: 0x805a1ff3,
  DEPTH_ZERO_SELF_SIGNED_CERT: 0x805a3ff2,
  ERR_TLS_CERT_ALTNAME_INVALID: 0x805a2ff4,
  INVALID_CA: 0x805a1fdc,
  SELF_SIGNED_CERT_IN_CHAIN: 0x805a1ff3,
  UNABLE_TO_GET_ISSUER_CERT: 0x805a1ff3,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 0x805a1ff3,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 0x805a1ff3,
};

/** The failures of a handshake that are the connection's, not the protocol's. */
const CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT']);

/** One page's connection to one server. */
export class RelayedLink {
  asked;
  onover = () => {};
  #page;
  #options;
  #raw;
  /** The plain socket, or the TLS one on top of it. */
  #server;
  #credit = WINDOW;
  #queue = [];
  #serverEnded = false;
  #endSent = false;
  #granted = WINDOW;
  #owed = 0;
  #opened = false;
  #handshaking = false;
  #secure = false;
  #ending = false;
  #over = false;
  #timer = null;

  /** `raw` connects, or is connected already. */
  constructor(page, asked, raw, options) {
    this.asked = asked;
    this.#page = page;
    this.#options = options;
    page.on('message', (data, binary) => {
      if (this.#over) return;
      if (binary) this.#fromPage(data);
      else this.#control(data);
    });
    page.on('close', () => this.#finish());
    page.on('error', (error) => {
      options.log(`${asked.asked}: page: ${printable(error.message)}`);
      this.#finish();
    });
    this.#raw = raw;
    this.#server = raw;
    raw.on('error', (error) => this.#failed(error));
    if (!raw.connecting) {
      this.#connected();
      return;
    }
    this.#arm(() => this.#fail('refused'), options.timeout);
    raw.once('connect', () => {
      clearTimeout(this.#timer);
      this.#connected();
    });
  }

  #connected() {
    this.#opened = true;
    this.#tell({ type: 'open' });
    if (this.asked.secure) {
      this.#handshake();
      return;
    }
    this.#listen(this.#raw);
    // An accepted socket waits for its page.
    this.#raw.resume();
  }

  #arm(run, milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, milliseconds);
  }

  #tell(message) {
    if (this.#page.readyState === this.#page.OPEN) this.#page.send(JSON.stringify(message));
  }

  #listen(socket) {
    this.#server = socket;
    socket.on('data', (bytes) => {
      if (this.#over || this.#ending) return;
      this.#queue.push(bytes);
      this.#flush();
    });
    socket.on('end', () => {
      this.#serverEnded = true;
      this.#flush();
    });
  }

  #handshake() {
    const { host } = this.asked;
    const raw = this.#raw;
    this.#handshaking = true;
    raw.removeAllListeners('data');
    raw.removeAllListeners('end');
    const secured = tls.connect({
      socket: raw,
      ca: this.#options.ca,
      servername: net.isIP(host) ? '' : host,
      minVersion: 'TLSv1.2',
      checkServerIdentity: (_, certificate) => tls.checkServerIdentity(host, certificate),
    });
    this.#server = secured;
    this.#arm(() => this.#fail('timeout'), this.#options.timeout);
    secured.on('error', (error) => this.#failed(error));
    secured.once('close', () => { if (this.#handshaking) this.#fail('reset'); });
    secured.once('secureConnect', () => {
      clearTimeout(this.#timer);
      this.#handshaking = false;
      this.#secure = true;
      this.#tell({ type: 'secure' });
    });
    this.#listen(secured);
  }

  /* ---- server → page ---- */

  /** Sends what the page's credit allows. */
  #send() {
    while (this.#queue.length > 0 && this.#credit > 0) {
      const bytes = this.#queue[0];
      const part = bytes.length > this.#credit ? bytes.subarray(0, this.#credit) : bytes;
      if (part.length === bytes.length) this.#queue.shift();
      else this.#queue[0] = bytes.subarray(part.length);
      this.#credit -= part.length;
      this.#page.send(part);
    }
  }

  #flush() {
    this.#send();
    if (this.#queue.length > 0) {
      this.#server.pause();
      return;
    }
    if (this.#serverEnded) {
      if (this.#endSent || this.#handshaking) return;
      this.#endSent = true;
      this.#tell({ type: 'end' });
    } else if (this.#server.isPaused() && !this.#ending) {
      this.#server.resume();
    }
  }

  /* ---- page → server ---- */

  #fromPage(bytes) {
    this.#granted -= bytes.length;
    if (!this.#opened || this.#handshaking || this.#ending || this.#granted < 0) {
      this.#violation('bytes out of turn');
      return;
    }
    this.#server.write(bytes, (error) => {
      if (this.#over) return;
      if (error) {
        this.#failed(error);
        return;
      }
      this.#owed += bytes.length;
      if (this.#owed < WINDOW / 4 && this.#server.writableLength > 0) return;
      this.#granted += this.#owed;
      this.#tell({ type: 'credit', bytes: this.#owed });
      this.#owed = 0;
    });
  }

  #control(data) {
    const message = controlMessage(data);
    switch (message?.type) {
      case 'credit':
        if (!Number.isInteger(message.bytes) || message.bytes <= 0 || this.#credit + message.bytes > WINDOW) break;
        this.#credit += message.bytes;
        this.#flush();
        return;
      case 'starttls':
        if (!this.#opened || this.#handshaking || this.#secure || this.#ending || this.asked.method === 'accept') break;
        this.#handshaking = true;
        this.#upgrade();
        return;
      case 'end':
        if (!this.#opened || this.#ending) break;
        this.#end();
        return;
    }
    this.#violation('malformed message');
  }

  /** What the page has sent in the clear has to leave in the clear. */
  #upgrade() {
    const raw = this.#raw;
    raw.pause();
    raw.write('', () => { if (!this.#over) this.#handshake(); });
  }

  /** close(2): the bytes go, then FIN, and nothing is read any more. */
  #end() {
    this.#ending = true;
    this.#queue = [];
    if (this.#handshaking) {
      this.#finish();
      return;
    }
    this.#server.pause();
    this.#arm(() => this.#finish(), LINGER);
    // Closing a plain socket sends its FIN; TLS has a goodbye of its own to say first.
    if (this.#secure) this.#server.end(() => this.#finish());
    else this.#server.write('', () => this.#finish());
  }

  /* ---- the end ---- */

  #failed(error) {
    if (this.#over) return;
    this.#options.log(`${this.asked.asked}: ${printable(error.code ?? error.message)}`);
    if (!this.#opened) this.#fail('refused');
    else if (error.code === 'ETIMEDOUT') this.#fail('timeout');
    else if (!this.#handshaking || CONNECTION.has(error.code)) this.#fail('reset');
    else if (Object.hasOwn(CERTIFICATE, error.code)) this.#fail('certificate', CERTIFICATE[error.code]);
    else this.#fail('protocol', /VERSION|UNSUPPORTED_PROTOCOL/.test(error.code) && !/WRONG_VERSION/.test(error.code) ? 0x805a2f9e : 0x805a2fe7);
  }

  #fail(kind, code) {
    if (this.#over) return;
    this.#send();
    this.#tell(code === undefined ? { type: 'error', kind } : { type: 'error', kind, code });
    this.#finish();
  }

  #violation(what) {
    this.#options.log(`${this.asked.asked}: page: ${what}`);
    this.#finish(1008);
  }

  /** Closes both sides in good order. */
  #finish(code = 1000) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#server.destroy();
    this.#raw.destroy();
    this.#page.close(code);
    this.onover();
  }

  /** As if the network had gone: neither side is told anything. */
  cut() {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#raw.resetAndDestroy();
    this.#page.terminate();
    this.onover();
  }
}
