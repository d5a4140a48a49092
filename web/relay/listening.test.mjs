// Pages that listen: the relay's ports, and the connections that come in.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { describe, test } from 'node:test';
import { Tunnel } from '../../bridge/mock/index.js';
import { startRelay } from './relay.mjs';
import { event, ORIGIN, PageSocket, phoneOn, record, refusal, relayFor, stalled, waitLimit } from './testing.mjs';

/** A port of 127.0.0.1 that nobody has at the moment. */
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** What the network of a mock makes of it: a listener on any port, and what it accepts. */
async function listening(t, relay, { port = 0, backlog = 64 } = {}) {
  const listener = new Tunnel(relay.url, { WebSocket: PageSocket }).listen({ port, backlog, now: false });
  t.after(() => listener.close());
  await new Promise((resolve, reject) => {
    listener.onlisten = resolve;
    listener.onerror = () => reject(new Error('not listening'));
  });
  return listener;
}

function connect(t, port, options) {
  const socket = net.connect({ host: '127.0.0.1', port, ...options });
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  return socket;
}

/** However it ends. */
const gone = (socket) => new Promise((resolve) => { socket.once('close', resolve); });

/** The control channel, as a page could write it by hand. */
async function control(t, relay, query) {
  const page = new PageSocket(`${relay.url}${query}`);
  t.after(() => page.terminate());
  const [first] = await once(page, 'message');
  return { page, first: JSON.parse(first) };
}

const ask = (relay, query, headers = { Origin: ORIGIN }) => fetch(`http://127.0.0.1:${relay.port}${query}`, { method: 'POST', headers });

describe('who may listen', () => {
  test('ports by the list, 0 only if it is on it', waitLimit, async (t) => {
    const [port, other] = [await freePort(), await freePort()];
    const relay = await relayFor(t, { listen: [port] });
    const cases = [
      [`/?listen=${port}&backlog=1`, undefined, 101],
      [`/?listen=${other}&backlog=1`, 'not allowed', 403],
      ['/?listen=0&backlog=1', 'not allowed', 403],
      [`/?listen=${port}`, 'malformed', 403],
      [`/?listen=${port}&backlog=-1`, 'malformed', 403],
      [`/?listen=${port + 65536}&backlog=1`, 'malformed', 403],
      [`/?listen=${port}&backlog=1&ticket=x`, 'malformed', 403],
      [`/?listen=${port}&backlog=1&ticket=${'0'.repeat(32)}`, 'not allowed', 403],
      ['/?accept=1', 'malformed', 403],
      [`/?accept=${'0'.repeat(32)}`, 'not allowed', 403],
    ];
    for (const [query, reason, status] of cases) {
      assert.equal(await refusal(relay, query), status, query);
      if (reason) assert.equal(relay.refused.at(-1).reason, reason, query);
    }
    assert.equal(await refusal(relay, `/?listen=${port}&backlog=1`, { Origin: 'http://evil.example' }), 403);
    for (const listen of [[-1], [65536], ['80'], [1.5]]) await assert.rejects(startRelay({ listen }), RangeError);
  });

  test('listeners count as links', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0], links: 1 });
    const listener = await listening(t, relay);
    assert.equal(relay.links, 1);
    assert.equal(await refusal(relay, '/?listen=0&backlog=1'), 503);
    const socket = connect(t, listener.port);
    await gone(socket);
    listener.close();
    while (relay.links > 0) await new Promise(setImmediate);
    await listening(t, relay);
  });
});

