// What every host has to do, whichever platform's sockets it shows: one
// contract over the mock of a phone, Node, Direct Sockets and the relay, each
// against the same servers of 127.0.0.1.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { makeCertificate } from '../../web/test/servers/certificates.mjs';
import { freePort } from '../../web/test/servers/process.mjs';
import { PageSocket, phoneOn, relayFor, serve, stalled } from '../../web/relay/testing.mjs';
import { Datagrams } from '../datagram.js';
import { Listener } from '../listener.js';
import { findPhone } from '../phone.js';
import { ENDED, OPEN, READABLE } from '../stream.js';
import { directHost } from './direct.js';
import { directSockets } from './direct.testing.mjs';
import { nodeHost } from './node.js';
import { tunnelHost } from './tunnel.js';

const limit = { timeout: 60_000 };
const EVENTS = ['open', 'data', 'drain', 'error', 'close'];

const directory = mkdtempSync(join(tmpdir(), 'kaiwire-hosts-'));
/** By an authority that the hosts trust, and by one that they don't. */
const certificates = {};
before(async () => {
  for (const kind of ['trusted', 'strange']) {
    const { ca, certFile, keyFile } = await makeCertificate(mkdtempSync(join(directory, kind)), ['localhost']);
    certificates[kind] = { ca, cert: readFileSync(certFile), key: readFileSync(keyFile) };
  }
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** Each makes a host that may reach the TCP ports `allow` and the UDP ports `datagrams`, and listen on `listen`. */
const relayed = (t, { allow = [], datagrams = [], listen = [] }) => relayFor(t, {
  ca: certificates.trusted.ca, listen, bind: [0, ...listen], allow: [...allow, ...listen].map((port) => `127.0.0.1:${port}`), datagrams: datagrams.map((port) => `127.0.0.1:${port}`),
});
const hosts = {
  async kaios(t, reach) {
    const { target } = phoneOn(t, await relayed(t, reach), 'kaios25');
    return findPhone(target);
  },
  node: async () => nodeHost({ address: '127.0.0.1', ca: certificates.trusted.ca }),
  async tunnel(t, reach) { return tunnelHost((await relayed(t, reach)).url, PageSocket); },
  async direct(t) {
    const { scope, open } = directSockets();
    t.after(async () => {
      await stalled(() => open.size);
      assert.equal(open.size, 0, 'sockets that were left open');
    });
    return directHost(scope);
  },
};
/** What a phone does not do: its traps, of which the other hosts have none. */
const trapless = (name) => name !== 'kaios';

/** Opens a connection; `seen` are its events by name, `received` its bytes, and `ended` settles at its close. */
function open(host, port, options = {}) {
  const socket = host.open('127.0.0.1', port, { binaryType: 'arraybuffer', ...options });
  const connection = { socket, seen: [], chunks: [], length: 0, waiting: [] };
  for (const type of EVENTS) {
    socket[`on${type}`] = (event) => {
      if (type === 'data') {
        assert.ok(event.data instanceof ArrayBuffer);
        connection.chunks.push(Buffer.from(event.data));
        connection.length += event.data.byteLength;
      }
      const name = type === 'error' ? `error ${event.name}/${event.message}` : type;
      if (connection.seen.at(-1) !== 'data' || name !== 'data') connection.seen.push(name);
      connection.waiting = connection.waiting.filter(({ is, resolve }) => !is(type) || resolve());
    };
  }
  connection.until = (is) => new Promise((resolve) => { connection.waiting.push({ is, resolve }); });
  connection.event = (wanted) => connection.until((type) => type === wanted);
  connection.bytes = () => Buffer.concat(connection.chunks);
  return connection;
}

/** A server, and what has become of the connections to it. */
async function server(t, handler, create) {
  const ends = [];
  const port = await serve(t, (socket) => {
    ends.push(once(socket, 'close').catch(() => {}));
    handler(socket);
  }, create);
  return { port, ended: () => Promise.all(ends) };
}
const echo = (socket) => socket.pipe(socket);
const halfOpen = (handler) => net.createServer({ allowHalfOpen: true }, handler);
const secure = (kind) => (handler) => tls.createServer(certificates[kind], handler);

/** A port that Direct Sockets listen on, above those that the kernel hands to outgoing connections. */
async function listeningPort() {
  for (;;) {
    const probe = net.createServer();
    probe.listen(61_000 + Math.floor(Math.random() * 4_000), '127.0.0.1');
    const free = await once(probe, 'listening').then(() => true, () => false);
    if (!free) continue;
    const { port } = probe.address();
    probe.close();
    await once(probe, 'close');
    return port;
  }
}

const MEBIBYTE = 1 << 20;
const pattern = (length) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7) ^ (i >> 8)));

