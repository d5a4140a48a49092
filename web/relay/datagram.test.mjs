// Datagrams by way of the relay.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { describe, test } from 'node:test';
import { Tunnel } from '../../bridge/mock/index.js';
import { startRelay } from './relay.mjs';
import { event, PageSocket, phoneOn, refusal, relayFor, stalled, waitLimit } from './testing.mjs';

/** A UDP socket of this machine, which logs what comes. */
async function udp(t, { type = 'udp4', address = '127.0.0.1' } = {}) {
  const socket = dgram.createSocket(type);
  socket.bind(0, address);
  await once(socket, 'listening');
  t.after(() => socket.close());
  socket.seen = [];
  socket.on('message', (bytes, { port }) => socket.seen.push({ text: bytes.toString('latin1'), port }));
  return { socket, port: socket.address().port };
}

const echo = ({ socket }) => socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));

async function opened(target, options) {
  const socket = new target.UDPSocket(options);
  await socket.opened;
  return socket;
}

async function until(condition) {
  while (!condition()) await new Promise(setImmediate);
}

/** What the network of a mock makes of it. */
async function bound(t, relay, { address = null, port = 0, reuse = false, loopback = false } = {}) {
  const datagrams = new Tunnel(relay.url, { WebSocket: PageSocket }).bind({ address, port, reuse, loopback });
  t.after(() => datagrams.close());
  datagrams.seen = [];
  datagrams.onmessage = (bytes, host, from) => datagrams.seen.push({ text: Buffer.from(bytes).toString('latin1'), host, port: from });
  await new Promise((resolve, reject) => {
    datagrams.onbound = (host, own) => {
      Object.assign(datagrams, { address: host, port: own });
      resolve();
    };
    datagrams.onerror = () => reject(new Error('not bound'));
  });
  return datagrams;
}

const PORT = '?bind=&port=0&reuse=0&loopback=0';

/** A page's end, as it could be written by hand. */
async function page(t, relay) {
  const socket = new PageSocket(`${relay.url}${PORT}`);
  t.after(() => socket.terminate());
  await once(socket, 'message');
  return socket;
}

/** A datagram with its head. */
function framed(host, port, payload) {
  const head = Buffer.from(`\0${host}\0\0`, 'latin1');
  head[0] = host.length;
  head.writeUInt16BE(port, head.length - 2);
  return Buffer.concat([head, payload]);
}

