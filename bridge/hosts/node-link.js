import net from 'node:net';
import tls from 'node:tls';
import { Link } from '../mock/network.js';

/** How long a peer may leave the last bytes of a closed connection where they are, in milliseconds. */
const LINGER = 30_000;

/** Node's names of failures, as kinds; see sockets.js. */
export const KINDS = {
  EACCES: 'denied', EPERM: 'denied', EADDRINUSE: 'inUse', EADDRNOTAVAIL: 'inUse', ENOTFOUND: 'notFound', ETIMEDOUT: 'timeout',
};
/** What ends a handshake and is the connection's fault, not the protocol's. */
const CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'ETIMEDOUT']);

/** A connection of Node's. */
export class NodeLink extends Link {
  #raw;
  /** The plain socket, or the TLS one on top of it. */
  #socket;
  #asked;
  #opened;
  #handshaking = false;
  #paused = false;
  #full = false;
  #blocked = false;
  #over = false;

  /** `raw` connects, or is connected already. */
  constructor(raw, asked) {
    super();
    this.#raw = raw;
    this.#asked = asked;
    this.#opened = !raw.connecting;
    raw.once('connect', () => {
      if (this.#over) return;
      this.#opened = true;
      this.onconnect();
      if (asked.tls) this.startTLS();
      else this.#writable();
    });
    this.#listen(raw);
    if (this.#opened) raw.resume();
  }

  #listen(socket) {
    this.#socket = socket;
    this.#full = false;
    const heard = { data: (bytes) => this.ondata(bytes), end: () => this.onend(), drain: () => { this.#full = false; this.#writable(); } };
    for (const [event, tell] of Object.entries(heard)) {
      socket.on(event, (bytes) => { if (!this.#over && socket === this.#socket) tell(bytes); });
    }
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail({ code: 'ECONNRESET' }));
  }

  #writable() {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.onwritable();
  }

  #fail(error) {
    if (this.#over) return;
    this.#over = true;
    const handshake = this.#handshaking && !CONNECTION.has(error.code);
    this.#raw.destroy();
    if (handshake) this.onerror(this.#socket.authorizationError ? 'certificate' : 'protocol');
    else this.onerror(this.#opened && error.code !== 'ETIMEDOUT' ? 'reset' : KINDS[error.code] ?? 'refused');
  }

  write(bytes) {
    if (this.#over) return bytes.length;
    this.#blocked = this.#full || this.#handshaking || !this.#opened;
    if (this.#blocked) return 0;
    this.#full = !this.#socket.write(bytes);
    return bytes.length;
  }

  pause() {
    this.#paused = true;
    this.#socket.pause();
  }

  resume() {
    this.#paused = false;
    // Between the plain socket and the TLS one, the plain one keeps what comes.
    if (!this.#handshaking || this.#socket !== this.#raw) this.#socket.resume();
  }

  startTLS() {
    const { host, ca } = this.#asked;
    const raw = this.#raw;
    this.#handshaking = true;
    raw.pause();
    // What was sent in the clear has to have left.
    raw.write('', () => {
      if (this.#over) return;
      for (const event of ['data', 'end', 'drain']) raw.removeAllListeners(event);
      const secured = tls.connect({
        socket: raw, ca, minVersion: 'TLSv1.2',
        servername: net.isIP(host) ? '' : host,
        checkServerIdentity: (_, certificate) => tls.checkServerIdentity(host, certificate),
      });
      secured.once('secureConnect', () => {
        this.#handshaking = false;
        if (!this.#over) this.#writable();
      });
      this.#listen(secured);
      if (this.#paused) secured.pause();
    });
  }

  end() {
    if (this.#over) return;
    this.#over = true;
    this.#socket.setTimeout(LINGER, () => this.#raw.destroy());
    this.#socket.end(() => this.#raw.destroy());
  }

  destroy() {
    if (this.#over) return;
    this.#over = true;
    if (this.#opened) this.#raw.resetAndDestroy();
    else this.#raw.destroy();
  }
}
