import { randomBytes } from 'node:crypto';
import { createServer, STATUS_CODES } from 'node:http';
import net from 'node:net';
import { WebSocketServer } from 'ws';
import { RelayedDatagrams } from './datagram.mjs';
import { RelayedLink } from './link.mjs';
import { RelayedListener } from './listener.mjs';
import { join, lookup, printable, WINDOW } from './wire.mjs';

/**
 * The relay between a page with kaiwire's mock socket and real servers. What
 * goes over the WebSocket is written down at the head of bridge/mock/tunnel.js.
 * It is a tool for developers: it listens on 127.0.0.1 only, answers only the
 * pages it was told of, and dials, listens on and sends to only what it was told
 * to. Its listeners and UDP ports are on this machine's loopback alone.
 */

const REFUSED_KEPT = 100;
/** Connections that have come in and wait for their page to take them, at most. */
const UNCLAIMED = 64;

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
 *   listen         ports that a page may listen on, at 127.0.0.1; 0 for one that is free
 *   datagrams      where a page may send datagrams: exact "host:port", on this machine. It may also answer
 *                  whoever has sent it one
 *   bind           ports that a page may have for datagrams, at 127.0.0.1 or ::1; 0 for one that is
 *                  free; default [0] if there are `datagrams`, else none
 *   multicast      IPv4 groups that a page may join, on this machine only; to send to one takes `datagrams` too
 *   ca             PEM of the certificate authorities to trust; default Node's own
 *   links          connections, listeners and UDP ports at the same time; default 256
 *   timeout        milliseconds for a dial and for a TLS handshake, each; default 120000
 *   upgradeTimeout milliseconds for a page to have asked, and to take a connection that has come in;
 *                  default 5000
 *   log            called with one line for each refusal and failure
 *
 * The relay:
 *   url, port
 *   refused        the last 100 requests that were turned away: { host, port, origin, reason }, and
 *                  datagrams: { host, port, reason }
 *   links          how many connections, listeners and UDP ports there are
 *   cut(address)   cuts the connections to "host:port", as dialled or as asked for; says how many
 *   close()        cuts all, resolves when the port is free
 */
