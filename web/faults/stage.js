// A phone on a network of functions, with a fault for each case, and the module
// of conn/ under test. What an operation needs is a method; what it may not
// leave behind is counted.
import { FaultyNetwork } from '../../bridge/mock/faults.js';
import { install } from '../../bridge/mock/install.js';
import { MemoryNetwork, Peer } from '../../bridge/mock/memory.js';
import { Handle } from '../src/handle.js';
import { loadFrom } from '../src/load.js';
import { pageOf } from '../src/platform.js';
import { isPattern, pattern } from './pattern.js';
import { witness } from './witness.js';

const MODULE = 'dns'; // see build.mjs
const page = pageOf(self, () => null);
const SERVER = 'server.test:1';
const LAPTOP = '10.0.0.2';
const TICK = 10;
/** How long what a case leaves may take to go, in milliseconds. */
const SETTLE = 3000;

export class Stage {
  memory = new MemoryNetwork();
  network = new FaultyNetwork(this.memory);
  serve = serving.echo();
  #names = 0;
  #terminated = [];

  /** @param options {engine, profile, worker, security: 'plain' | 'phone' | 'own'} */
  async begin({ engine, profile, worker, security }) {
    this.security = security;
    this.profile = profile;
    this.phone = install(window, { profile, network: this.network });
    this.memory.listen(SERVER, (peer) => this.serve(peer));
    const tls = security === 'own' ? 'own' : 'phone';
    this.wire = await loadFrom(null, { modules: [MODULE], engine, worker, tls, base: '/conn/' }, page);
    if (security === 'own') {
      // Where TLS ends on the server's side: an engine of its own.
      this.terminator = await loadFrom(null, { modules: [MODULE], engine, worker: false, tls, base: '/conn/' }, page);
      this.roots = (await callOn(this.terminator, 'certificate', { name: '*.test' })).value;
    }
    let last = performance.now();
    this.stall = 0;
    setInterval(() => {
      const now = performance.now();
      this.stall = Math.max(this.stall, now - last - TICK);
      last = now;
    }, TICK);
    // What the first connections leave for good is no leak, nor are the goroutines that wait for further calls.
    await this.works();
    await this.#callAtOnce();
    await this.settled();
    this.before = await this.counts();
  }

  /** As many calls at once as wasm/call keeps goroutines for, and one. */
  async #callAtOnce() {
    const server = this.server(serving.echo());
    const dialed = await Promise.all(Array.from({ length: 5 }, () => this.dial(server)));
    await Promise.all(dialed.map(({ handle }) => handle.close()));
    server.close();
  }

  async end() {
    await this.wire.close();
    if (this.terminator) await this.terminator.close();
    this.phone.uninstall();
  }

  /** A name that the server has from now on; `fault` is that of whoever dials it. */
  server(serve, fault = null) {
    this.serve = serve;
    const host = `s${++this.#names}.test`;
    const address = `${host}:1`;
    this.network.set(address, fault);
    const controller = new AbortController();
    if (this.security === 'own') this.memory.pair(address, `far-${address}`);
    else this.memory.listen(address, (peer) => this.serve(peer));
    return { host, port: 1, address, terminate: () => this.#terminate(address, controller.signal), close: () => controller.abort() };
  }

  #terminate(address, signal) {
    if (this.security !== 'own') return;
    this.#terminated.push(outcome(callOn(this.terminator, 'terminate', { outside: `far-${address}`, inside: SERVER },
      { timeout: 60_000, signal })));
  }

  /** What became of a call, as {value, bytes, code, parts, elapsed}. */
  call(method, args, { timeout = 5000, handle = null, bytes } = {}) {
    const parts = [];
    const onPart = (value, more) => parts.push({ value, bytes: more });
    const { _client: client } = this.wire;
    return outcome(client.call(MODULE, method, handle ? handle._id : 0, args, { timeout }, { bytes, onPart }), parts);
  }

  #handle(result) {
    if (result.code) return result;
    return { ...result, handle: new Handle(this.wire._client, MODULE, result.value.handle) };
  }

  async dial({ host, port, terminate }, { timeout, roots = this.roots, secure = this.security !== 'plain' } = {}) {
    terminate();
    const tls = this.security === 'own' ? { roots } : undefined;
    return this.#handle(await this.call('dial', { host, port, secure, tls }, { timeout }));
  }

  async dialUDP(host, port, options) { return this.#handle(await this.call('dialUDP', { host, port }, options)); }
  async listen(port, options) { return this.#handle(await this.call('listen', { port }, options)); }
  async accept(listener, options) { return this.#handle(await this.call('accept', {}, { ...options, handle: listener })); }

  /** A machine on the phone's own network. */
  get laptop() { return this.memory.host(LAPTOP); }

  /** Connects from there to a port of the phone. */
  connect(port, serve) {
    const request = { host: '10.0.0.1', port, tls: false };
    const link = this.laptop.connect(request);
    link.onconnect = () => {};
    serve(new Peer(link, request));
  }

  /** Whether a connection without a fault does what it should. */
  async works() {
    const server = this.server(serving.echo());
    try {
      const { handle, code } = await this.dial(server);
      if (code) return `the next dial: ${code}`;
      const written = await this.call('write', { bytes: 1000 }, { handle });
      const got = await this.call('read', { bytes: 1000 }, { handle });
      await handle.close();
      if (written.code || got.code) return `the next connection: ${written.code || got.code}`;
      return got.bytes.length === 1000 && isPattern(got.bytes, 0) ? '' : 'the next connection gives back other bytes';
    } finally {
      server.close();
    }
  }

  /** Waits for what is sure to come; what does not is a problem of what is asked next. */
  async until(come) {
    const until = performance.now() + SETTLE;
    while (!(await come()) && performance.now() < until) await new Promise((resolve) => { setTimeout(resolve, TICK); });
  }

  /** What there is now, on all sides. */
  async counts() {
    const { value: go } = await this.call('counts', {});
    const { engine } = this.wire._client;
    const there = engine.worker ? await ask(engine.worker) : witness(engine);
    const relay = engine.relay ? engine.relay.sockets.size + engine.relay.servers.size + engine.relay.datagrams.size : 0;
    const { sockets, servers, udpSockets } = this.phone;
    return {
      open: go.open, goroutines: go.goroutines, sockets: there.sockets, values: there.values, lingering: there.lingering, relayed: there.relayed || 0, relay,
      phone: sockets.size, servers: servers.size, datagrams: udpSockets, calls: this.wire._client.calls.size,
    };
  }

  /** The greatest that the queues between the phone and Go have now. */
  async queues() {
    const { engine } = this.wire._client;
    const there = engine.worker ? await ask(engine.worker) : witness(engine);
    const relayed = engine.relay ? [...engine.relay.sockets.values()] : [];
    return { ...there, onTheWay: Math.max(0, ...relayed.map(({ unacknowledged }) => unacknowledged)) };
  }

  /**
   * Waits until no more is there than before, apart from `zombies`: sockets
   * that the platform never ends. Says what is there still.
   */
  async settled(zombies = 0) {
    await Promise.all(this.#terminated.splice(0));
    const allowed = (name) => (ZOMBIES.includes(name) ? zombies : 0);
    const until = performance.now() + SETTLE;
    for (;;) {
      const now = await this.counts();
      const left = Object.keys(now).filter((name) => now[name] > (this.before ? this.before[name] : 0) + allowed(name));
      if (left.length === 0) {
        this.before = this.before && now;
        return '';
      }
      if (!this.before || performance.now() > until) {
        return left.map((name) => `${name} ${this.before ? this.before[name] : 0} → ${now[name]}`).join(', ');
      }
      await new Promise((resolve) => { setTimeout(resolve, TICK); });
    }
  }
}

/** Where a socket shows that the platform keeps and we have let go of. */
const ZOMBIES = ['lingering', 'relayed', 'relay', 'phone'];

const callOn = (wire, method, args, options) => wire._client.call(MODULE, method, 0, args, options);

async function outcome(promise, parts = []) {
  const begun = performance.now();
  const elapsed = () => performance.now() - begun;
  try {
    const { value, bytes } = await promise;
    return { value, bytes: bytes || new Uint8Array(0), code: '', elapsed: elapsed() };
  } catch (error) {
    const [part = {}] = parts;
    return { value: part.value, bytes: part.bytes || new Uint8Array(0), code: error.code || String(error), detail: error.detail, elapsed: elapsed() };
  }
}

function ask(worker) {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      port1.close();
      resolve(data);
    };
    worker.postMessage(['witness'], [port2]);
  });
}