describe('a phone’s UDP', () => {
  for (const profile of ['kaios25', 'gecko']) {
    test(`asks and is answered, by name too (${profile})`, waitLimit, async (t) => {
      const server = await udp(t);
      echo(server);
      const relay = await relayFor(t, { datagrams: [`127.0.0.1:${server.port}`], hosts: { 'dns.example': '127.0.0.1' } });
      const { target, phone } = phoneOn(t, relay, profile);
      const socket = await opened(target, { remoteAddress: '127.0.0.1', remotePort: server.port });
      assert.equal(socket.localAddress, '0.0.0.0');
      assert.ok(socket.localPort > 0);
      for (const [address, data, size] of [['127.0.0.1', 'é', 2], ['dns.example', new ArrayBuffer(1400), 1400], [undefined, 'x', 1]]) {
        const message = event(socket, 'message');
        socket.send(data, address);
        const { data: answer, remoteAddress, remotePort } = await message;
        assert.deepEqual([answer.byteLength, remoteAddress, remotePort], [size, '127.0.0.1', server.port]);
      }
      assert.deepEqual(server.socket.seen.map(({ port }) => port), Array(3).fill(socket.localPort));
      await socket.close();
      await until(() => relay.links === 0);
      assert.equal(phone.udpSockets, 0);
    });

    test(`2000 datagrams of a turn, in order and whole (${profile})`, waitLimit, async (t) => {
      const server = await udp(t);
      server.socket.setRecvBufferSize(1 << 20);
      const relay = await relayFor(t, { datagrams: [`127.0.0.1:${server.port}`] });
      const { target } = phoneOn(t, relay, profile);
      const socket = await opened(target, { remoteAddress: '127.0.0.1', remotePort: server.port });
      for (let i = 0; i < 2000; i++) socket.send(`${i}`);
      await until(() => server.socket.seen.length === 2000);
      assert.deepEqual(server.socket.seen.map(({ text }) => Number(text)), Array.from({ length: 2000 }, (_, i) => i));
    });

    test(`what cannot be bound rejects (${profile})`, waitLimit, async (t) => {
      const { port } = await udp(t);
      const relay = await relayFor(t, { bind: [0, port] });
      const { target } = phoneOn(t, relay, profile);
      for (const options of [{ localPort: port }, { localAddress: '203.0.113.9' }, { localPort: port === 9 ? 10 : 9 }]) {
        const socket = new target.UDPSocket(options);
        await assert.rejects(socket.opened, { name: 'NetworkError' });
        await assert.rejects(socket.closed, { name: 'NetworkError' });
      }
      assert.equal(relay.links, 0);
    });
  }

  test('up to 65507 bytes come in, and none', waitLimit, async (t) => {
    const { socket } = await udp(t);
    const relay = await relayFor(t, { bind: [0] });
    const datagrams = await bound(t, relay);
    for (const size of [0, 1, 9217, 65507]) {
      socket.send(Buffer.alloc(size, 'x'), datagrams.port, '127.0.0.1');
      await until(() => datagrams.seen.length > 0);
      const { text, host, port } = datagrams.seen.pop();
      assert.deepEqual([text.length, host, port], [size, '127.0.0.1', socket.address().port]);
    }
  });

  const v6 = Object.values(networkInterfaces()).flat().some(({ address }) => address === '::1');
  test('IPv6, by its loopback', { ...waitLimit, skip: v6 ? false : 'this machine has no ::1' }, async (t) => {
    const server = await udp(t, { type: 'udp6', address: '::1' });
    echo(server);
    const relay = await relayFor(t, { datagrams: [`[::1]:${server.port}`] });
    const datagrams = await bound(t, relay, { address: '::' });
    assert.equal(datagrams.address, '::');
    datagrams.send(Buffer.from('six'), '::1', server.port);
    await until(() => datagrams.seen.length > 0);
    assert.deepEqual(datagrams.seen, [{ text: 'six', host: '::1', port: server.port }]);
  });
});

describe('what is allowed', () => {
  test('destinations by the list, and whoever has sent something', waitLimit, async (t) => {
    const [listed, other] = [await udp(t), await udp(t)];
    const lines = [];
    const relay = await relayFor(t, { datagrams: [`127.0.0.1:${listed.port}`], log: (line) => lines.push(line) });
    const datagrams = await bound(t, relay);
    for (let i = 0; i < 3; i++) datagrams.send(Buffer.from('unasked'), '127.0.0.1', other.port);
    datagrams.send(Buffer.from('a'), '127.0.0.1', listed.port);
    await until(() => listed.socket.seen.length === 1);
    assert.deepEqual(other.socket.seen, []);
    assert.deepEqual(relay.refused, [{ host: '127.0.0.1', port: other.port, reason: 'not allowed' }]);
    assert.equal(lines.length, 1, 'once for each destination');
    other.socket.send('question', datagrams.port, '127.0.0.1');
    await until(() => datagrams.seen.length === 1);
    datagrams.send(Buffer.from('answer'), '127.0.0.1', other.port);
    await until(() => other.socket.seen.length === 1);
    assert.equal(other.socket.seen[0].text, 'answer');
  });

  test('ports by the list', waitLimit, async (t) => {
    const relay = await relayFor(t, { bind: [5], links: 1 });
    const cases = [
      ['/?bind=&port=5&reuse=0&loopback=0', 101],
      ['/?bind=&port=0&reuse=0&loopback=0', 403],
      ['/?bind=name&port=5&reuse=0&loopback=0', 403],
      ['/?bind=&port=5&reuse=2&loopback=0', 403],
      ['/?bind=&port=5&reuse=0', 403],
      ['/?bind=&reuse=0&loopback=0', 403],
    ];
    for (const [query, status] of cases) assert.equal(await refusal(relay, query), status, query);
    const none = await relayFor(t, { allow: ['127.0.0.1:1'] });
    assert.equal(await refusal(none, '/?bind=&port=0&reuse=0&loopback=0'), 403);
    for (const options of [{ bind: [70000] }, { datagrams: ['127.0.0.1'] }, { multicast: ['name'] }, { multicast: ['ff02::fb'] }]) {
      await assert.rejects(startRelay(options), RangeError);
    }
  });

  test('they count as links', waitLimit, async (t) => {
    const relay = await relayFor(t, { bind: [0], links: 1 });
    const datagrams = await bound(t, relay);
    assert.equal(await refusal(relay, `/${PORT}`), 503);
    datagrams.close();
    await until(() => relay.links === 0);
    await bound(t, relay);
  });

  test('a port is shared only if both sides want that', waitLimit, async (t) => {
    const relay = await relayFor(t, { bind: [0] });
    const { port } = await bound(t, relay, { reuse: true });
    const open = await relayFor(t, { bind: [port] });
    await assert.rejects(bound(t, open, { port, reuse: false }), /not bound/);
    await bound(t, open, { port, reuse: true });
  });
});

