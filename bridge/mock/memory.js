import { DATAGRAM, Datagrams, Link, Listener, addressOf, isLoopback, isMulticast } from './network.js';
import { task } from './tasks.js';

/** What the kernel keeps of either direction before a writer has to wait. */
const KERNEL = 256 * 1024;
/** What it keeps of datagrams: a burst of one turn of the event loop fits, and no more is lost than the faults say. */
const RECEIVE = 4 << 20;
/** The first ephemeral port. */
const EPHEMERAL = 49152;
/** Linux sends a SYN so many times again, after 1 second, then 2, then 4 … */
const RETRIES = 6;
/** The phone that is installed on the network itself. */
const SELF = '10.0.0.1';

/** One way of a connection: a bounded queue between a writing and a reading link. */
class Direction {
  writer = null;
  reader = null;
  unread = 0;
  ended = false;
  dead = false;
  #chunks = [];
  #blocked = false;
  #paused = false;
  #flushing = false;
  #finished = false;

  write(bytes) {
    const taken = Math.min(bytes.length, KERNEL - this.unread);
    if (taken > 0) {
      this.#chunks.push(taken === bytes.length ? bytes : bytes.subarray(0, taken));
      this.unread += taken;
      this.flush();
    }
    this.#blocked = taken < bytes.length;
    return taken;
  }

  end() {
    this.ended = true;
    this.flush();
  }