/** So long that they soon are more than a handshake. */
const ACKNOWLEDGEMENT = 256;

/** How much a `sink` has said that it has got, in the last of these acknowledgements that is whole. */
export function lastAcknowledgement(bytes) {
  const whole = Math.floor(bytes.length / ACKNOWLEDGEMENT);
  return whole === 0 ? 0 : new DataView(bytes.buffer, bytes.byteOffset).getUint32((whole - 1) * ACKNOWLEDGEMENT);
}

/**
 * What servers do. Each makes a function for connections, with what it has seen
 * in its properties: `received` bytes, whether they were `intact`, how the
 * connection `ended`, and a promise for the end, `over`.
 */
export const serving = {
  /** Gives back what comes. */
  echo: () => watched((peer) => (bytes) => peer.write(bytes)),
  /** Takes what comes, and says after each piece how much there has been. */
  sink: () => watched((peer, seen) => () => {
    const acknowledgement = new Uint8Array(ACKNOWLEDGEMENT);
    new DataView(acknowledgement.buffer).setUint32(0, seen.received);
    peer.write(acknowledgement);
  }),
  /** Takes what comes and says nothing. */
  mute: () => watched(() => () => {}),
  /** After the first byte sends `length` bytes, and then FIN if `end`. */
  source: (length, { end = true } = {}) => watched((peer) => {
    let begun = false;
    return () => {
      if (begun) return;
      begun = true;
      peer.write(pattern(0, length));
      if (end) peer.end();
    };
  }),
  /** Sends as much of the pattern as it takes, both ways at once. */
  exchange: (length) => watched((peer) => {
    const CHUNK = 65536;
    let sent = 0;
    peer.ondrain = () => {
      while (sent < length) {
        const n = Math.min(CHUNK, length - sent);
        sent += n;
        if (!peer.write(pattern(sent - n, n))) return;
      }
    };
    let begun = false;
    return () => {
      if (begun) return;
      begun = true;
      peer.ondrain();
    };
  }),
};

function watched(behave) {
  const serve = (peer) => {
    const react = behave(peer, serve);
    serve.connections++;
    peer.ondata = (bytes) => {
      if (!isPattern(bytes, serve.received)) serve.intact = false;
      serve.received += bytes.length;
      react(bytes);
    };
    const over = (how) => {
      serve.ended = how;
      peer.end();
      settle();
    };
    peer.onend = () => over('fin');
    peer.onreset = () => over('reset');
  };
  let settle;
  serve.over = new Promise((resolve) => { settle = resolve; });
  return Object.assign(serve, { connections: 0, received: 0, intact: true, ended: '' });
}
