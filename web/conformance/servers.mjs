#!/usr/bin/env node
// The peers of the conformance script: TCP and UDP servers that do what the
// script asks, step by step, and keep a journal of what they saw. They are
// asked over HTTP, by POST with a JSON body, from any page (CORS):
//
//     /          {}                          → { closed, own, silent, six }: ports that nobody listens on, for dialling
//                                              and for the script's own use; one that never answers; whether /open
//                                              can do IPv6
//     /open      { steps, family? }          → { id, port }: a TCP server that plays `steps` with each connection
//     /dial      { port, steps }             → { id }: plays `steps` with a port of the asking machine
//     /datagrams { echo }                    → { id, port }: a UDP server, which sends back what comes or does not
//     /send      { id, port, sizes, stranger? } → {}: datagrams to a port of the asking machine, if wanted from
//                                              another port than the server's
//     /go        { id }                      → {}: opens the gate that steps wait at
//     /journal   { id, ended?, received? }   → [ … ]: one entry for each connection, in order of arrival, or the sizes
//                                              of the datagrams; waits for `ended` connections to have ended, or for
//                                              `received` bytes (or datagrams), but at most ten seconds
//     /close     { id }                      → {}: cuts its connections, frees the port
//
// Steps are arrays: a word, then its arguments.
//
//     read n       until n bytes have come in all      write text    Latin-1
//     wait ms      do nothing                          flood n       n bytes of the pattern: byte i is i % 251
//     gate         until /go                           echo          send back all that comes from here on
//     pause        stop reading                        resume        read again
//     slow         read no more than 64 KiB each 5 ms  tls name      be a TLS server with that certificate
//     fin          FIN, after what was written         close         close(2): in TLS without a goodbye
//     rst          RST
//
// An entry of the journal:
//
//     received     bytes that came; `text` is the first 100 of them, `pattern` whether all follow the pattern
//     sent         bytes that the kernel has taken
//     end          how it ended: FIN, RST, the name of another error, or null while it goes on
//     tls          null, or { protocol, cipher, sni, alpn }, or { error }
//
// It is a tool for developers. It listens on 127.0.0.1 unless --lan=ADDRESS
// names another of this machine's addresses, for a phone on the same network:
// then anybody on that network can use it, within the bounds below.
import dgram from 'node:dgram';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import tls from 'node:tls';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { watch } from '../test/servers/process.mjs';

const run = promisify(execFile);

/** TCP ports, all known beforehand, as a relay has to be told what it may dial. */
const PORTS = 48;
const UDP_PORTS = 6;
const MAX_BODY = 64 * 1024;
const MAX_FLOOD = 64 * 1024 * 1024;
const MAX_STEPS = 200;
const MAX_CONNECTIONS = 300;
const MAX_DATAGRAMS = 4000;
/** Milliseconds after which a server that nobody closes is closed. */
const LEASE = 180_000;
const JOURNAL_TIMEOUT = 10_000;
const PERIOD = 251;

const pattern = Buffer.alloc(PERIOD * 256, Buffer.from(Array.from({ length: PERIOD }, (_, i) => i)));

/**
 * Starts the servers.
 * @param {{address?: string, port?: number}} [options] where to listen, and the port for the questions; default
 *   127.0.0.1, and one that is free
 * @returns {Promise<{url: string, open(body: {steps: Array<Array<string | number>>}): {port: number}, ports: number[], datagrams: number[], closed: number, own: number, silent: number, six: number | null, ca: string,
 *   close(): Promise<void>}>} `ca` is the PEM text of the authority behind the certificate `trusted`
 */
