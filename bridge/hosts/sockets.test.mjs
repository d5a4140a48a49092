// What no real network does at a test's word: the shared half of the hosts over
// a network whose every step is the test's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Datagrams, ERRORS, Link, Listener } from '../mock/network.js';
import { hostOver } from './sockets.js';

/** A connection of a host whose link does as it is told; `seen` are events and what was asked of the link. */
function connection({ tls = true, room = Infinity, ...options } = {}) {
  const link = new Link();
  const seen = [];
  link.room = room;
  link.write = (bytes) => {
    const taken = Math.min(bytes.length, link.room);
    link.room -= taken;
    if (taken > 0) seen.push(`write ${Buffer.from(bytes.subarray(0, taken))}`);
    return taken;
  };
  for (const method of ['pause', 'resume', 'startTLS', 'end', 'destroy']) link[method] = () => seen.push(method);
  const socket = hostOver({ connect: () => link }, { tls }).open('server', 1, options);
  for (const type of ['open', 'data', 'drain', 'error', 'close']) {
    socket[`on${type}`] = ({ name, message }) => seen.push(type === 'error' ? `error ${name}/${message}` : type);
  }
  const writable = (more) => {
    link.room += more;
    link.onwritable();
  };
  return { link, socket, seen, writable, take: () => seen.splice(0) };
}
const opened = (options) => {
  const c = connection(options);
  c.link.onconnect();
  c.take();
  return c;
};
const settled = () => new Promise(setImmediate);

test('what was sent before upgradeToSecure() goes in the clear, what comes after does not', () => {
  const c = opened({ room: 2 });
  c.socket.send('plain');
  c.socket.upgradeToSecure();
  c.socket.send('secret');
  assert.deepEqual(c.take(), ['write pl']);
  assert.equal(c.socket.bufferedAmount, 9);
  c.writable(100);
  assert.deepEqual(c.take(), ['write ain', 'startTLS', 'write secret']);
  assert.equal(c.socket.bufferedAmount, 0);
});

test('a peer that never reads does not keep a closed connection for ever', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const c = opened({ room: 1 });
  c.socket.send('last words');
  c.socket.close();
  assert.deepEqual(c.take(), ['write l', 'pause']);
  t.mock.timers.tick(29_999);
  c.writable(1); // a sign of life
  t.mock.timers.tick(29_999);
  assert.deepEqual(c.take(), ['write a']);
  t.mock.timers.tick(1);
  await Promise.resolve();
  assert.deepEqual(c.take(), ['destroy', 'close']);
  t.mock.timers.tick(60_000);
  assert.deepEqual(c.take(), []);
});

test('nor one that has said goodbye first', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const c = opened({ room: 0 });
  c.socket.send('unheard');
  c.link.onend();
  assert.deepEqual(c.take(), ['close']);
  t.mock.timers.tick(30_000);
  assert.deepEqual(c.take(), ['destroy']);
});

test('a link that dies while its last bytes wait is told of once', async () => {
  const closing = opened({ room: 0 });
  closing.socket.send('x');
  closing.socket.close();
  closing.link.onerror('reset');
  await settled();
  assert.deepEqual(closing.take(), ['pause', 'error NetworkError/Network', 'close']);
  const ended = opened({ room: 0 });
  ended.socket.send('x');
  ended.link.onend();
  ended.link.onerror('reset');
  assert.deepEqual(ended.take(), ['close']);
});

test('every kind of failure has a name', () => {
  for (const [kind, { name, message }] of Object.entries(ERRORS)) {
    const c = connection();
    c.link.onerror(kind);
    assert.deepEqual(c.take(), [`error ${name}/${message}`, 'close']);
  }
  for (const [kind, name] of [['notFound', 'DomainNotFoundError'], ['denied', 'NotAllowedError'], ['nonsense', 'NetworkError']]) {
    const c = connection();
    c.link.onerror(kind);
    assert.match(c.take()[0], new RegExp(`^error ${name}/`));
  }
});

test('a close before it is open gives the link up', async () => {
  const c = connection();
  c.socket.close();
  c.link.onconnect();
  await settled();
  assert.deepEqual(c.take(), ['destroy', 'close']);
});

test('suspensions are counted, and a closed socket is not resumed', () => {
  const c = opened();
  c.socket.resume();
  c.socket.suspend();
  c.socket.suspend();
  c.socket.resume();
  assert.deepEqual(c.take(), ['pause']);
  c.socket.resume();
  assert.deepEqual(c.take(), ['resume']);
});

test('a buffer that is part of a greater one is not given away whole', () => {
  const c = opened();
  let data;
  c.socket.ondata = (event) => { data = event.data; };
  c.link.ondata(new Uint8Array(new ArrayBuffer(10), 3, 4).fill(7));
  assert.deepEqual([...new Uint8Array(data)], [7, 7, 7, 7]);
});

test('a listener says whether the port is its own', async () => {
  const listener = new Listener();
  const server = hostOver({ listen: () => listener }, {}).listen(80, {}, 5);
  assert.equal(server.localPort, 80);
  listener.onerror('inUse');
  await assert.rejects(server.listening, (error) => error.name === 'PortInUseError');
  const other = new Listener();
  const denied = hostOver({ listen: () => other }, {}).listen(80, {}, 5);
  other.onerror('denied');
  await assert.rejects(denied.listening, (error) => error.name === 'NotAllowedError');
  const free = new Listener();
  const bound = hostOver({ listen: () => free }, {}).listen(0, {}, 5);
  free.port = 4711;
  free.onlisten();
  await bound.listening;
  assert.equal(bound.localPort, 4711);
  let gone = 0;
  bound.onerror = () => { gone++; };
  free.onerror();
  assert.equal(gone, 1);
});

test('datagrams: groups wait for the port, and a close before it is one', async () => {
  const made = () => {
    const datagrams = new Datagrams();
    const seen = [];
    for (const method of ['send', 'join', 'leave', 'close']) datagrams[method] = (what) => seen.push(`${method} ${what ?? ''}`);
    return { datagrams, seen, socket: hostOver({ bind: () => datagrams }, {}).bind({}) };
  };
  const a = made();
  a.socket.joinMulticastGroup('224.0.0.1');
  assert.throws(() => a.socket.send(new Uint8Array(1), 'host', 1), (error) => error.name === 'InvalidStateError');
  assert.deepEqual(a.seen, []);
  a.datagrams.onbound('0.0.0.0', 5);
  await a.socket.opened;
  assert.deepEqual(a.seen, ['join 224.0.0.1']);
  assert.deepEqual([a.socket.localAddress, a.socket.localPort], ['0.0.0.0', 5]);
  a.datagrams.onerror();
  await assert.rejects(a.socket.closed, (error) => error.name === 'NetworkError');
  assert.throws(() => a.socket.joinMulticastGroup('224.0.0.1'), (error) => error.name === 'InvalidStateError');

  const b = made();
  await b.socket.close();
  await assert.rejects(b.socket.opened, (error) => error.name === 'AbortError');
  b.datagrams.onbound('0.0.0.0', 5);
  assert.equal(b.socket.readyState, 'closed');
  assert.deepEqual(b.seen, ['close ']);
});