describe('a page that listens', () => {
  test('a phone serves real clients', waitLimit, async (t) => {
    const port = await freePort();
    const relay = await relayFor(t, { listen: [port] });
    for (const profile of ['kaios25', 'kaios3']) {
      const { phone, target } = phoneOn(t, relay, profile);
      const server = target.navigator.mozTCPSocket.listen(port, { binaryType: 'string' }, 5);
      const sockets = [];
      server.onconnect = ({ socket }) => {
        sockets.push(socket);
        socket.ondata = ({ data }) => socket.send(data.toUpperCase());
        socket.send('welcome ');
      };
      // A phone is not told that it listens.
      let client;
      do {
        client = connect(t, port);
        await Promise.race([new Promise((resolve) => { client.once('connect', resolve); }), gone(client)]);
      } while (client.destroyed);
      let heard = '';
      client.on('data', (data) => { heard += data; });
      client.write('hello');
      while (heard !== 'welcome HELLO') await new Promise(setImmediate);
      assert.deepEqual([sockets[0].host, sockets[0].port, sockets[0].readyState], ['127.0.0.1', client.localPort, 'open']);
      const seen = record(sockets[0]);
      client.end();
      await event(sockets[0], 'close');
      assert.deepEqual(seen, ['close']);
      assert.deepEqual([phone.sockets.size, phone.servers.size], [0, 1]);
      server.close();
      while (relay.links > 0) await new Promise(setImmediate);
      const [error] = await once(connect(t, port), 'error');
      assert.equal(error.code, 'ECONNREFUSED');
    }
  });

  test('closing at once, inside connect, says goodbye in good order', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0] });
    const listener = await listening(t, relay);
    listener.onconnect = (link) => {
      listener.close();
      link.end();
    };
    const client = connect(t, listener.port);
    const errors = [];
    client.on('error', (error) => errors.push(error.code));
    client.resume();
    await once(client, 'end');
    assert.deepEqual(errors, []);
  });

  test('a port in use is an error', waitLimit, async (t) => {
    const port = await freePort();
    const relay = await relayFor(t, { listen: [port] });
    await listening(t, relay, { port });
    await assert.rejects(listening(t, relay, { port }), /not listening/);
    assert.equal(relay.links, 1);
    const { phone, target } = phoneOn(t, relay, 'gecko');
    // Without a synchronous request not even the parent process can throw.
    const server = target.navigator.mozTCPSocket.listen(port);
    await event(server, 'error');
    assert.equal(phone.servers.size, 0);
  });

  test('10 MB each way, and what the page does not read stays bounded', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0] });
    const { target } = phoneOn(t, relay, 'gecko');
    const server = target.navigator.mozTCPSocket.listen(0, { binaryType: 'arraybuffer' }, 5);
    const sockets = [];
    server.onconnect = ({ socket }) => sockets.push(socket);
    while (server.localPort === 0) await new Promise(setImmediate);
    const size = 10 << 20;

    const client = connect(t, server.localPort);
    await event(server, 'connect');
    let [echoed, returned] = [0, 0];
    const drained = [];
    sockets[0].ondata = ({ data }) => {
      echoed += data.byteLength;
      if (!sockets[0].send(data)) {
        sockets[0].suspend();
        drained.push(event(sockets[0], 'drain').then(() => sockets[0].resume()));
      }
    };
    client.on('data', (data) => { returned += data.length; });
    client.end(Buffer.alloc(size, 'kaiwire'));
    while (returned < size) await new Promise(setImmediate);
    assert.deepEqual([echoed, returned], [size, size]);

    const flood = connect(t, server.localPort);
    await event(server, 'connect');
    sockets[1].suspend();
    flood.write(Buffer.alloc(64 << 20));
    await stalled(() => flood.bytesWritten - flood.writableLength);
    assert.ok(flood.writableLength > 0 || flood.writableNeedDrain);
  });

  test('a page that goes takes its port along, and what it has accepted', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0] });
    const { page, first } = await control(t, relay, '?listen=0&backlog=5');
    const client = connect(t, first.port);
    const [told] = await once(page, 'message');
    const { type, id, host, port } = JSON.parse(told);
    assert.deepEqual([type, host, port], ['connect', '127.0.0.1', client.localPort]);
    const accepted = await control(t, relay, `?accept=${id}`);
    assert.deepEqual(accepted.first, { type: 'open' });
    assert.equal(await refusal(relay, `/?accept=${id}`), 403, 'once only');
    accepted.page.terminate();
    await gone(client);
    page.terminate();
    while (relay.links > 0) await new Promise(setImmediate);
    const [error] = await once(connect(t, first.port), 'error');
    assert.equal(error.code, 'ECONNREFUSED');
  });

  test('who is not taken in time is reset, and there are not too many of them', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0], upgradeTimeout: 300 });
    const { page, first } = await control(t, relay, '?listen=0&backlog=128');
    let told = 0;
    page.on('message', () => told++);
    const clients = Array.from({ length: 65 }, () => connect(t, first.port));
    await Promise.all(clients.map(gone));
    assert.equal(told, 64);
    assert.equal(relay.links, 1);
  });

  test('cut and a closed relay end listeners and what they accepted', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0] });
    const listener = await listening(t, relay);
    const { port } = listener;
    const ends = [];
    const opened = new Promise((resolve) => {
      listener.onconnect = (link) => {
        link.onerror = (kind) => ends.push(kind);
        link.onwritable = resolve;
        link.write(Buffer.from('waits for open'));
      };
    });
    const failed = new Promise((resolve) => { listener.onerror = resolve; });
    const client = connect(t, port);
    await opened;
    assert.equal(relay.cut(`127.0.0.1:${port}`), 2);
    await Promise.all([failed, gone(client)]);
    while (ends.length === 0) await new Promise(setImmediate);
    assert.deepEqual([ends, relay.links, listener.failed], [['reset'], 0, true]);

    const other = await listening(t, relay);
    const died = new Promise((resolve) => { other.onerror = resolve; });
    await relay.close();
    await died;
  });

  for (const [what, sent] of [['text', '{"type":"end"}'], ['bytes', Buffer.from('x')]]) {
    test(`a page that speaks on a listener's channel is thrown out: ${what}`, waitLimit, async (t) => {
      const relay = await relayFor(t, { listen: [0] });
      const { page } = await control(t, relay, '?listen=0&backlog=5');
      page.send(sent);
      assert.equal((await once(page, 'close'))[0], 1008);
      assert.equal(relay.links, 0);
    });
  }

  test('an accepted connection has no TLS to ask for', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0] });
    const { page, first } = await control(t, relay, '?listen=0&backlog=5');
    connect(t, first.port);
    const [told] = await once(page, 'message');
    const accepted = await control(t, relay, `?accept=${JSON.parse(told).id}`);
    accepted.page.send('{"type":"starttls"}');
    assert.equal((await once(accepted.page, 'close'))[0], 1008);
  });
});

