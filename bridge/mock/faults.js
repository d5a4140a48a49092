import { Datagrams, Link, Listener, addressOf } from './network.js';
import { task } from './tasks.js';

/** A link that passes everything on to another; the faults override what they spoil. */
class FaultyLink extends Link {
  inner;
  #timers = new Set();
  #over = false;

  constructor(inner) {
    super();
    this.inner = inner;
    this.chunk = inner.chunk;
    inner.onconnect = () => {
      this.onconnect();
      this.opened();
    };
    inner.ondata = (bytes) => this.fromServer(bytes);
    inner.onwritable = () => this.onwritable();
    inner.onend = () => this.finFromServer();
    inner.onerror = (kind, code) => this.fail(kind, code);
  }

  /** The dial was answered, or the connection accepted. */
  opened() {}
  fromServer(bytes) { this.ondata(bytes); }
  finFromServer() { this.onend(); }

  /** The owner hears of the link's death, whoever killed it. */
  fail(kind, code) {
    if (this.#over) return;
    this.#over = true;
    this.stop();
    this.onerror(kind, code);
  }

  /** Kills the link on both sides. */
  kill(kind) {
    this.inner.destroy();
    this.fail(kind);
  }

  soon(run) { task(() => { if (!this.#over) run(); }); }

  after(milliseconds, run) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, milliseconds);
    this.#timers.add(timer);
  }

  stop() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  write(bytes) { return this.inner.write(bytes); }
  pause() { this.inner.pause(); }
  resume() { this.inner.resume(); }
  startTLS() { this.inner.startTLS(); }

  end() {
    this.#over = true;
    this.stop();
    this.inner.end();
  }

  destroy() {
    this.#over = true;
    this.stop();
    this.inner.destroy();
  }
}

class Refused extends Link {
  constructor() {
    super();
    task(() => this.onerror('refused'));
  }
}

class SlowDial extends FaultyLink {
  constructor(inner, { delay = 200 }) {
    super(inner);
    inner.pause();
    inner.onconnect = () => this.after(delay, () => {
      inner.resume();
      this.onconnect();
    });
  }
}

class Silent extends FaultyLink {
  constructor(inner, { bytes = 0 }) {
    super(inner);
    this.left = bytes;
  }

  fromServer(bytes) {
    const heard = bytes.subarray(0, this.left);
    this.left -= heard.length;
    if (heard.length > 0) this.ondata(heard);
  }

  finFromServer() {}
  fail(kind, code) { if (kind === 'refused') super.fail(kind, code); }
}

class ResetMidLine extends FaultyLink {
  constructor(inner, { bytes = 20 }) {
    super(inner);
    this.left = bytes;
  }

  fromServer(bytes) {
    if (bytes.length < this.left) {
      this.left -= bytes.length;
      this.ondata(bytes);
      return;
    }
    if (this.left > 0) this.ondata(bytes.subarray(0, this.left));
    this.kill('reset');
  }
}

class FinMidLine extends FaultyLink {
  constructor(inner, { bytes = 20 }) {
    super(inner);
    this.left = bytes;
    this.over = false;
  }

  fromServer(bytes) {
    if (this.over) return;
    const heard = bytes.subarray(0, this.left);
    this.left -= heard.length;
    if (heard.length > 0) this.ondata(heard);
    if (this.left === 0) this.finFromServer();
  }

  finFromServer() {
    if (this.over) return;
    this.over = true;
    this.onend();
  }
}

class WhenIdle extends FaultyLink {
  constructor(inner, { quiet = 50 }) {
    super(inner);
    this.quiet = quiet;
    this.over = false;
  }

  opened() { this.wait(); }

  wait() {
    this.stop();
    if (!this.over) this.after(this.quiet, () => this.elapsed());
  }

  write(bytes) {
    this.wait();
    return super.write(bytes);
  }

  fromServer(bytes) {
    if (this.over) return;
    this.wait();
    this.ondata(bytes);
  }

  finFromServer() {
    if (this.over) return;
    this.over = true;
    this.stop();
    this.onend();
  }
}

class ResetWhenIdle extends WhenIdle {
  elapsed() { this.kill('reset'); }
}

class FinWhenIdle extends WhenIdle {
  elapsed() { this.finFromServer(); }
}

class FinWithDataPending extends FaultyLink {
  constructor(inner, { bytes = 0, hold = 50 }) {
    super(inner);
    this.left = bytes;
    this.hold = hold;
    this.stage = 'before';
  }

  write(bytes) {
    if (this.stage === 'after') return super.write(bytes);
    if (this.stage === 'holding') return 0;
    if (bytes.length <= this.left) {
      this.left -= bytes.length;
      return super.write(bytes);
    }
    this.stage = 'holding';
    this.soon(() => this.onend());
    this.after(this.hold, () => {
      this.stage = 'after';
      this.onwritable();
    });
    return 0;
  }

  fromServer(bytes) { if (this.stage === 'before') this.ondata(bytes); }
  finFromServer() { if (this.stage === 'before') this.onend(); }
}

class OneByteAtATime extends FaultyLink {
  chunk = 1;
}

class BigChunks extends FaultyLink {
  constructor(inner, { bytes = 384 * 1024, quiet = 25 }) {
    super(inner);
    this.size = bytes;
    this.quiet = quiet;
    this.collected = [];
    this.length = 0;
    this.paused = false;
    this.due = false;
    this.fin = false;
  }

  fromServer(bytes) {
    this.collected.push(bytes);
    this.length += bytes.length;
    this.stop();
    if (this.length >= this.size) this.flush();
    else this.after(this.quiet, () => this.flush());
  }

  finFromServer() {
    this.fin = true;
    this.flush();
  }

  fail(kind, code) {
    for (const bytes of this.collected.splice(0)) this.ondata(bytes);
    super.fail(kind, code);
  }

  flush() {
    this.stop();
    this.due = this.paused;
    if (this.due) return;
    this.length = 0;
    for (const bytes of this.collected.splice(0)) this.ondata(bytes);
    if (!this.fin) return;
    if (this.paused) {
      this.due = true;
      return;
    }
    this.fin = false;
    this.onend();
  }

  pause() {
    this.paused = true;
    super.pause();
  }

  resume() {
    this.paused = false;
    if (this.due) this.flush();
    if (!this.paused) super.resume();
  }
}

class SlowDrain extends FaultyLink {
  constructor(inner, { bytes = 1024, every = 10 }) {
    super(inner);
    this.size = bytes;
    this.every = every;
    this.resting = false;
    this.asked = false;
  }

  write(bytes) {
    if (this.resting) {
      this.asked = true;
      return 0;
    }
    const taken = super.write(bytes.length > this.size ? bytes.subarray(0, this.size) : bytes);
    if (taken > 0) {
      this.resting = true;
      this.asked = taken < bytes.length;
      this.after(this.every, () => {
        this.resting = false;
        if (this.asked) this.onwritable();
      });
    }
    return taken;
  }
}

class StalledOutput extends FaultyLink {
  constructor(inner, { bytes = 0 }) {
    super(inner);
    this.left = bytes;
  }

  write(bytes) {
    const taken = this.left > 0 ? super.write(bytes.subarray(0, this.left)) : 0;
    this.left -= taken;
    return taken;
  }
}

class CertificateError extends FaultyLink {
  kind = 'certificate';

  constructor(inner, parameters, { tls }) {
    super(inner);
    if (!tls) return;
    inner.onconnect = () => {
      this.onconnect();
      this.refuse();
    };
    this.handshaking = true;
  }

  refuse() {
    this.handshaking = true;
    this.soon(() => this.kill(this.kind));
  }

  startTLS() { this.refuse(); }
  write(bytes) { return this.handshaking ? 0 : super.write(bytes); }
  fromServer(bytes) { if (!this.handshaking) this.ondata(bytes); }
}

class HandshakeError extends CertificateError {
  kind = 'protocol';
}

class Cut extends FaultyLink {
  constructor(inner, { bytes = 1024 }) {
    super(inner);
    this.left = bytes;
    this.gone = false;
  }

  spend(length) {
    this.left -= length;
    if (this.left > 0 || this.gone) return;
    this.gone = true;
    this.soon(() => this.kill('reset'));
  }

  write(bytes) {
    if (this.gone) return bytes.length;
    const taken = super.write(bytes.length > this.left ? bytes.subarray(0, this.left) : bytes);
    this.spend(taken);
    return this.gone ? bytes.length : taken;
  }

  fromServer(bytes) {
    if (this.gone) return;
    const passed = bytes.subarray(0, this.left);
    this.ondata(passed);
    this.spend(passed.length);
  }

  finFromServer() { if (!this.gone) this.onend(); }
}

class Noise {
  constructor(seed) {
    this.state = seed >>> 0 || 1;
  }

  /** As many bytes as these, but others. */
  instead({ length }) {
    const noise = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      // Marsaglia's xorshift32.
      this.state ^= this.state << 13;
      this.state ^= this.state >>> 17;
      this.state ^= this.state << 5;
      noise[i] = this.state >>> 24;
    }
    return noise;
  }
}

class Garbage extends FaultyLink {
  constructor(inner, { seed = 1 }) {
    super(inner);
    this.noise = new Noise(seed);
  }

  fromServer(bytes) { this.ondata(this.noise.instead(bytes)); }
}

/** A listener whose connections are inside a `Spoiled`, a FaultyLink. */
class FaultyListener extends Listener {
  constructor(inner, Spoiled, parameters) {
    super();
    this.inner = inner;
    this.port = inner.port;
    this.failed = inner.failed;
    inner.onlisten = () => {
      this.port = inner.port;
      this.onlisten();
    };
    inner.onerror = () => {
      this.failed = true;
      this.onerror();
    };
    inner.onconnect = (link, peer) => this.accept(Spoiled ? new Spoiled(link, parameters, { tls: false }) : link, peer);
  }

  accept(link, peer) {
    this.onconnect(link, peer);
    if (link instanceof FaultyLink) link.opened();
  }

  close() { this.inner.close(); }
}

class ListenerDies extends FaultyListener {
  constructor(inner, { connections = 0 }) {
    super(inner);
    this.left = connections;
    this.over = false;
    if (connections === 0) task(() => this.die());
  }

  accept(link, peer) {
    super.accept(link, peer);
    if (--this.left === 0) this.die();
  }

  die() {
    if (this.over) return;
    this.close();
    this.failed = true;
    this.onerror();
  }

  close() {
    this.over = true;
    super.close();
  }
}

function portInUse() {
  const listener = new Listener();
  listener.failed = true;
  return listener;
}

/** What becomes of a socket's datagrams. `pass` hands one on, in the direction that it has. */
class Filter {
  out(bytes, host, port, pass) { pass(bytes, host, port); }
  in(bytes, address, port, pass) { pass(bytes, address, port); }
  stop() {}
}

class NothingBack extends Filter {
  in() {}
}

class NothingAtAll extends NothingBack {
  out() {}
}

class GarbageBack extends Filter {
  constructor({ seed = 1 }) {
    super();
    this.noise = new Noise(seed);
  }

  in(bytes, address, port, pass) { pass(this.noise.instead(bytes), address, port); }
}

class Loss extends Filter {
  constructor({ every = 2 }) {
    super();
    this.every = every;
    this.sent = 0;
    this.received = 0;
  }

  out(bytes, host, port, pass) { if (++this.sent % this.every !== 0) pass(bytes, host, port); }
  in(bytes, address, port, pass) { if (++this.received % this.every !== 0) pass(bytes, address, port); }
}

class Duplicate extends Filter {
  out(bytes, host, port, pass) { this.in(bytes, host, port, pass); }

  in(bytes, address, port, pass) {
    pass(new Uint8Array(bytes), address, port);
    pass(bytes, address, port);
  }
}

class Reorder extends Filter {
  constructor({ hold = 25 }) {
    super();
    this.hold = hold;
    this.held = { out: null, in: null };
  }

  out(...datagram) { this.swap('out', ...datagram); }
  in(...datagram) { this.swap('in', ...datagram); }

  swap(direction, bytes, host, port, pass) {
    const first = this.held[direction];
    if (first) {
      this.held[direction] = null;
      clearTimeout(first.timer);
      pass(bytes, host, port);
      first.release();
      return;
    }
    const release = () => pass(bytes, host, port);
    const timer = setTimeout(() => {
      this.held[direction] = null;
      release();
    }, this.hold);
    this.held[direction] = { release, timer };
  }

  stop() {
    clearTimeout(this.held.out?.timer);
    clearTimeout(this.held.in?.timer);
  }
}

class FromStranger extends Filter {
  in(bytes, address, port, pass) {
    const forged = new Uint8Array(bytes);
    if (forged.length > 0) forged[forged.length - 1] ^= 0xff;
    pass(forged, '192.0.2.1', 9);
    pass(bytes, address, port);
  }
}

class Empty extends Filter {
  in(bytes, address, port, pass) {
    pass(new Uint8Array(0), address, port);
    pass(bytes, address, port);
  }
}

/** A UDP port with a filter for each of its peers' faults; `faultOf(host, port)` says which that is. */
class FaultyDatagrams extends Datagrams {
  #inner;
  #faultOf;
  #filters = new Map();
  #over = false;

  constructor(inner, faultOf) {
    super();
    this.#inner = inner;
    this.#faultOf = faultOf;
    inner.onbound = (address, port) => this.onbound(address, port);
    inner.onerror = () => {
      this.#stop();
      this.onerror();
    };
    const pass = (...datagram) => { if (!this.#over) this.onmessage(...datagram); };
    inner.onmessage = (bytes, address, port) => this.#filter(address, port).in(bytes, address, port, pass);
  }

  #filter(host, port) {
    const fault = this.#faultOf(host, port);
    let filter = this.#filters.get(fault);
    if (!filter) {
      const { Filter: Kind = Filter } = fault?.kind ?? {};
      filter = new Kind(fault?.parameters);
      this.#filters.set(fault, filter);
    }
    return filter;
  }

  #stop() {
    this.#over = true;
    for (const filter of this.#filters.values()) filter.stop();
  }

  send(bytes, host, port) {
    this.#filter(host, port).out(bytes, host, port, (...datagram) => this.#inner.send(...datagram));
  }

  join(group) { this.#inner.join(group); }
  leave(group) { this.#inner.leave(group); }

  close() {
    this.#stop();
    this.#inner.close();
  }
}

class Unbound extends Datagrams {
  #closed = false;

  constructor() {
    super();
    task(() => { if (!this.#closed) this.onerror(); });
  }

  close() { this.#closed = true; }
}

/**
 * The faults. `Link` goes around connections, dialed and accepted ones; `dial`,
 * `listen` and `bind` take the place of what is asked for; `Filter` is what
 * datagrams go through.
 */
const KINDS = {
  refused: {
    about: 'The dial is refused.',
    applies: ['dial'],
    dial: () => new Refused(),
  },
  'black-hole': {
    about: 'The dial is never answered; no datagram goes or comes.',
    applies: ['dial', 'datagram'],
    dial: () => new Link(),
    Filter: NothingAtAll,
  },
  'slow-dial': {
    about: 'The dial is answered late. delay (200): milliseconds.',
    applies: ['dial'],
    dial: (connect, parameters) => new SlowDial(connect(), parameters),
  },
  silent: {
    about: 'The server accepts, reads, and says nothing: no FIN either. bytes (0): how many it says before that. No datagram comes.',
    applies: ['read', 'accept', 'datagram'],
    Link: Silent,
    Filter: NothingBack,
  },
  'reset-mid-line': {
    about: 'The connection is reset after so many bytes from the server. bytes (20).',
    applies: ['read', 'write', 'close', 'accept'],
    Link: ResetMidLine,
  },
  'fin-mid-line': {
    about: "The server's FIN comes after so many of its bytes. bytes (20).",
    applies: ['read', 'accept'],
    Link: FinMidLine,
  },
  'reset-when-idle': {
    about: 'The connection is reset when nobody has said anything for a while. quiet (50): milliseconds.',
    applies: ['read', 'idle', 'accept'],
    Link: ResetWhenIdle,
  },
  'fin-when-idle': {
    about: "The server's FIN comes when nobody has said anything for a while. quiet (50): milliseconds.",
    applies: ['read', 'idle', 'accept'],
    Link: FinWhenIdle,
  },
  'fin-with-data-pending': {
    about: "The server's FIN comes while our output waits, which goes out later: no close event ever. bytes (0): how many of ours pass before; hold (50): milliseconds from the FIN to the output.",
    applies: ['write', 'close', 'accept'],
    Link: FinWithDataPending,
  },
  'one-byte-at-a-time': {
    about: "Each of the server's bytes is a data event of its own.",
    applies: ['read', 'accept'],
    Link: OneByteAtATime,
  },
  'big-chunks': {
    about: "The server's bytes are collected into the largest data events. bytes (393216); quiet (25): milliseconds without a byte that end a chunk.",
    applies: ['read', 'accept'],
    Link: BigChunks,
  },
  'slow-drain': {
    about: 'Output goes a little at a time. bytes (1024) at most, every (10) milliseconds.',
    applies: ['write', 'close', 'accept'],
    Link: SlowDrain,
  },
  'stalled-output': {
    about: 'The server reads no more: output goes nowhere, and close() does not end. bytes (0): how many it reads before that.',
    applies: ['write', 'close', 'accept'],
    Link: StalledOutput,
  },
  'certificate-error': {
    about: 'Whoever asks for TLS gets open, then a certificate failure.',
    applies: ['dial', 'read'],
    tls: true,
    dial: (connect, parameters, request) => new CertificateError(connect(), parameters, request),
  },
  'handshake-error': {
    about: 'Whoever asks for TLS gets open, then a failure of the protocol.',
    applies: ['dial', 'read'],
    tls: true,
    dial: (connect, parameters, request) => new HandshakeError(connect(), parameters, request),
  },
  cut: {
    about: 'The link dies, on both sides, after so many bytes of both directions together. bytes (1024).',
    applies: ['read', 'write', 'close', 'accept'],
    Link: Cut,
  },
  garbage: {
    about: 'The bytes that come are replaced by as many pseudo-random ones. seed (1).',
    applies: ['read', 'accept', 'datagram'],
    Link: Garbage,
    Filter: GarbageBack,
  },
  'port-in-use': {
    about: 'The port cannot be had, to listen on or for datagrams.',
    applies: ['accept', 'datagram'],
    listen: portInUse,
    bind: () => new Unbound(),
  },
  'listener-dies': {
    about: 'Nobody listens any more after so many connections. connections (0).',
    applies: ['accept'],
    listen: (listen, parameters) => new ListenerDies(listen(), parameters),
  },
  'datagram-loss': {
    about: 'Some datagrams are lost, in each direction. every (2): which, counted from the first; 1 loses all.',
    applies: ['datagram'],
    Filter: Loss,
  },
  'datagram-duplicate': {
    about: 'Each datagram arrives twice, in each direction.',
    applies: ['datagram'],
    Filter: Duplicate,
  },
  'datagram-reorder': {
    about: 'Two datagrams in a row change places, in each direction. hold (25): milliseconds that one waits for the next.',
    applies: ['datagram'],
    Filter: Reorder,
  },
  'datagram-from-stranger': {
    about: 'Before each datagram that comes, another comes from 192.0.2.1:9, with its last byte wrong.',
    applies: ['datagram'],
    Filter: FromStranger,
  },
  'datagram-empty': {
    about: 'Before each datagram that comes, an empty one comes from the same peer. KaiOS 2.5 takes that for the end of the socket.',
    applies: ['datagram'],
    Filter: Empty,
  },
};

/**
 * Every fault by its name:
 *
 *     about     what it does, with its parameters and their defaults
 *     applies   what an app does that it can spoil: `dial`, up to the end of a TLS handshake; `read`,
 *               `write`, `idle` and `close`, on an open connection; `accept`, which is to
 *               listen, and what an accepted connection does; `datagram`, all of UDP
 *     tls       it takes TLS to see it
 */
export const FAULTS = Object.freeze(Object.fromEntries(Object.entries(KINDS).map(([name, { about, applies, tls = false }]) => [
  name, Object.freeze({ about, applies: Object.freeze(applies), tls }),
])));

/** A network with named faults in front of another's servers. */
export class FaultyNetwork {
  #network;
  #faults = new Map();

  constructor(network) {
    this.#network = network;
  }

  /**
   * Gives `address` ("host:port", or "*" for those without one of their own)
   * a fault: a name in FAULTS, an object with `name` and parameters, or null
   * for none. The address is who is dialed, and for datagrams the peer's, as it is
   * written there; what listens or is bound has the address of its port, such as
   * "0.0.0.0:8080". Connections and ports that are open already keep what they have,
   * but each datagram goes by what is set at the time.
   */
  set(address, fault) {
    const { name, ...parameters } = typeof fault === 'string' ? { name: fault } : fault ?? {};
    if (name === undefined) {
      this.#faults.delete(address);
      return;
    }
    if (!Object.prototype.hasOwnProperty.call(KINDS, name)) throw new RangeError(`no such fault: ${name}`);
    this.#faults.set(address, { kind: KINDS[name], parameters });
  }

  #faultOf(host, port) {
    return this.#faults.get(addressOf(host, port)) ?? this.#faults.get('*');
  }

  connect(request) {
    const { kind = {}, parameters } = this.#faultOf(request.host, request.port) ?? {};
    const connect = () => this.#network.connect(request);
    if (kind.dial) return kind.dial(connect, parameters, request);
    return kind.Link ? new kind.Link(connect(), parameters, request) : connect();
  }

  listen(request) {
    const { kind = {}, parameters } = this.#faultOf('0.0.0.0', request.port) ?? {};
    const listen = () => this.#network.listen(request);
    if (kind.listen) return kind.listen(listen, parameters);
    return kind.Link ? new FaultyListener(listen(), kind.Link, parameters) : listen();
  }

  bind(request) {
    const { address, port } = request;
    const { kind } = this.#faultOf(address ?? '0.0.0.0', port) ?? {};
    if (kind?.bind) return kind.bind();
    return new FaultyDatagrams(this.#network.bind(request), (host, from) => this.#faultOf(host, from));
  }
}