/** Sends until there is no room: how many bytes that were. */
function fill({ socket }, chunk) {
  for (let sent = chunk.byteLength; ; sent += chunk.byteLength) {
    if (!socket.send(chunk, 0, chunk.byteLength)) return sent;
    assert.ok(sent < 64 * MEBIBYTE, 'send() never asks for a pause');
  }
}

/** More than what waits at once comes back whole; then closes. */
async function echoed(c) {
  const want = pattern(300_000);
  c.socket.send(want.buffer);
  while (c.length < want.length) await c.event('data');
  assert.ok(c.bytes().equals(want));
  c.socket.close();
  await c.event('close');
}

for (const [name, makeHost] of Object.entries(hosts)) {
  describe(name, () => {
    test('all byte values, as buffer, part of a buffer and text', limit, async (t) => {
      const { port, ended } = await server(t, echo);
      const c = open(await makeHost(t, { allow: [port] }), port);
      assert.equal(c.socket.readyState === 'open', false);
      assert.throws(() => c.socket.send('early'), (error) => error.name === 'NS_ERROR_FAILURE');
      await c.event('open');
      assert.equal(c.socket.readyState, 'open');
      assert.deepEqual([c.socket.host, c.socket.port], ['127.0.0.1', port]);
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      const want = Buffer.concat([all, all.subarray(5, 15), all]);
      assert.equal(c.socket.send(all.buffer), true);
      const scratch = all.slice();
      c.socket.send(scratch.buffer, 5, 10);
      scratch.fill(0); // taken at the call, not later
      c.socket.send(String.fromCharCode(...all));
      while (c.length < want.length) await c.event('data');
      assert.deepEqual(c.bytes(), want);
      c.socket.close();
      assert.equal(c.socket.readyState, 'closing');
      await c.event('close');
      assert.equal(c.socket.readyState, 'closed');
      assert.throws(() => c.socket.send('late'), (error) => error.name === 'NS_ERROR_FAILURE');
      c.socket.close();
      await ended();
      assert.deepEqual(c.seen, ['open', 'data', 'close']);
    });

    test('a peer that does not read is felt, and one that does is too', limit, async (t) => {
      let peer;
      const { port, ended } = await server(t, (socket) => { peer = socket.pause(); }, halfOpen);
      const c = open(await makeHost(t, { allow: [port] }), port);
      await c.event('open');
      const chunk = pattern(32 * 1024);
      let total = 0;
      // Until the kernels are full, too: then no drain comes any more.
      let drained = true;
      c.socket.ondrain = () => { drained = true; };
      while (drained) {
        drained = false;
        total += fill(c, chunk.buffer);
        await stalled(() => drained);
      }
      assert.ok(c.socket.bufferedAmount > 0);
      const received = [];
      peer.on('data', (bytes) => received.push(bytes));
      const drain = new Promise((resolve) => { c.socket.ondrain = resolve; });
      peer.resume();
      await drain;
      assert.equal(c.socket.bufferedAmount, 0);
      c.socket.close();
      await once(peer, 'end');
      peer.end();
      await ended();
      const got = Buffer.concat(received);
      assert.equal(got.length, total);
      for (let at = 0; at < total; at += chunk.length) assert.ok(got.subarray(at, at + chunk.length).equals(chunk), `at ${at}`);
    });

    test('suspend() stops the peer, and resume() loses nothing', limit, async (t) => {
      const want = pattern(24 * MEBIBYTE);
      const { port, ended } = await server(t, (socket) => socket.end(want));
      const c = open(await makeHost(t, { allow: [port] }), port);
      await c.event('open');
      await c.event('data');
      c.socket.suspend();
      c.socket.suspend();
      await stalled(() => c.length);
      const before = c.length;
      assert.ok(before < want.length, 'everything came in spite of it');
      c.socket.resume(); // one of two
      await stalled(() => c.length);
      assert.equal(c.length, before);
      assert.ok(!c.seen.includes('close'));
      c.socket.resume();
      await c.event('close');
      await ended();
      assert.ok(c.bytes().equals(want));
      assert.deepEqual(c.seen, ['open', 'data', 'close']);
    });

    test('the peer’s FIN comes behind its data and is the end', limit, async (t) => {
      const { port, ended } = await server(t, (socket) => socket.end('goodbye'), halfOpen);
      const c = open(await makeHost(t, { allow: [port] }), port);
      await c.event('close');
      assert.equal(c.bytes().toString(), 'goodbye');
      assert.equal(c.socket.readyState, 'closed');
      assert.throws(() => c.socket.send('x'), (error) => error.name === 'NS_ERROR_FAILURE');
      await ended();
      assert.deepEqual(c.seen, ['open', 'data', 'close']);
    });

    // A phone says nothing any more in this case, for ever.
    if (trapless(name)) {
      test('…and what was written before is still sent', limit, async (t) => {
        const received = [];
        let peer;
        const { port, ended } = await server(t, (socket) => { peer = socket.pause(); }, halfOpen);
        const c = open(await makeHost(t, { allow: [port] }), port);
        await c.event('open');
        let total = 0;
        let drained = true;
        c.socket.ondrain = () => { drained = true; };
        while (drained) {
          drained = false;
          total += fill(c, new ArrayBuffer(65536));
          await stalled(() => drained);
        }
        peer.end();
        await c.event('close');
        peer.on('data', (bytes) => received.push(bytes.length));
        peer.resume();
        await once(peer, 'end');
        await ended();
        assert.equal(received.reduce((sum, length) => sum + length, 0), total);
        assert.deepEqual(c.seen, ['open', 'close']);
      });
    }

    test('close() still sends what was written, and drops what comes', limit, async (t) => {
      const want = pattern(MEBIBYTE);
      const received = [];
      const { port, ended } = await server(t, (socket) => socket.on('data', (bytes) => received.push(bytes)));
      const c = open(await makeHost(t, { allow: [port] }), port);
      await c.event('open');
      c.socket.send(want.buffer);
      c.socket.close();
      await c.event('close');
      await ended();
      assert.ok(Buffer.concat(received).equals(want));
      assert.equal(c.seen.at(-1), 'close');
      assert.equal(c.seen.filter((event) => event === 'close').length, 1);
    });

    test('a reset is an error, then the end', limit, async (t) => {
      const { port } = await server(t, (socket) => socket.once('data', () => socket.resetAndDestroy()));
      const c = open(await makeHost(t, { allow: [port] }), port);
      await c.event('open');
      c.socket.send('now');
      await c.event('close');
      assert.deepEqual(c.seen, ['open', 'error NetworkError/Network', 'close']);
    });

    test('a refusal, too', limit, async (t) => {
      const port = await freePort();
      const c = open(await makeHost(t, { allow: [port] }), port);
      await c.event('close');
      assert.deepEqual(c.seen, ['error ConnectionRefusedError/Network', 'close']);
      assert.equal(c.socket.readyState, 'closed');
    });

    test('close() before it is open', limit, async (t) => {
      const { port, ended } = await server(t, echo);
      const host = await makeHost(t, { allow: [port] });
      const c = open(host, port);
      // Current Gecko ignores one in the same turn.
      await Promise.resolve();
      const done = c.event('close');
      if (c.socket.readyState !== 'connecting') c.socket.onopen = () => c.socket.close();
      c.socket.close();
      await done;
      await ended();
      assert.ok(!c.seen.includes('data'));
    });

    if (name !== 'direct') {
      test('TLS from the first byte', limit, async (t) => {
        const { port, ended } = await server(t, echo, secure('trusted'));
        const c = open(await makeHost(t, { allow: [port] }), port, { useSecureTransport: true });
        assert.equal(c.socket.ssl, true);
        await c.event('open');
        await echoed(c);
        await ended();
      });

      test('TLS later', limit, async (t) => {
        const { port, ended } = await server(t, (socket) => {
          socket.write('220 ready\r\n');
          socket.once('data', (bytes) => {
            assert.equal(String(bytes), 'STARTTLS\r\n');
            socket.write('220 go\r\n');
            echo(new tls.TLSSocket(socket, { isServer: true, ...certificates.trusted }));
          });
        });
        const c = open(await makeHost(t, { allow: [port] }), port);
        while (c.length < '220 ready\r\n'.length) await c.event('data');
        c.socket.send('STARTTLS\r\n');
        while (!String(c.bytes()).endsWith('220 go\r\n')) await c.event('data');
        c.chunks = [];
        c.length = 0;
        assert.equal(c.socket.ssl, false);
        c.socket.upgradeToSecure();
        assert.equal(c.socket.ssl, true);
        c.socket.upgradeToSecure(); // a second one is none
        await echoed(c);
        await ended();
      });

      test('a certificate that nobody vouches for, and what is no TLS', limit, async (t) => {
        const strange = await server(t, echo, secure('strange'));
        const plain = await server(t, (socket) => socket.end('220 hello\r\n'));
        const host = await makeHost(t, { allow: [strange.port, plain.port] });
        for (const [{ port }, message] of [[strange, 'SecurityCertificate'], [plain, 'SecurityProtocol']]) {
          const c = open(host, port, { useSecureTransport: true });
          await c.event('close');
          assert.deepEqual(c.seen, ['open', `error SecurityError/${message}`, 'close']);
        }
      });
    } else {
      test('a port that Direct Sockets keep is not ours, and a policy against all of them is told', limit, async (t) => {
        const listener = new Listener(await makeHost(t), { port: 8080, backlog: 5 }, () => {});
        await assert.rejects(listener.server.listening, (error) => error.name === 'NotAllowedError');
        listener.close();
        const c = () => open(directHost(directSockets({ policies: [] }).scope), 1);
        assert.throws(c, (error) => error.name === 'NotAllowedError');
      });

      test('a peer that never reads does not keep a closed socket', limit, async (t) => {
        t.mock.timers.enable({ apis: ['setTimeout'] });
        const stuck = { write: () => new Promise(() => {}), start(controller) { stuck.signal = controller.signal; } };
        class TCPSocket {
          get opened() { return Promise.resolve({ readable: new ReadableStream(), writable: new WritableStream(stuck) }); }
          get closed() { return new Promise(() => {}); }
        }
        const c = open(directHost({ TCPSocket }), 1);
        await c.event('open');
        c.socket.send('x');
        c.socket.close();
        await c.event('close');
        t.mock.timers.tick(29_999);
        assert.equal(stuck.signal.aborted, false);
        t.mock.timers.tick(1);
        assert.equal(stuck.signal.aborted, true);
      });

      test('there is no TLS, and that is said', limit, async (t) => {
        const { port } = await server(t, echo);
        const host = await makeHost(t);
        assert.throws(() => open(host, port, { useSecureTransport: true }), (error) => error.name === 'NotSupportedError');
        const c = open(host, port);
        await c.event('open');
        c.socket.upgradeToSecure();
        assert.match(c.seen.join(), /^open,error NotSupportedError\/[^,]+,close$/);
      });
    }

    test('a listener', limit, async (t) => {
      const port = await listeningPort();
      const host = await makeHost(t, { listen: [port] });
      const listen = async () => {
        const told = { notify: () => {} };
        const listener = new Listener(host, { port, backlog: 5 }, (what) => told.notify(what));
        const what = await new Promise((resolve) => { told.notify = resolve; });
        return { listener, told, what };
      };
      const first = await listen();
      assert.equal(first.what, OPEN, JSON.stringify(first.listener.error));
      assert.equal(first.listener.port, port);
      const second = await listen();
      assert.equal(second.what, ENDED);
      assert.equal(second.listener.error.name, 'PortInUseError');

      const { listener, told } = first;
      const next = async () => {
        for (;;) {
          const came = new Promise((resolve) => { told.notify = resolve; });
          const entry = listener.accept();
          if (entry) return entry;
          assert.equal(await came, READABLE);
        }
      };
      // The second listener has sent a stranger, which has gone again.
      let entry;
      const client = net.connect(port, '127.0.0.1');
      await once(client, 'connect');
      for (entry = await next(); entry.port !== client.localPort; entry = await next()) entry.stream.close();
      assert.equal(entry.host, '127.0.0.1');
      const readable = new Promise((resolve) => { entry.accepted = resolve; });
      const bytes = new Uint8Array(10);
      if (entry.stream.read(bytes) === 0) {
        client.write('ping');
        assert.equal(await readable, READABLE);
      }
      assert.equal(entry.stream.read(bytes), 4);
      entry.stream.write(Uint8Array.from(Buffer.from('pong')).buffer, 0, 4);
      assert.equal(String((await once(client, 'data'))[0]), 'pong');
      listener.close();
      // What was accepted lives on.
      entry.stream.write(Uint8Array.from(Buffer.from('more')).buffer, 0, 4);
      assert.equal(String((await once(client, 'data'))[0]), 'more');
      entry.stream.close();
      await once(client, 'close');
      second.listener.close();
    });

    test('datagrams', limit, async (t) => {
      const far = dgram.createSocket('udp4');
      far.on('message', (bytes, { address, port }) => far.send(Buffer.concat([Buffer.from('re:'), bytes]), port, address));
      far.bind(0, '127.0.0.1');
      await once(far, 'listening');
      t.after(() => far.close());
      const host = await makeHost(t, { datagrams: [far.address().port] });
      const told = { notify: () => {} };
      const heard = () => new Promise((resolve) => { told.notify = resolve; });
      let news = heard();
      const socket = new Datagrams(host, { addressReuse: false }, (what) => told.notify(what));
      assert.equal(await news, OPEN, JSON.stringify(socket.error));
      assert.ok(socket.socket.localPort > 0);
      assert.equal(typeof socket.socket.localAddress, 'string');
      for (const length of [1, 512, 1400]) {
        news = heard();
        assert.equal(socket.read(), null);
        const bytes = Uint8Array.from(pattern(length));
        assert.equal(socket.write(bytes, '127.0.0.1', far.address().port), true);
        assert.equal(await news, READABLE);
        const { data, address, port } = socket.read();
        assert.deepEqual([String(Buffer.from(data.subarray(0, 3))), address, port], ['re:', '127.0.0.1', far.address().port]);
        assert.deepEqual(data.subarray(3), bytes);
      }
      assert.equal(socket.multicast(true, '224.0.0.251'), true);
      assert.equal(socket.multicast(false, '224.0.0.251'), true);
      const { closed } = socket.socket;
      socket.close();
      await closed;
      assert.equal(socket.read(), undefined);
    });
  });
}
