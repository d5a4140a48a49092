import { createServer } from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { WebSocketServer } from 'ws';

/**
 * The relay between a page with kaiwire's mock socket and real servers. What
 * goes over the WebSocket is written down at the head of bridge/mock/tunnel.js.
 * It is a tool for developers: it listens on 127.0.0.1 only, answers only the
 * pages it was told of, and dials only what it was told to.
 */

const WINDOW = 256 * 1024;
const CONTROL = 256;
const REFUSED_KEPT = 100;
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

/**
 * Starts a relay.
 *
 * Options:
 *   port           default 0, one that is free
 *   allow          what may be dialled: exact "host:port", "[::1]:port" for IPv6
 *   origins        the pages that may ask: exact origins, "http://127.0.0.1:8080"
 *   allowNoOrigin  also whoever sends no Origin header, which no browser does; default false
 *   hosts          names to dial elsewhere: { 'mail.example': '127.0.0.1' }, or with ports
 *                  { 'mail.example:993': '127.0.0.1:10993' }. `allow` is about where they lead;
 *                  certificates are still checked for the name
 *   ca             PEM of the certificate authorities to trust; default Node's own
 *   links          connections at the same time; default 256
 *   timeout        milliseconds for a dial and for a TLS handshake, each; default 120000
 *   upgradeTimeout milliseconds for a page to have asked; default 5000
 *   log            called with one line for each refusal and failure
 *
 * The relay:
 *   url, port
 *   refused        the last 100 requests that were turned away: { host, port, origin, reason }
 *   links          how many connections there are
 *   cut(address)   cuts the connections to "host:port", as dialled or as asked for; says how many
 *   close()        cuts all, resolves when the port is free
 */
export async function startRelay({
  port = 0, allow = [], origins = [], allowNoOrigin = false, hosts = {}, ca, links: limit = 256, timeout = 120_000,
  upgradeTimeout = 5_000, log = () => {},
} = {}) {
  const allowed = new Set(allow.map(canonical));
  const pages = new Set(origins.map((origin) => new URL(origin).origin));
  const mapped = new Map();
  for (const [name, elsewhere] of Object.entries(hosts)) {
    // A name with a port leads to a host with a port.
    if (/^\[|^[^:]+:\d+$/.test(name)) mapped.set(canonical(name), parse(elsewhere));
    else mapped.set(name.toLowerCase(), { host: elsewhere });
  }
  const refused = [];
  const links = new Set();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: WINDOW, perMessageDeflate: false });

  const server = createServer({
    headersTimeout: upgradeTimeout,
    requestTimeout: upgradeTimeout,
    connectionsCheckingInterval: Math.min(1_000, upgradeTimeout),
    maxHeaderSize: 8192,
  }, (request, response) => {
    response.writeHead(426, { 'Content-Type': 'text/plain' }).end('kaiwire-relay speaks WebSocket only.\n');
  });

  server.maxConnections = 2 * limit + 16;
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const asked = target(request.url, mapped);
    const { origin } = request.headers;
    let reason;
    if (origin === undefined ? !allowNoOrigin : !pages.has(origin)) reason = 'origin';
    else if (asked.malformed) reason = 'malformed';
    else if (!allowed.has(asked.dialled)) reason = 'not allowed';
    else if (links.size >= limit) reason = 'too many links';
    if (reason) {
      refused.push({ host: asked.host, port: asked.port, origin: origin?.slice(0, 300), reason });
      if (refused.length > REFUSED_KEPT) refused.shift();
      log(`refused ${printable(asked.asked)} for ${printable(origin ?? 'no origin')}: ${reason}`);
      const status = reason === 'too many links' ? '503 Service Unavailable' : '403 Forbidden';
      socket.once('finish', () => socket.destroy());
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (page) => {
      const link = new RelayedLink(page, asked, { ca, timeout, log });
      links.add(link);
      link.onover = () => links.delete(link);
    });
  });

  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const bound = server.address().port;

  return {
    url: `ws://127.0.0.1:${bound}/`,
    port: bound,
    refused,
    get links() { return links.size; },
    cut(address) {
      const wanted = canonical(address);
      let count = 0;
      for (const link of links) {
        if (link.asked.asked !== wanted && link.asked.dialled !== wanted) continue;
        link.cut();
        count++;
      }
      return count;
    },
    close() {
      for (const link of links) link.cut();
      for (const page of sockets.clients) page.terminate();
      server.closeAllConnections();
      return new Promise((resolve) => { server.close(resolve); });
    },
  };
}

/** Takes "host:port" apart; throws a RangeError on anything else. */
function parse(address) {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/.exec(address);
  if (!match || Number(match[3]) < 1 || Number(match[3]) > 65535) {
    throw new RangeError(`not host:port: ${address}`);
  }
  return { host: match[1] ?? match[2], port: Number(match[3]) };
}

/** "host:port" in one spelling. */
function canonical(address) {
  const { host, port } = parse(address);
  return join(host, port);
}

function join(host, port) {
  const name = host.toLowerCase();
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}

/** What an upgrade request asks for, and what that means to dial. */
function target(url, mapped) {
  let query;
  try {
    query = new URL(url, 'ws://relay').searchParams;
  } catch {
    return { malformed: true, asked: '' };
  }
  const host = (query.get('host') ?? '').slice(0, 256);
  const digits = query.get('port') ?? '';
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  const secure = query.get('tls');
  const asked = join(host, port);
  const malformed = !/^[\w.:-]{1,253}$/.test(host) || port < 1 || port > 65535 || (secure !== '0' && secure !== '1');
  if (malformed) return { malformed, host, port, asked };
  const elsewhere = mapped.get(asked) ?? mapped.get(host.toLowerCase());
  const dialHost = elsewhere?.host ?? host;
  const dialPort = elsewhere?.port ?? port;
  return { host, port, secure: secure === '1', asked, dialHost, dialPort, dialled: join(dialHost, dialPort) };
}

const printable = (text) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300);

/** One page's connection to one server. */
class RelayedLink {
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

  constructor(page, asked, options) {
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
    this.#arm(() => this.#fail('refused'), options.timeout);
    // Half-open, so that a server's FIN does not stop what the page still sends.
    const raw = net.connect({ host: asked.dialHost, port: asked.dialPort, allowHalfOpen: true, noDelay: true });
    this.#raw = raw;
    this.#server = raw;
    raw.once('connect', () => {
      clearTimeout(this.#timer);
      this.#opened = true;
      this.#tell({ type: 'open' });
      if (asked.secure) this.#handshake();
      else this.#listen(raw);
    });
    raw.on('error', (error) => this.#failed(error));
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
    let message;
    try {
      message = data.length <= CONTROL ? JSON.parse(data.toString()) : null;
    } catch {
      message = null;
    }
    switch (message?.type) {
      case 'credit':
        if (!Number.isInteger(message.bytes) || message.bytes <= 0 || this.#credit + message.bytes > WINDOW) break;
        this.#credit += message.bytes;
        this.#flush();
        return;
      case 'starttls':
        if (!this.#opened || this.#handshaking || this.#secure || this.#ending) break;
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