  pause() { this.#paused = true; }

  resume() {
    this.#paused = false;
    this.flush();
  }

  flush() {
    if (this.#flushing || !this.reader) return;
    this.#flushing = true;
    task(() => {
      this.#flushing = false;
      if (!this.#finished) this.#deliver(false);
    });
  }

  /** Hands on what is there, even to a paused reader if `all`. */
  #deliver(all) {
    const chunks = this.#chunks;
    let next = 0;
    while (next < chunks.length && (all || !this.#paused) && !this.#finished) {
      const chunk = chunks[next++];
      this.unread -= chunk.length;
      this.reader.ondata(chunk);
    }
    if (this.#finished) return;
    this.#chunks = chunks.slice(next);
    if (this.#blocked && this.unread < KERNEL) {
      this.#blocked = false;
      this.writer.onwritable();
    }
    if (this.ended && this.#chunks.length === 0 && !this.#paused) {
      this.#finished = true;
      this.reader.onend();
    }
  }

  /** The reader learns that the connection is dead, after what had arrived. */
  reset() {
    this.dead = true;
    if (!this.reader) return;
    if (!this.#finished) this.#deliver(true);
    this.#finished = true;
    this.reader.fail('reset');
  }

  /** The reader is gone. */
  discard() {
    this.#finished = true;
    this.#chunks = [];
    this.unread = 0;
  }
}

class MemoryLink extends Link {
  #in;
  #out;
  #closed = false;
  /** Set on the other end's behalf: called when this end starts TLS. */
  onsecure = () => {};
  /** Set on the dialed machine's behalf: called when this end is closed. */
  ongone = () => {};

  constructor(incoming, outgoing) {
    super();
    this.#in = incoming;
    this.#out = outgoing;
    outgoing.writer = this;
  }

  /** From now on, what arrives is delivered; until then it waits. */
  attach() {
    this.#in.reader = this;
    if (this.#in.dead) task(() => this.#in.reset());
    else this.#in.flush();
  }

  get closed() { return this.#closed; }

  write(bytes) {
    if (this.#closed) return bytes.length;
    if (this.#out.reader?.closed) {
      task(() => this.#in.reset());
      return bytes.length;
    }
    return this.#out.write(bytes);
  }

  pause() { this.#in.pause(); }
  resume() { if (!this.#closed) this.#in.resume(); }
  startTLS() { this.#out.reader?.onsecure(); }

  /** FIN without close: the other way stays open. Phones cannot do this; servers can. */
  shutdown() { if (!this.#closed) this.#out.end(); }

  end() {
    if (this.#closed) return;
    const unread = this.#in.unread > 0;
    this.#leave();
    if (unread) task(() => this.#out.reset());
    else this.#out.end();
  }

  destroy() {
    if (this.#closed) return;
    this.#leave();
    task(() => this.#out.reset());
  }

  fail(kind) {
    if (this.#closed) return;
    this.#leave();
    this.onerror(kind);
  }

  #leave() {
    this.#closed = true;
    this.#in.discard();
    this.ongone();
  }
}

/** A connection's two ends. */
function connection() {
  const there = new Direction();
  const back = new Direction();
  return [new MemoryLink(back, there), new MemoryLink(there, back)];
}

const utf8 = new TextEncoder();

/**
 * The server's end of a connection to a MemoryNetwork. Set the callbacks
 * before the handler returns.
 */
export class Peer {
  /** What the phone asked for. */
  host;
  port;
  /** TLS is on: asked for at connect, or upgraded to. */
  secure;
  ondata(/* Uint8Array */) {}
  /** The phone closed. */
  onend() {}
  onreset() {}
  /** All that was written has left for the phone's kernel. */
  ondrain() {}
  onsecure() {}
  #link;
  #queue = [];
  #ending = false;

  constructor(link, { host, port, tls }) {
    this.host = host;
    this.port = port;
    this.secure = tls;
    this.#link = link;
    link.ondata = (bytes) => this.ondata(bytes);
    link.onend = () => this.onend();
    link.onerror = () => {
      this.#queue = [];
      this.onreset();
    };
    link.onwritable = () => {
      this.#write();
      if (this.#queue.length === 0) this.ondrain();
    };
    link.onsecure = () => {
      this.secure = true;
      this.onsecure();
    };
  }

  /** Bytes that the kernel has not taken yet. Unlimited: a test knows what it writes. */
  get bufferedAmount() {
    return this.#queue.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** Sends a copy of a Uint8Array, or a string as UTF-8. False if some of it has to wait for `ondrain`. */
  write(bytes) {
    this.#queue.push(typeof bytes === 'string' ? utf8.encode(bytes) : bytes.slice());
    this.#write();
    return this.#queue.length === 0;
  }

  #write() {
    let next = 0;
    while (next < this.#queue.length) {
      const bytes = this.#queue[next];
      const taken = this.#link.write(bytes);
      if (taken < bytes.length) {
        this.#queue[next] = bytes.subarray(taken);
        break;
      }
      next++;
    }
    this.#queue.splice(0, next);
    if (this.#ending && this.#queue.length === 0) this.#link.shutdown();
  }

  /** FIN after what was written. The phone may still send. */
  end() {
    this.#ending = true;
    this.#write();
  }

  /** RST. */
  reset() {
    this.#queue = [];
    this.#link.destroy();
  }

  pause() { this.#link.pause(); }
  resume() { this.#link.resume(); }
}

/** A port that a machine listens on, with the kernel's queue before accept(2). */
class MemoryListener extends Listener {
  #backlog;
  #release;
  #queue = [];
  /** Whose SYN was dropped, with the timer of its next one. */
  #stalled = new Map();
  #closed = false;

  constructor(port, backlog, release) {
    super();
    this.port = port;
    this.#backlog = backlog;
    this.#release = release;
  }

  /** A SYN from `peer`, for the `attempt`th time. */
  knock(near, far, peer, attempt = 0) {
    if (near.closed) return;
    if (this.#closed) {
      near.fail('refused');
      return;
    }
    // One more than was asked for fits.
    if (this.#queue.length > this.#backlog) {
      this.#stalled.set(near, setTimeout(() => {
        this.#stalled.delete(near);
        if (attempt === RETRIES) near.fail('timeout');
        else this.knock(near, far, peer, attempt + 1);
      }, 1000 << attempt));
      return;
    }
    this.#queue.push({ far, peer });
    near.attach();
    near.onconnect();
    task(() => this.#accept());
  }

  #accept() {
    const waiting = this.#queue.shift();
    if (!waiting) return;
    this.onconnect(waiting.far, waiting.peer);
    waiting.far.attach();
  }

  /** The dialer has given up. */
  forget(near) {
    clearTimeout(this.#stalled.get(near));
    this.#stalled.delete(near);
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
    for (const { far } of this.#queue.splice(0)) far.destroy();
    for (const [near, timer] of this.#stalled) {
      clearTimeout(timer);
      task(() => near.fail('refused'));
    }
    this.#stalled.clear();
  }
}

class MemoryDatagrams extends Datagrams {
  address;
  port;
  reuse;
  loopback;
  groups = new Set();
  #machine;
  #waiting = 0;
  #closed = false;

  constructor(machine, { address, reuse, loopback }) {
    super();
    this.address = address ?? '0.0.0.0';
    this.reuse = reuse;
    this.loopback = loopback;
    this.#machine = machine;
  }

  get closed() { return this.#closed; }

  send(bytes, host, port) {
    if (!this.#closed && bytes.length <= DATAGRAM) this.#machine.send(this, bytes, host, port);
  }

  /** A datagram for this socket, which is lost if the owner is too far behind. */
  deliver(bytes, address, port) {
    if (this.#waiting + bytes.length > RECEIVE) return;
    this.#waiting += bytes.length;
    task(() => {
      this.#waiting -= bytes.length;
      if (!this.#closed) this.onmessage(bytes, address, port);
    });
  }

  join(group) { this.groups.add(group); }
  leave(group) { this.groups.delete(group); }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#machine.release(this);
  }
}

const isV6 = (address) => address.includes(':');
const isWildcard = (address) => address === '0.0.0.0' || address === '::';

/**
 * A machine on a MemoryNetwork, and what a phone there calls its network. It
 * is reached at `address` by the others, and as localhost, 127.x and ::1 by itself.
 */
class Machine {
  address;
  #network;
  #listeners = new Map();
  #sockets = new Set();
  #ephemeral = EPHEMERAL;

  constructor(network, address) {
    this.#network = network;
    this.address = address;
  }

  connect(request) {
    const { host, port } = request;
    // What a phone listens on is IPv4's only.
    const own = isLoopback(host) && host !== '::1';
    const listener = (own ? this : this.#network.machine(host))?.listenerAt(port);
    if (!listener) return this.#network.dial(request);
    const [near, far] = connection();
    near.ongone = () => listener.forget(near);
    const peer = { host: own ? '127.0.0.1' : this.address, port: this.#free(() => true) };
    task(() => listener.knock(near, far, peer));
    return near;
  }

  listenerAt(port) { return this.#listeners.get(port); }

  listen({ port, backlog }) {
    const isFree = (candidate) => !this.#listeners.has(candidate)
      && !['127.0.0.1', 'localhost', this.address].some((host) => this.#network.serves(addressOf(host, candidate)));
    const bound = port === 0 ? this.#free(isFree) : port;
    if (!isFree(bound)) {
      const listener = new Listener();
      listener.failed = true;
      return listener;
    }
    const listener = new MemoryListener(bound, backlog, () => this.#listeners.delete(bound));
    this.#listeners.set(bound, listener);
    return listener;
  }

  bind(request) {
    const socket = new MemoryDatagrams(this, request);
    const { address } = socket;
    const has = isWildcard(address) || isLoopback(address) || address === this.address;
    const isFree = (port) => ![...this.#sockets].some((other) => other.port === port && isV6(other.address) === isV6(address)
      && (other.address === address || isWildcard(other.address) || isWildcard(address)) && !(other.reuse && socket.reuse));
    const port = request.port === 0 ? this.#free(isFree) : request.port;
    if (!has || !isFree(port)) {
      task(() => { if (!socket.closed) socket.onerror(); });
      return socket;
    }
    socket.port = port;
    this.#sockets.add(socket);
    task(() => { if (!socket.closed) socket.onbound(address, port); });
    return socket;
  }

  release(socket) { this.#sockets.delete(socket); }

  #free(isFree) {
    for (let tries = EPHEMERAL; tries < 65536; tries++) {
      const port = this.#ephemeral;
      this.#ephemeral = port === 65535 ? EPHEMERAL : port + 1;
      if (isFree(port)) return port;
    }
    throw new RangeError('no port is free');
  }

  send(from, bytes, host, port) {
    if (isMulticast(host)) {
      const source = isWildcard(from.address) ? this.address : from.address;
      for (const machine of this.#network.machines()) {
        if (machine !== this || from.loopback) machine.#multicast(bytes, host, port, source, from.port);
      }
      return;
    }
    const own = isLoopback(host);
    const machine = own ? this : this.#network.machine(host);
    const to = host === 'localhost' ? '127.0.0.1' : host;
    if (!machine || isV6(to) !== isV6(from.address)) return;
    let source = from.address;
    if (isWildcard(source)) source = own ? to : this.address;
    // Of those who share a port, the last one gets what comes.
    const receiver = [...machine.#sockets].filter((socket) => socket.port === port && isV6(socket.address) === isV6(to)
      && (isWildcard(socket.address) || socket.address === to)).at(-1);
    receiver?.deliver(bytes, source, from.port);
  }

  #multicast(bytes, group, port, address, sourcePort) {
    for (const socket of this.#sockets) {
      if (socket.port === port && socket.groups.has(group)) socket.deliver(new Uint8Array(bytes), address, sourcePort);
    }
  }
}

/**
 * A network whose servers are functions in the same page, and that phones can
 * be on too, each with an address. Addresses are compared as they are written.
 */
export class MemoryNetwork {
  #servers = new Map();
  #machines = new Map();
  #self = this.host(SELF);

  /**
   * The machine at `address`, made if it is new: a network to install a phone
   * on, so that several can reach each other; without one, a phone is at 10.0.0.1.
   * A test can use it too: its connect, listen and bind are those of network.js.
   */
  host(address) {
    let machine = this.#machines.get(address);
    if (!machine) {
      machine = new Machine(this, address);
      this.#machines.set(address, machine);
    }
    return machine;
  }

  /** Those that there are, for one another. */
  machines() { return this.#machines.values(); }
  machine(address) { return this.#machines.get(address); }

  /**
   * `handler(peer)` is called for each connection to `address` ("host:port",
   * with brackets around an IPv6 address). Replaces an earlier listener. With
   * an object in place of the address, it is the listen of network.js, at 10.0.0.1.
   */
  listen(address, handler) {
    if (typeof address === 'object') return this.#self.listen(address);
    const dial = (request) => {
      const [near, far] = connection();
      task(() => {
        if (near.closed) return;
        near.attach();
        near.onconnect();
        far.attach();
        handler(new Peer(far, request));
      });
      return near;
    };
    this.#servers.set(address, dial);
    return { close: () => { if (this.#servers.get(address) === dial) this.#servers.delete(address); } };
  }

  /**
   * The nth socket that dials `a` and the nth that dials `b` are connected
   * to each other. Neither dial waits for the other.
   */
  pair(a, b) {
    const waiting = { [a]: [], [b]: [] };
    const dial = (own, other) => () => {
      let link = waiting[own].shift();
      if (!link) {
        const [near, far] = connection();
        waiting[other].push(far);
        link = near;
      }
      task(() => {
        if (link.closed) return;
        link.attach();
        link.onconnect();
      });
      return link;
    };
    this.#servers.set(a, dial(a, b));
    this.#servers.set(b, dial(b, a));
  }

  connect(request) { return this.#self.connect(request); }
  bind(request) { return this.#self.bind(request); }

  /** Connects to a server that is a function. */
  dial(request) {
    const dial = this.#servers.get(addressOf(request.host, request.port));
    if (dial) return dial(request);
    const link = new Link();
    task(() => link.onerror('refused'));
    return link;
  }

  /** A function has taken the address. */
  serves(address) { return this.#servers.has(address); }
}