export async function startRelay({
  port = 0, allow = [], origins = [], allowNoOrigin = false, hosts = {}, listen = [], datagrams = [],
  bind = datagrams.length > 0 ? [0] : [], multicast = [], ca, links: limit = 256, timeout = 120_000,
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
  const ports = { listen: new Set(listen.map(checkedPort)), bind: new Set(bind.map(checkedPort)) };
  const destinations = new Set(datagrams.map(canonical));
  const groups = new Set(multicast);
  for (const group of groups) {
    if (!net.isIPv4(group)) throw new RangeError(`not an IPv4 address: ${group}`);
  }
  const refused = [];
  const links = new Set();
  /** Connections that have come in, by the id that their page was told. */
  const incoming = new Map();
  /** Listeners by ticket, and the tickets of those that no WebSocket has taken over yet. */
  const held = new Map();
  const reserved = new Set();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: WINDOW, perMessageDeflate: false });

  function refuse(entry) {
    refused.push(entry);
    if (refused.length > REFUSED_KEPT) refused.shift();
    const { host, port: number, origin, reason } = entry;
    log(`refused ${printable(join(host, number))}${origin === undefined ? '' : ` for ${printable(origin)}`}: ${reason}`);
  }

  function admit(link) {
    links.add(link);
    link.onover = () => links.delete(link);
    return link;
  }

  /** What a request asks for, and why it is not to have it. */
  function judge(request, methods) {
    const asked = target(request.url, mapped);
    const { origin } = request.headers;
    const { method } = asked;
    let reason;
    if (origin === undefined ? !allowNoOrigin : !pages.has(origin)) reason = 'origin';
    else if (asked.malformed || !methods.includes(method)) reason = 'malformed';
    else if (method === 'connect' && !allowed.has(asked.dialled)) reason = 'not allowed';
    else if ((method === 'listen' || method === 'bind') && !ports[method].has(asked.port)) reason = 'not allowed';
    else if (method === 'accept' && !incoming.has(asked.id)) reason = 'not allowed';
    else if (method === 'unlisten' && !held.has(asked.ticket)) reason = 'not allowed';
    else if (method === 'listen' && asked.ticket && !reserved.has(asked.ticket)) reason = 'not allowed';
    else if (!asked.ticket && method !== 'accept' && links.size >= limit) reason = 'too many links';
    if (reason) refuse({ host: asked.host ?? '', port: asked.port ?? 0, origin: (origin ?? 'no origin').slice(0, 300), reason });
    return { asked, reason };
  }

  function listener(asked) {
    return admit(new RelayedListener(asked, { log, timeout: upgradeTimeout, offer }));
  }

  function offer(connection) {
    if (incoming.size >= UNCLAIMED || links.size + incoming.size >= limit) return null;
    const id = randomBytes(16).toString('hex');
    incoming.set(id, connection);
    connection.onover = () => incoming.delete(id);
    return id;
  }

  const server = createServer({
    headersTimeout: upgradeTimeout,
    requestTimeout: upgradeTimeout,
    connectionsCheckingInterval: Math.min(1_000, upgradeTimeout),
    maxHeaderSize: 8192,
  }, (request, response) => {
    if (request.method !== 'POST') {
      response.writeHead(426, { 'Content-Type': 'text/plain' }).end('kaiwire-relay speaks WebSocket only.\n');
      return;
    }
    const { asked, reason } = judge(request, ['listen', 'unlisten']);
    const { origin } = request.headers;
    const headers = { Connection: 'close', ...(origin !== undefined && reason !== 'origin' && { 'Access-Control-Allow-Origin': origin }) };
    if (reason) {
      response.writeHead(statusOf(reason), headers).end();
      return;
    }
    if (asked.method === 'unlisten') {
      held.get(asked.ticket).close();
      response.writeHead(200, { ...headers, 'Content-Type': 'application/json' }).end('{}');
      return;
    }
    const bound = listener(asked);
    bound.onlistening = () => {
      const ticket = randomBytes(16).toString('hex');
      const forget = bound.onover;
      bound.onover = () => {
        reserved.delete(ticket);
        held.delete(ticket);
        forget();
      };
      reserved.add(ticket);
      held.set(ticket, bound);
      bound.expire(upgradeTimeout);
      response.writeHead(200, { ...headers, 'Content-Type': 'application/json' }).end(JSON.stringify({ port: bound.port, ticket }));
    };
    bound.onfailed = () => response.writeHead(409, headers).end();
  });

  server.maxConnections = 2 * limit + 16;
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const { asked, reason } = judge(request, ['connect', 'listen', 'accept', 'bind']);
    if (reason) {
      socket.once('finish', () => socket.destroy());
      socket.end(`HTTP/1.1 ${statusOf(reason)} ${STATUS_CODES[statusOf(reason)]}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (page) => {
      switch (asked.method) {
        case 'connect': {
          // Half-open, so that a server's FIN does not stop what the page still sends.
          const raw = net.connect({ host: asked.dialHost, port: asked.dialPort, allowHalfOpen: true, noDelay: true });
          admit(new RelayedLink(page, asked, raw, { ca, timeout, log }));
          break;
        }
        case 'accept': {
          const connection = incoming.get(asked.id);
          if (connection) admit(new RelayedLink(page, { ...asked, asked: connection.asked }, connection.take(), { timeout, log }));
          else page.terminate();
          break;
        }
        case 'listen': {
          const bound = asked.ticket ? held.get(asked.ticket) : listener(asked);
          reserved.delete(asked.ticket);
          if (bound) bound.attach(page);
          else page.terminate();
          break;
        }
        case 'bind':
          admit(new RelayedDatagrams(page, asked, { log, refuse, destinations, groups, mapped }));
      }
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
      for (const connection of incoming.values()) connection.drop();
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

function checkedPort(port) {
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new RangeError(`not a port: ${port}`);
  return port;
}

const statusOf = (reason) => (reason === 'too many links' ? 503 : 403);

/** "host:port" in one spelling. */
function canonical(address) {
  const { host, port } = parse(address);
  return join(host, port);
}

/** What a request asks for: `method`, the network's, and what it takes. */
function target(url, mapped) {
  let query;
  try {
    query = new URL(url, 'ws://relay').searchParams;
  } catch {
    return { malformed: true };
  }
  const number = (name) => {
    const digits = query.get(name) ?? '';
    return /^\d{1,5}$/.test(digits) && Number(digits) < 65536 ? Number(digits) : undefined;
  };
  const flag = (name) => ({ 0: false, 1: true })[query.get(name)];
  const token = (name) => (/^[\da-f]{32}$/.test(query.get(name)) ? query.get(name) : undefined);
  if (query.has('accept')) {
    const id = token('accept');
    return { method: 'accept', malformed: id === undefined, id };
  }
  if (query.has('unlisten')) {
    const ticket = token('unlisten');
    return { method: 'unlisten', malformed: ticket === undefined, ticket };
  }
  if (query.has('listen')) {
    const [port, backlog, ticket] = [number('listen'), number('backlog'), token('ticket')];
    const malformed = port === undefined || backlog === undefined || query.has('ticket') !== (ticket !== undefined);
    return { method: 'listen', malformed, host: '127.0.0.1', port, backlog, ticket, asked: join('127.0.0.1', port) };
  }
  if (query.has('bind')) {
    const host = query.get('bind').slice(0, 256);
    const [port, reuse, loopback] = [number('port'), flag('reuse'), flag('loopback')];
    const malformed = (host !== '' && !net.isIP(host)) || [port, reuse, loopback].includes(undefined);
    return { method: 'bind', malformed, host, port, reuse, loopback, asked: join(host, port) };
  }
  const host = (query.get('host') ?? '').slice(0, 256);
  const port = number('port');
  const secure = flag('tls');
  const asked = join(host, port);
  const malformed = !/^[\w.:-]{1,253}$/.test(host) || !port || secure === undefined;
  if (malformed) return { method: 'connect', malformed, host, port };
  const { host: dialHost, port: dialPort } = lookup(mapped, host, port);
  return { method: 'connect', host, port, secure, asked, dialHost, dialPort, dialled: join(dialHost, dialPort) };
}