export async function startServers({ address = '127.0.0.1', port = 0 } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'kaiwire-conformance-'));
  const closers = [() => rmSync(directory, { recursive: true, force: true })];
  const close = async () => {
    for (const run of closers.reverse()) await run();
    closers.length = 0;
  };
  try {
    const { ca, certificates } = await makeCertificates(directory, address);
    const doors = await Promise.all(Array.from({ length: PORTS }, () => openDoor(address)));
    const six = await openDoor('::1').catch(() => null);
    for (const door of six ? [...doors, six] : doors) closers.push(() => door.close());
    const mailboxes = await Promise.all(Array.from({ length: UDP_PORTS }, () => openMailbox(address)));
    closers.push(() => mailboxes.forEach((mailbox) => mailbox.close()));
    const [refused, own] = await Promise.all([openDoor(address), openDoor(address)]);
    await Promise.all([refused.close(), own.close()]);
    const silent = await startSilent(address, directory);
    closers.push(silent.close);

    const facts = { closed: refused.port, own: own.port, silent: silent.port, six: six !== null };
    const playhouse = new Playhouse({ doors, six, mailboxes, certificates, facts });
    closers.push(() => playhouse.close());
    const server = createServer((request, response) => playhouse.serve(request, response));
    await listen(server, address, port);
    closers.push(() => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }));
    return {
      url: `http://${address}:${server.address().port}/`,
      open: (body) => playhouse.open(body),
      ports: doors.map(({ port }) => port), datagrams: mailboxes.map(({ port }) => port), closed: refused.port, own: own.port,
      silent: silent.port, six: six?.port ?? null, ca, close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server, address, port = 0) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, resolve);
  });
}

/** A port that listens all the time; whoever comes while no play is on is turned away. */
async function openDoor(address) {
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  const door = {
    play: null,
    close: () => new Promise((resolve) => { server.close(resolve); }),
  };
  server.on('connection', (socket) => {
    socket.on('error', () => {}); // the journal hears of it by listeners of its own
    if (door.play && door.play.peers.length < MAX_CONNECTIONS) door.play.enter(socket);
    else socket.destroy();
  });
  await listen(server, address);
  door.port = server.address().port;
  return door;
}

/**
 * A port whose SYNs nobody answers: its process is stopped, and its queue of
 * connections to be accepted is full.
 */
async function startSilent(address, directory) {
  const program = join(directory, 'silent.cjs');
  writeFileSync(program, `
    const server = require('net').createServer();
    server.listen({ host: process.argv[2], port: 0, backlog: 1 }, () => {
      process.stdout.write(server.address().port + '\\n', () => process.kill(process.pid, 'SIGSTOP'));
    });`);
  const child = spawn(process.execPath, [program, address], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  const unwatch = watch(child.pid);
  const fillers = [];
  const close = async () => {
    for (const filler of fillers) filler.destroy();
    const gone = new Promise((resolve) => { child.once('exit', resolve); });
    if (child.exitCode === null) {
      child.kill('SIGKILL');
      await gone;
    }
    unwatch();
  };
  const port = Number(await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', () => reject(new Error('the silent server ended')));
  }));
  // Some are answered before the queue is full, and one that is not says that it is.
  for (;;) {
    const filler = net.connect({ host: address, port });
    filler.on('error', () => {});
    fillers.push(filler);
    const answered = await Promise.race([
      new Promise((resolve) => { filler.once('connect', () => resolve(true)); }),
      delay(1_000, false),
    ]);
    if (!answered) return { port, close };
    if (fillers.length > 64) throw new Error('the silent server answers');
  }
}