describe('multicast', () => {
  const GROUP = '239.255.42.99';

  test('groups by the list, on this machine’s loopback', waitLimit, async (t) => {
    const first = await relayFor(t, { bind: [0], multicast: [GROUP] });
    const member = await bound(t, first);
    const lines = [];
    const second = await relayFor(t, { datagrams: [`${GROUP}:${member.port}`], multicast: [GROUP], log: (line) => lines.push(line) });
    const sender = await bound(t, second);
    member.join(GROUP);
    member.join('239.255.42.100');
    await until(() => first.refused.length === 1);
    assert.deepEqual(first.refused, [{ host: '239.255.42.100', port: member.port, reason: 'not allowed' }]);
    // The group has a socket of its own, which is not there at once.
    while (member.seen.length === 0) {
      sender.send(Buffer.from('to all'), GROUP, member.port);
      await new Promise(setImmediate);
    }
    assert.deepEqual(member.seen[0], { text: 'to all', host: '127.0.0.1', port: sender.port });
    member.leave(GROUP);
    const after = await udp(t);
    const settle = async () => {
      const count = member.seen.length;
      after.socket.send('unicast', member.port, '127.0.0.1');
      await until(() => member.seen.slice(count).some(({ text }) => text === 'unicast'));
    };
    await settle();
    await settle();
    const count = member.seen.length;
    sender.send(Buffer.from('nobody'), GROUP, member.port);
    await settle();
    assert.deepEqual(member.seen.slice(count).map(({ text }) => text), ['unicast']);
    assert.deepEqual(lines, []);
  });

  test('one hears oneself only with loopback', waitLimit, async (t) => {
    for (const loopback of [false, true]) {
      const first = await relayFor(t, { bind: [0], multicast: [GROUP] });
      const datagrams = await bound(t, first, { loopback });
      const { port } = datagrams;
      await until(() => first.links === 1);
      datagrams.close();
      await until(() => first.links === 0);
      const relay = await relayFor(t, { bind: [port], datagrams: [`${GROUP}:${port}`], multicast: [GROUP] });
      const own = await bound(t, relay, { port, loopback });
      own.join(GROUP);
      const other = await udp(t);
      other.socket.setMulticastInterface('127.0.0.1');
      const witness = dgram.createSocket({ type: 'udp4', reuseAddr: true });
      t.after(() => witness.close());
      const witnessed = [];
      witness.on('message', (bytes) => witnessed.push(bytes.toString()));
      witness.bind(port, GROUP, () => witness.addMembership(GROUP, '127.0.0.1'));
      await once(witness, 'listening');
      // The group has a socket of its own, which is not there at once.
      while (own.seen.length === 0) {
        other.socket.send('member?', port, GROUP);
        await new Promise(setImmediate);
      }
      own.send(Buffer.from('own'), GROUP, port);
      await until(() => witnessed.includes('own'));
      other.socket.send('last', port, GROUP);
      await until(() => own.seen.some(({ text }) => text === 'last'));
      assert.equal(own.seen.some(({ text }) => text === 'own'), loopback);
    }
  });
});