describe('asking first', () => {
  test('the port is bound, and a WebSocket takes it over with what has come in', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0] });
    const response = await ask(relay, '/?listen=0&backlog=5');
    assert.deepEqual([response.status, response.headers.get('access-control-allow-origin')], [200, ORIGIN]);
    const { port, ticket } = await response.json();
    const client = connect(t, port);
    await once(client, 'connect');
    while (relay.links !== 1) await new Promise(setImmediate);
    const query = `?listen=0&backlog=5&ticket=${ticket}`;
    const page = new PageSocket(`${relay.url}${query}`);
    t.after(() => page.terminate());
    const messages = [];
    page.on('message', (data) => messages.push(JSON.parse(data)));
    while (messages.length < 2) await new Promise(setImmediate);
    assert.deepEqual(messages[0], { type: 'listening', port });
    assert.deepEqual([messages[1].type, messages[1].port], ['connect', client.localPort]);
    assert.equal(await refusal(relay, `/${query}`), 403, 'once only');
  });

  test('a port that is given back can be had at once, whether or not a WebSocket has it', waitLimit, async (t) => {
    const port = await freePort();
    const relay = await relayFor(t, { listen: [port] });
    for (const taken of [true, false, true]) {
      const response = await ask(relay, `/?listen=${port}&backlog=1`);
      assert.equal(response.status, 200);
      const { ticket } = await response.json();
      const page = taken && (await control(t, relay, `?listen=${port}&backlog=1&ticket=${ticket}`)).page;
      const released = await ask(relay, `/?unlisten=${ticket}`);
      assert.deepEqual([released.status, released.headers.get('access-control-allow-origin')], [200, ORIGIN]);
      if (page) assert.equal((await once(page, 'close'))[0], 1000);
      assert.equal((await ask(relay, `/?unlisten=${ticket}`)).status, 403, 'once only');
    }
    for (const ticket of ['', 'x', '0'.repeat(32)]) assert.equal((await ask(relay, `/?unlisten=${ticket}`)).status, 403);
    assert.equal(await refusal(relay, `/?unlisten=${'0'.repeat(32)}`), 403);
    assert.equal(relay.links, 0);
  });

  test('what is not to be had', waitLimit, async (t) => {
    const port = await freePort();
    const relay = await relayFor(t, { listen: [port], links: 1 });
    const cases = [
      ['/?listen=0&backlog=1', 403],
      [`/?listen=${port}`, 403],
      [`/?host=127.0.0.1&port=${port}&tls=0`, 403],
      [`/?bind=&port=${port}&reuse=0&loopback=0`, 403],
    ];
    for (const [query, status] of cases) {
      const response = await ask(relay, query);
      assert.deepEqual([response.status, response.headers.get('access-control-allow-origin')], [status, ORIGIN], query);
    }
    const foreign = await ask(relay, `/?listen=${port}&backlog=1`, { Origin: 'http://evil.example' });
    assert.deepEqual([foreign.status, foreign.headers.get('access-control-allow-origin')], [403, null]);

    const taken = net.createServer().listen(port, '127.0.0.1');
    await once(taken, 'listening');
    assert.equal((await ask(relay, `/?listen=${port}&backlog=1`)).status, 409);
    taken.close();
    await once(taken, 'close');
    assert.equal((await ask(relay, `/?listen=${port}&backlog=1`)).status, 200);
    assert.equal((await ask(relay, `/?listen=${port}&backlog=1`)).status, 503);
  });

  test('a port that nobody comes for is given back', waitLimit, async (t) => {
    const relay = await relayFor(t, { listen: [0], upgradeTimeout: 200 });
    const { port, ticket } = await (await ask(relay, '/?listen=0&backlog=5')).json();
    const client = connect(t, port);
    await gone(client);
    while (relay.links > 0) await new Promise(setImmediate);
    assert.equal(await refusal(relay, `/?listen=0&backlog=5&ticket=${ticket}`), 403);
  });
});