/** Names → {key, cert}: trusted, self-signed, wrong-name, expired. */
async function makeCertificates(directory, address) {
  const openssl = (...parameters) => run('openssl', parameters, { cwd: directory, timeout: 20_000 });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const names = `subjectAltName=DNS:localhost,IP:127.0.0.1,IP:${address}`;
  await openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=kaiwire conformance authority',
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign', '-keyout', 'ca.key', '-out', 'ca.pem');
  for (const [name, alternatives, days] of [
    ['trusted', names, '2'], ['self-signed', names, '2'], ['wrong-name', 'subjectAltName=DNS:elsewhere.test', '2'],
    ['expired', names, '0'], // over with this second; with -1 it would end before it begins, which is another error
  ]) {
    const signer = name === 'self-signed' ? ['-signkey', 'self-signed.key'] : ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    writeFileSync(join(directory, `${name}.ext`), `basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth\n${alternatives}\n`);
    // Each with a name of its own: Gecko tries any certificate that it has seen as another's issuer.
    await openssl('req', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    await openssl('x509', '-req', '-in', `${name}.csr`, ...signer, '-days', days, '-extfile', `${name}.ext`, '-out', `${name}.pem`);
  }
  const read = (file) => readFileSync(join(directory, file), 'utf8');
  const pair = (name) => ({ key: read(`${name}.key`), cert: read(`${name}.pem`) });
  const certificates = Object.fromEntries(['trusted', 'self-signed', 'wrong-name', 'expired'].map((name) => [name, pair(name)]));
  // The good one, spoken to differently.
  certificates['tls-1.2'] = { ...certificates.trusted, maxVersion: 'TLSv1.2' };
  certificates['tls-1.1'] = { ...certificates.trusted, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' };
  certificates.alpn = { ...certificates.trusted, ALPNProtocols: ['imap', 'h2'] };
  return { ca: read('ca.pem'), certificates };
}

class Playhouse {
  #options;
  #plays = new Map();
  #next = 1;

  constructor(options) {
    this.#options = options;
  }

  async serve(request, response) {
    const answer = (status, value) => {
      response.writeHead(status, {
        'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Headers': 'content-type', 'Content-Type': 'application/json',
      });
      response.end(JSON.stringify(value));
    };
    try {
      if (request.method === 'OPTIONS') return answer(200, {});
      const chunks = [];
      let size = 0;
      for await (const chunk of request) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > MAX_BODY) return answer(413, { error: 'too long' });
      }
      answer(200, await this.#answer(request.url, size > 0 ? JSON.parse(Buffer.concat(chunks)) : {}, request.socket.remoteAddress));
    } catch (error) {
      answer(400, { error: error.message });
    }
  }

  #answer(path, body, from) {
    switch (path) {
      case '/': return this.#options.facts;
      case '/open': return this.open(body);
      case '/dial': return this.#dial(body, from);
      case '/datagrams': return this.#datagrams(body);
    }
    const play = this.#plays.get(body.id);
    if (!play) throw new Error('no such server');
    switch (path) {
      case '/go': return play.go();
      case '/send': return play.send(body, from);
      case '/journal': return play.journal(body);
      case '/close': return this.#close(body.id, play);
    }
    throw new Error(`no such request: ${path}`);
  }

  /** What /open answers. */
  open({ steps, family }) {
    check(steps);
    const door = family === 6 ? this.#options.six : this.#options.doors.find(({ play }) => play === null);
    if (!door || door.play) throw new Error('no port is free');
    const play = new Play(door, steps, this.#options.certificates);
    door.play = play;
    return { id: this.#add(play), port: door.port };
  }

  #dial({ port, steps }, host) {
    check(steps);
    const play = new Play({}, steps, this.#options.certificates);
    play.enter(net.connect({ host, port, allowHalfOpen: true, noDelay: true }));
    return { id: this.#add(play) };
  }

  #datagrams({ echo }) {
    const mailbox = this.#options.mailboxes.find(({ play }) => play === null);
    if (!mailbox) throw new Error('no UDP port is free');
    const play = mailbox.play = new Datagrams(mailbox, Boolean(echo));
    return { id: this.#add(play), port: mailbox.port };
  }

  #add(play) {
    const id = this.#next++;
    this.#plays.set(id, play);
    play.lease = setTimeout(() => this.#close(id, play), LEASE);
    return id;
  }

  #close(id, play) {
    clearTimeout(play.lease);
    this.#plays.delete(id);
    play.close();
    return {};
  }

  close() {
    for (const [id, play] of this.#plays) this.#close(id, play);
  }
}

const WORDS = {
  read: ['number'], wait: ['number'], gate: [], pause: [], resume: [], slow: [], write: ['string'], flood: ['number'], echo: [],
  tls: ['string'], fin: [], rst: [], close: [],
};

function check(steps) {
  if (!Array.isArray(steps) || steps.length > MAX_STEPS || !steps.every(isStep)) throw new Error('steps make no sense');
}

function isStep(step) {
  if (!Array.isArray(step) || !Object.hasOwn(WORDS, step[0])) return false;
  const types = WORDS[step[0]];
  return step.length === types.length + 1 && types.every((type, i) => typeof step[i + 1] === type) &&
    (types[0] !== 'number' || (step[1] >= 0 && step[1] <= MAX_FLOOD));
}

/** Whatever is waited for is looked at again each time something has happened. */
class Waits {
  #waiting = new Set();

  happened() {
    for (const look of this.#waiting) look();
  }

  /** Resolves once `condition` holds, or after `timeout` milliseconds. */
  until(condition, timeout) {
    return new Promise((resolve) => {
      let timer;
      const look = () => {
        if (!condition()) return;
        done();
      };
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      if (timeout !== undefined) timer = setTimeout(done, timeout);
      this.#waiting.add(look);
      look();
    });
  }
}

/** A TCP server for as long as the script wants it. */
class Play {
  peers = [];
  waits = new Waits();
  gate = false;
  closed = false;
  #door;
  #steps;
  #certificates;

  constructor(door, steps, certificates) {
    this.#door = door;
    this.#steps = steps;
    this.#certificates = certificates;
  }

  enter(socket) {
    const peer = new Peer(this, socket, this.#certificates);
    this.peers.push(peer);
    peer.play(this.#steps);
    this.waits.happened();
  }

  go() {
    this.gate = true;
    this.waits.happened();
    return {};
  }

  async journal({ ended = 0, received = 0 }) {
    const { peers } = this;
    await this.waits.until(() => this.closed || (peers.filter(({ over }) => over).length >= ended &&
      peers.reduce((sum, peer) => sum + peer.entry.received, 0) >= received), JOURNAL_TIMEOUT);
    return peers.map((peer) => peer.report());
  }

  close() {
    this.closed = true;
    this.#door.play = null;
    for (const peer of this.peers) peer.close();
    this.waits.happened();
  }
}

/** One connection: plays its steps, and notes what the other side does. */
class Peer {
  raw;
  entry = { received: 0, text: '', pattern: true, end: null, tls: null };
  over = false;
  /** The raw socket, or the TLS one on top. */
  #socket;
  #play;
  #certificates;
  #echo = false;
  #slow = false;
  #played = false;

  constructor(play, raw, certificates) {
    this.raw = raw;
    this.#play = play;
    this.#certificates = certificates;
    raw.on('error', (error) => {
      this.entry.end ??= error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'RST' : error.code;
    });
    raw.on('close', () => this.#gone());
    this.#listen(raw);
  }

  report() {
    return { ...this.entry, sent: this.raw.bytesWritten - this.raw.writableLength };
  }

  #listen(socket) {
    this.#socket = socket;
    socket.on('drain', () => this.#play.waits.happened());
    socket.on('data', (bytes) => this.#data(bytes));
    socket.on('end', () => {
      this.entry.end ??= 'FIN';
      this.#leave();
    });
  }

  #data(bytes) {
    const { entry } = this;
    for (let done = 0; entry.pattern && done < bytes.length;) {
      const phase = (entry.received + done) % PERIOD;
      const length = Math.min(bytes.length - done, pattern.length - phase);
      entry.pattern = bytes.compare(pattern, phase, phase + length, done, done + length) === 0;
      done += length;
    }
    if (entry.text.length < 100) entry.text += bytes.toString('latin1', 0, 100 - entry.text.length);
    entry.received += bytes.length;
    if (this.#echo) this.#socket.write(bytes);
    if (this.#slow) {
      this.#socket.pause();
      setTimeout(() => this.#socket.resume(), 5);
    }
    this.#play.waits.happened();
  }

  #gone() {
    this.over = true;
    this.#play.waits.happened();
  }

  /** Both sides are done: what has not been closed yet is closed. */
  #leave() {
    if (this.#played && this.entry.end !== null) this.#socket.end();
    this.#play.waits.happened();
  }

  async play(steps) {
    try {
      for (const [word, argument] of steps) {
        if (this.raw.destroyed) return;
        const next = this[word](argument);
        if (next) await next; // what needs no wait is done in the same turn
      }
    } catch (error) {
      this.entry.tls = { error: error.code ?? error.message };
      this.close();
    }
    this.#played = true;
    this.#leave();
  }

  #until(condition) {
    return this.#play.waits.until(() => this.over || condition());
  }

  read(n) { return this.#until(() => this.entry.received >= n || this.entry.end !== null); }
  wait(milliseconds) { return delay(milliseconds); }
  gate() { return this.#until(() => this.#play.gate); }
  pause() { this.#socket.pause(); }
  resume() { this.#socket.resume(); }
  slow() { this.#slow = true; }
  write(text) { this.#socket.write(text, 'latin1'); }
  echo() { this.#echo = true; }
  fin() { this.#socket.end(); }
  rst() { this.raw.resetAndDestroy(); }
  close() { this.raw.destroy(); this.#socket.destroy(); }

  async flood(n) {
    for (let left = n; left > 0 && !this.raw.destroyed; left -= pattern.length) {
      if (this.#socket.write(left < pattern.length ? pattern.subarray(0, left) : pattern)) continue;
      await this.#until(() => !this.#socket.writableNeedDrain);
    }
  }

  tls(name) {
    if (!Object.hasOwn(this.#certificates, name)) throw new Error(`no certificate ${name}`);
    const { raw } = this;
    for (const event of ['data', 'drain', 'end']) raw.removeAllListeners(event);
    const secured = new tls.TLSSocket(raw, { isServer: true, noDelay: true, ...this.#certificates[name] });
    const shaken = new Promise((resolve, reject) => {
      secured.once('secure', () => {
        this.entry.tls = {
          protocol: secured.getProtocol(), cipher: secured.getCipher().name,
          sni: secured.servername || '', alpn: secured.alpnProtocol || '',
        };
        resolve();
      });
      secured.on('error', (error) => {
        if (error.code === 'ECONNRESET') this.entry.end ??= 'RST';
        reject(error);
      });
      secured.once('end', () => reject(new Error('FIN in the handshake')));
      secured.once('close', () => { // the raw one is silent from here on
        this.#gone();
        resolve();
      });
    });
    this.#listen(secured);
    return shaken;
  }
}

/** A UDP port that is there all the time, and a stranger's. */
async function openMailbox(address) {
  const [socket, stranger] = await Promise.all([0, 1].map(() => new Promise((resolve, reject) => {
    const bound = dgram.createSocket('udp4');
    bound.once('error', reject);
    bound.bind(0, address, () => {
      bound.removeAllListeners('error');
      bound.on('error', () => {}); // UDP promises nothing
      resolve(bound);
    });
  })));
  const mailbox = {
    play: null,
    port: socket.address().port,
    socket,
    stranger,
    close() {
      socket.close();
      stranger.close();
    },
  };
  socket.on('message', (bytes, from) => mailbox.play?.receive(bytes, from));
  return mailbox;
}

/** A UDP server for as long as the script wants it; its journal is the sizes of the datagrams that came. */
class Datagrams {
  #mailbox;
  #echo;
  #sizes = [];
  #waits = new Waits();

  constructor(mailbox, echo) {
    this.#mailbox = mailbox;
    this.#echo = echo;
  }

  receive(bytes, from) {
    if (this.#sizes.length < MAX_DATAGRAMS) this.#sizes.push(bytes.length);
    if (this.#echo) this.#mailbox.socket.send(bytes, from.port, from.address);
    this.#waits.happened();
  }

  /** Bytes 0 and 1 of a datagram are its number, big-endian. */
  send({ port, sizes, stranger }, host) {
    if (!Array.isArray(sizes) || sizes.length > MAX_DATAGRAMS || !sizes.every((n) => n >= 0 && n <= 65_507)) throw new Error('sizes make no sense');
    sizes.forEach((size, number) => {
      const bytes = Buffer.alloc(size);
      if (size >= 2) bytes.writeUInt16BE(number);
      (stranger ? this.#mailbox.stranger : this.#mailbox.socket).send(bytes, port, host);
    });
    return {};
  }

  async journal({ received = 0 }) {
    await this.#waits.until(() => this.#sizes.length >= received, JOURNAL_TIMEOUT);
    return this.#sizes;
  }

  go() { throw new Error('datagrams have no gate'); }
  close() { this.#mailbox.play = null; }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const options = {};
  for (const word of process.argv.slice(2)) {
    const [, name, value] = word.match(/^--(lan|port)=([\d.]+)$/) ?? [];
    if (name === 'lan') options.address = value;
    else if (name === 'port') options.port = Number(value);
    else {
      process.stderr.write('servers.mjs [--lan=ADDRESS] [--port=NUMBER]\n');
      process.exit(2);
    }
  }
  const servers = await startServers(options);
  process.stdout.write(`${servers.url}\n`);
  if (options.address) process.stderr.write('Anybody on this network can use these servers; end them with Ctrl-C when you are done.\n');
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => servers.close());
}