describe('hostile pages', () => {
  const cases = [
    ['no head', Buffer.alloc(0)],
    ['a head that is cut off', framed('127.0.0.1', 1, Buffer.alloc(0)).subarray(0, -1)],
    ['a host beyond the message', Buffer.from([200, 1, 2, 3])],
    ['more than a datagram holds', framed('127.0.0.1', 1, Buffer.alloc(65508))],
    ['no JSON', '{'],
    ['an unknown type', '{"type":"end"}'],
    ['a join of nothing', '{"type":"join"}'],
    ['a join of a number', '{"type":"join","group":5}'],
    ['a long message', JSON.stringify({ type: 'join', group: '1'.repeat(300) })],
  ];
  for (const [what, message] of cases) {
    test(what, waitLimit, async (t) => {
      const relay = await relayFor(t, { bind: [0] });
      const socket = await page(t, relay);
      socket.send(message);
      assert.equal((await once(socket, 'close'))[0], 1008);
      assert.equal(relay.links, 0);
    });
  }

  test('hosts that are none, and port 0, are dropped', waitLimit, async (t) => {
    const server = await udp(t);
    const relay = await relayFor(t, { datagrams: [`127.0.0.1:${server.port}`] });
    const socket = await page(t, relay);
    for (const [host, port] of [['', 1], ['a b', 1], ['x\r\ny', 1], ['127.0.0.1', 0], ['n'.repeat(254), 1]]) socket.send(framed(host, port, Buffer.from('x')));
    socket.send(framed('127.0.0.1', server.port, Buffer.from('good')));
    await until(() => server.socket.seen.length === 1);
    assert.deepEqual(relay.refused, []);
    for (let i = 1; i <= 300; i++) socket.send(framed('10.0.0.1', i, Buffer.from('x')));
    socket.send(framed('127.0.0.1', server.port, Buffer.from('good')));
    await until(() => server.socket.seen.length === 2);
    assert.equal(relay.refused.length, 100);
  });

  test('a page that does not read loses datagrams; nobody keeps them', waitLimit, async (t) => {
    const server = await udp(t);
    const relay = await relayFor(t, { datagrams: [`127.0.0.1:${server.port}`] });
    const socket = await page(t, relay);
    let received = 0;
    socket.on('message', (data) => { received += data.length; });
    socket.send(framed('127.0.0.1', server.port, Buffer.from('hello')));
    await until(() => server.socket.seen.length === 1);
    const [{ port }] = server.socket.seen;
    socket.pause();
    let sent = 0;
    for (let i = 0; i < 1000; i++) {
      await new Promise((resolve) => { server.socket.send(Buffer.alloc(60_000), port, '127.0.0.1', resolve); });
      sent += 60_000;
    }
    socket.resume();
    await stalled(() => received);
    assert.ok(received > 0 && received < sent / 2, `${received} of ${sent}`);
  });

  test('a page that goes gives its port back', waitLimit, async (t) => {
    const relay = await relayFor(t, { bind: [0], multicast: ['239.255.42.98'] });
    const datagrams = await bound(t, relay);
    datagrams.join('239.255.42.98');
    const { port } = datagrams;
    datagrams.close();
    await until(() => relay.links === 0);
    const again = dgram.createSocket('udp4');
    again.bind(port, '127.0.0.1');
    await once(again, 'listening');
    again.close();
  });

  test('a relay that closes, or cuts, is the end of the socket', waitLimit, async (t) => {
    const relay = await relayFor(t, { bind: [0] });
    const { target } = phoneOn(t, relay, 'kaios25');
    for (const end of [() => assert.equal(relay.cut('127.0.0.1:1'), 0), () => relay.close()]) {
      const socket = await opened(target);
      await end();
      if (relay.links > 0) {
        assert.equal(socket.readyState, 'open');
        socket.close();
      } else {
        assert.equal(await socket.closed, undefined);
      }
    }
  });
});
