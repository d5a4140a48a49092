// The phone's behaviour, line by line. The numbers are those of the checklist
// that the mock was written to: 1-5 exposure, 6-14 connecting, 15-25 sending,
// 26-41 receiving and closing, 42-45 TLS. Listening and UDP have files of their own.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHILD, event, EVERY, isFailure, KERNEL, KINDS, line, PARENT, quiet, record } from './checklist.mjs';
import { ERRORS, install, MemoryNetwork, PROFILES } from './index.js';

const bytes = (...values) => new Uint8Array(values).buffer;

const REFUSED = ['error ConnectionRefusedError/Network [closed]', 'close [closed]'];
describe('exposure', () => {
  test('1. mozTCPSocket is a getter that makes a new object, and absent without the permission', () => {
    const network = new MemoryNetwork();
    const target = { navigator: {} };
    const phone = install(target, { network });
    assert.notEqual(target.navigator.mozTCPSocket, target.navigator.mozTCPSocket);
    assert.equal(String(target.navigator.mozTCPSocket), '[object LegacyMozTCPSocket]');
    phone.uninstall();
    assert.equal('mozTCPSocket' in target.navigator, false);

    install(target, { network, permissions: [] });
    assert.deepEqual([Object.keys(target), Object.keys(target.navigator)], [['navigator'], []]);
    assert.equal(target.TCPSocket, undefined);
  });

  test('2. the constructors are on the window, and nothing is in a worker', () => {
    const network = new MemoryNetwork();
    const target = { navigator: {} };
    const phone = install(target, { network });
    for (const name of ['TCPSocket', 'TCPServerSocket', 'TCPSocketEvent', 'TCPSocketErrorEvent', 'TCPServerSocketEvent']) assert.equal(typeof target[name], 'function', name);
    const socket = new target.TCPSocket('nowhere', 1);
    assert.equal(String(socket), '[object TCPSocket]');
    assert.throws(() => target.TCPSocket('nowhere', 1), TypeError);
    phone.uninstall();
    assert.equal(target.TCPSocket, undefined);

    globalThis.WorkerGlobalScope = class {};
    try {
      const scope = Object.assign(new WorkerGlobalScope(), { navigator: {} });
      install(scope, { network, profile: 'kaios25' });
      assert.equal(['TCPSocket', 'TCPServerSocket', 'UDPSocket'].some((name) => name in scope) || 'mozTCPSocket' in scope.navigator, false);
    } finally {
      delete globalThis.WorkerGlobalScope;
    }
  });

  test('in Node, navigator is made, and taken away again', () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
    const phone = install(globalThis, { network: new MemoryNetwork() });
    assert.equal(typeof navigator.mozTCPSocket.open, 'function');
    phone.uninstall();
    assert.equal(globalThis.navigator?.mozTCPSocket, undefined);
    assert.deepEqual(Object.getOwnPropertyDescriptor(globalThis, 'navigator'), before);
  });

  test('an unknown profile or no network is an error', () => {
    assert.throws(() => install({}, { profile: 'kaios9', network: new MemoryNetwork() }), RangeError);
    assert.throws(() => install({}, {}), TypeError);
  });

  line(3, 'EventTarget with on… attributes', EVERY, async ({ open, target }) => {
    const socket = open('echo', 7);
    assert.ok(socket instanceof EventTarget && socket instanceof target.TCPSocket);
    for (const type of KINDS) assert.equal(socket[`on${type}`], null);
    const order = [];
    socket.onopen = () => order.push('replaced');
    socket.addEventListener('open', () => order.push('listener'));
    socket.onopen = function handler(e) {
      order.push('handler');
      assert.equal(this, socket);
      assert.equal(e.target, socket);
      assert.deepEqual([e.bubbles, e.cancelable, String(e)], [false, false, '[object TCPSocketEvent]']);
    };
    await event(socket, 'open');
    assert.deepEqual(order, ['handler', 'listener']);
    socket.onopen = 5;
    assert.equal(socket.onopen, null);
  });

  line(5, 'arguments', EVERY, ({ target, profile }) => {
    const moz = target.navigator.mozTCPSocket;
    assert.throws(() => moz.open(), TypeError);
    assert.throws(() => moz.open('h'), TypeError);
    assert.throws(() => moz.open('h', 1, { binaryType: 'blob' }), TypeError);
    assert.throws(() => moz.open('h', 1, 5), TypeError);
    for (const [given, port] of [['80', 80], [0, 0], [65536, 0], [65537, 1], [-1, 65535], [NaN, 0], [1.9, 1], [null, 0]]) {
      assert.equal(moz.open('h', given).port, port, String(given));
    }
    for (const options of [undefined, null, {}, { useSSL: true, unknown: 1 }]) {
      const socket = moz.open('h', 1, options);
      assert.deepEqual([socket.binaryType, socket.ssl, socket.host, socket.bufferedAmount], ['string', false, 'h', 0]);
      assert.equal(socket.readyState, profile.initialState);
    }
    assert.equal(moz.open('h', 1, { useSecureTransport: 1 }).ssl, true);
    assert.equal(moz.open(null, 1).host, 'null');
  });
});

describe('connecting', () => {
  line(6, 'readyState at once: connecting, or closed until the proxy is known', EVERY, async ({ open, profile }) => {
    const socket = open('echo', 7);
    assert.equal(socket.readyState, profile.process === 'child' ? 'connecting' : 'closed');
    await event(socket, 'open');
    assert.equal(socket.readyState, 'open');
  });

  line(7, 'open has no data; what a microtask of it sets up sees the first data', EVERY, async ({ open, memory }) => {
    memory.listen('h:1', (peer) => {
      peer.write('hi');
    });
    const socket = open('h', 1);
    const opened = await event(socket, 'open');
    assert.equal(opened.data, undefined);
    assert.equal('data' in opened, true);
    const { data } = await event(socket, 'data');
    assert.ok(data instanceof ArrayBuffer);
  });

  line(7, 'events come one a task, with microtasks between, and a handler that throws disturbs none', EVERY, async ({ open, memory, t }) => {
    const caught = [];
    // What a browser reports to window.onerror, Node takes for the end of the process.
    const catchers = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => caught.push(error.message));
    t.after(() => {
      process.removeAllListeners('uncaughtException');
      for (const catcher of catchers) process.on('uncaughtException', catcher);
    });
    memory.listen('h:1', (peer) => {
      peer.write('hi');
      peer.end();
    });
    const socket = open('h', 1);
    const order = [];
    for (const type of ['open', 'data', 'close']) {
      socket.addEventListener(type, () => {
        order.push(type);
        queueMicrotask(() => order.push(`${type} microtask`));
        throw new Error(type);
      });
    }
    await event(socket, 'close');
    await quiet();
    assert.deepEqual(order, ['open', 'open microtask', 'data', 'data microtask', 'close', 'close microtask']);
    assert.deepEqual(caught, ['open', 'data', 'close']);
  });

  line(8, 'a refusal is error, then close, with the state closed in both', EVERY, async ({ open, phone }) => {
    const socket = open('nobody', 1);
    const seen = record(socket);
    await event(socket, 'close');
    assert.deepEqual(seen, REFUSED);
    assert.equal(phone.sockets.size, 0);
  });

  line(9, 'a bad name, port 0 and a refusal look the same', EVERY, async ({ open, profile, phone }) => {
    const bad = ['', 'a b'];
    for (const [host, port] of [['no-such-host.invalid', 1], ['echo', 0], ...bad.map((host) => [host, 1])]) {
      const socket = open(host, port);
      const seen = record(socket);
      await quiet();
      assert.deepEqual(seen, bad.includes(host) && profile.badHost === 'silent' ? [] : REFUSED, host);
      assert.equal(phone.sockets.size, 0);
    }
  });

  line(10, 'no connect time-out', EVERY, async ({ open, network, t }) => {
    const timers = t.mock.method(globalThis, 'setTimeout');
    network.set('echo:7', 'black-hole');
    const socket = open('echo', 7);
    const seen = record(socket);
    await quiet();
    assert.equal(socket.readyState, 'connecting');
    assert.deepEqual([seen, timers.mock.callCount()], [[], 0]);
  });

  line(11, 'close() while connecting is an error too', EVERY, async ({ open, network, profile }) => {
    network.set('echo:7', 'black-hole');
    const socket = open('echo', 7);
    const seen = record(socket);
    if (profile.initialState === 'closed') await quiet();
    assert.equal(socket.readyState, 'connecting');
    socket.close();
    assert.equal(socket.readyState, 'closing');
    await event(socket, 'close');
    assert.deepEqual(seen, REFUSED);
  });

  line(11, 'close() right after open(): nothing, where the proxy is still being looked up', PARENT, async ({ open }) => {
    const socket = open('echo', 7);
    socket.close();
    assert.equal(socket.readyState, 'closed');
    await event(socket, 'open');
    assert.equal(socket.readyState, 'open');
  });

  line(12, '"[::1]" fails, "::1" works', EVERY, async ({ open, memory, profile }) => {
    memory.listen('[::1]:1', () => {});
    const good = open('::1', 1);
    await event(good, 'open');
    const bad = open('[::1]', 1);
    const seen = record(bad);
    await quiet();
    assert.deepEqual(seen, profile.badHost === 'silent' ? [] : REFUSED);
  });

  line(13, 'offline: dials are refused, connections end with NetworkError, loopback lives on', EVERY, async ({ open, phone, memory, network, pair }) => {
    memory.listen('127.0.0.1:1', (peer) => { peer.ondata = (data) => peer.write(data); });
    network.set('slow:1', 'black-hole');
    const local = open('127.0.0.1', 1);
    await event(local, 'open');
    const pending = open('slow', 1);
    const pendingSeen = record(pending);
    const { socket, seen } = await pair();
    phone.offline = true;
    await event(socket, 'close');
    await quiet();
    assert.deepEqual(seen, ['open [open]', 'error NetworkError/Network [closed]', 'close [closed]']);
    assert.deepEqual(pendingSeen, REFUSED);
    const late = open('echo', 7);
    const lateSeen = record(late);
    await event(late, 'close');
    assert.deepEqual(lateSeen, REFUSED);
    local.send('x');
    await event(local, 'data');
    const loopback = open('127.0.0.1', 1);
    await event(loopback, 'open');
    phone.offline = false;
    await event(open('echo', 7), 'open');
  });

  line(14, 'errorCode on current Gecko only; data is undefined', EVERY, async ({ open, profile }) => {
    const error = await event(open('nobody', 1), 'error');
    assert.equal(error.errorCode, profile.errorCode ? 0x804b000d : undefined);
    assert.equal('errorCode' in error, profile.errorCode);
    assert.equal(error.data, undefined);
    assert.equal(String(error), '[object TCPSocketErrorEvent]');
  });
});

describe('sending', () => {
  line(15, 'before open and after close, send throws what is no DOMException', EVERY, async ({ open }) => {
    const socket = open('echo', 7);
    const calls = [() => socket.send('x'), () => socket.send(bytes(1)), () => socket.upgradeToSecure()];
    for (const call of calls) assert.throws(call, isFailure);
    await event(socket, 'open');
    socket.close();
    for (const call of calls) assert.throws(call, isFailure);
    const closed = await event(socket, 'close');
    assert.equal(closed.data, undefined);
    for (const call of calls) assert.throws(call, isFailure);
  });

  line(16, 'anything but an ArrayBuffer is text', EVERY, async ({ pair }) => {
    const cases = [
      [new Uint8Array([1, 2, 3]), '1,2,3'], [new Uint8Array([1, 2, 3]).subarray(1), '2,3'], [new DataView(bytes(1)), '[object DataView]'],
      [null, 'null'], [undefined, 'undefined'], [42, '42'], [[1, 2], '1,2'], [{}, '[object Object]'],
    ];
    const { socket, peer } = await pair();
    for (const [value, wire] of cases) {
      peer.received = '';
      assert.equal(socket.send(value), true);
      await quiet();
      assert.equal(peer.received, wire);
    }
    assert.throws(() => socket.send(), TypeError);
    assert.throws(() => socket.send(new Uint8Array(3), 0, 3), TypeError);
    assert.throws(() => socket.send('abc', 0), TypeError);
    assert.throws(() => socket.send(new SharedArrayBuffer(3)), TypeError);
    assert.throws(() => socket.send(new ArrayBuffer(3, { maxByteLength: 4 })), TypeError);
    assert.throws(() => socket.send(Symbol('s')), TypeError);
  });

  line(17, 'send(ArrayBuffer, offset, length)', EVERY, async ({ pair, profile }) => {
    const { buffer } = new TextEncoder().encode('0123456789');
    const cases = [
      [[buffer], '0123456789', 10], [[buffer, 2], '23456789', 10], [[buffer, 2, 3], '234', 3], [[buffer, 0, 0], '', 0], [[buffer, 8, 100], '89', 100],
      [[buffer, 0, undefined], '0123456789', 10], [[buffer, 0, null], '', 0], [[buffer, 10], '', 10], [[buffer, undefined, 2], '01', 2],
      [[new WebAssembly.Memory({ initial: 1 }).buffer, 0, 2], '\0\0', 2],
    ];
    for (const [parameters, wire, unclamped] of cases) {
      const { socket, peer } = await pair();
      assert.equal(socket.send(...parameters), true);
      assert.equal(socket.bufferedAmount, profile.countsUnclamped ? unclamped : wire.length);
      await quiet();
      assert.equal(peer.received, wire);
      assert.equal(socket.bufferedAmount, 0);
    }
    const { socket } = await pair();
    for (const offset of [11, -1]) assert.throws(() => socket.send(buffer, offset), RangeError);
  });

  line(18, 'a string is one byte a character, or a TypeError', EVERY, async ({ pair }) => {
    const { socket, peer } = await pair();
    for (const text of ['\u0100', 'ab\u20ac']) assert.throws(() => socket.send(text), TypeError);
    const all = String.fromCharCode(...Array(256).keys());
    socket.send(all);
    await quiet();
    assert.equal(peer.received, all);
  });

  line(19, 'false beyond 65536 and not at it', EVERY, async ({ pair }) => {
    for (const [size, answer] of [[65535, true], [65536, true], [65537, false], [1 << 20, false]]) {
      const { socket, peer } = await pair();
      assert.equal(socket.send(new ArrayBuffer(size)), answer, String(size));
      await quiet();
      assert.equal(peer.received.length, size);
    }
    const { socket } = await pair();
    assert.deepEqual([socket.send(new ArrayBuffer(40000)), socket.send(new ArrayBuffer(25536)), socket.send(bytes(1))].slice(0, 2), [true, true]);
  });

  line(20, 'the bytes are copied at the call, and the buffer stays attached', EVERY, async ({ pair }) => {
    const { socket, peer } = await pair();
    const view = new TextEncoder().encode('before');
    socket.send(view.buffer, view.byteOffset, view.byteLength);
    view.fill(0x78);
    assert.equal(view.length, 6);
    await quiet();
    assert.equal(peer.received, 'before');
    structuredClone(view.buffer, { transfer: [view.buffer] });
    assert.equal(socket.send(view.buffer), true);
    await quiet();
    assert.equal(peer.received, 'before');
  });

  line(21, 'drain at zero only, once, and only after a false', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    socket.send(new ArrayBuffer(65536));
    await quiet();
    assert.deepEqual(seen, ['open [open]']);
    peer.pause();
    assert.equal(socket.send(new ArrayBuffer(KERNEL + 100_000)), false);
    assert.equal(socket.send(new ArrayBuffer(10)), false);
    await quiet();
    assert.deepEqual(seen, ['open [open]']);
    assert.ok(socket.bufferedAmount > 0);
    socket.addEventListener('drain', () => assert.equal(socket.bufferedAmount, 0));
    peer.resume();
    await event(socket, 'drain');
    await quiet();
    assert.deepEqual(seen, ['open [open]', 'drain [open]']);
    assert.equal(peer.received.length, 65536 + KERNEL + 100_010);
  });

  line(22, 'bufferedAmount grows by each send and drops on the report for the latest', CHILD, async ({ pair }) => {
    const { socket } = await pair();
    const amounts = [];
    for (let i = 0; i < 6; i++) amounts.push([socket.send(new ArrayBuffer(20000)), socket.bufferedAmount]);
    assert.deepEqual(amounts, [[true, 20000], [true, 40000], [true, 60000], [false, 80000], [false, 100000], [false, 120000]]);
    const drained = event(socket, 'drain');
    // A send with each turn leaves every report but the last behind the times.
    let highest = 0;
    for (let i = 0; i < 20; i++) {
      socket.send(bytes(1));
      assert.ok(socket.bufferedAmount > highest);
      highest = socket.bufferedAmount;
      await new Promise(setImmediate);
    }
    assert.equal(highest, 120020);
    await drained;
    assert.equal(socket.bufferedAmount, 0);
  });

  line(22, 'bufferedAmount: what waits behind a copy replaces it', PARENT, async ({ pair }) => {
    const { socket } = await pair();
    const amounts = [];
    for (let i = 0; i < 6; i++) amounts.push([socket.send(new ArrayBuffer(20000)), socket.bufferedAmount]);
    assert.deepEqual(amounts, [[true, 20000], [true, 20000], [true, 40000], [true, 60000], [false, 80000], [false, 100000]]);
    await event(socket, 'drain');
    assert.equal(socket.bufferedAmount, 0);
  });

  line(23, 'drain comes before close, both after close()', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    assert.equal(socket.send(new ArrayBuffer(1_000_000)), false);
    socket.close();
    await event(socket, 'close');
    await quiet();
    assert.equal(peer.received.length, 1_000_000);
    assert.equal(peer.ended, true);
    assert.deepEqual(seen, ['open [open]', 'drain [closing]', 'close [closed]']);
  });

  line(23, 'what ondrain sends and closes behind is lost', PARENT, async ({ pair }) => {
    const { socket, peer } = await pair();
    socket.ondrain = () => {
      socket.send(new ArrayBuffer(50000));
      socket.send(new ArrayBuffer(50000));
      socket.close();
    };
    socket.send(new ArrayBuffer(100_000));
    await event(socket, 'close');
    await quiet();
    assert.equal(peer.received.length, 100_000);
  });

  line(23, 'what ondrain sends and closes behind is delivered', CHILD, async ({ pair }) => {
    const { socket, peer } = await pair();
    socket.ondrain = () => {
      socket.send(new ArrayBuffer(50000));
      socket.close();
    };
    socket.send(new ArrayBuffer(100_000));
    await event(socket, 'close');
    await quiet();
    assert.equal(peer.received.length, 150_000);
  });

  line(24, 'an empty send is true and nothing else', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    for (const empty of ['', new ArrayBuffer(0)]) assert.equal(socket.send(empty), true);
    await quiet();
    assert.deepEqual([seen, peer.received], [['open [open]'], '']);
    socket.send('x');
    await quiet();
    assert.equal(peer.received, 'x');
  });

  line(25, 'a send to a dead peer is true; the failure comes later', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    peer.reset();
    assert.equal(socket.send('x'), true);
    await event(socket, 'close');
    assert.deepEqual(seen, ['open [open]', 'error NetworkError/Network [closed]', 'close [closed]']);
  });
});

describe('receiving', () => {
  line(26, 'chunks are coalesced up to the pipe, boundaries mean nothing, nothing is lost', EVERY, async ({ pair, profile }) => {
    const { socket, peer } = await pair();
    const size = 3_000_000;
    const sizes = [];
    let received = 0;
    socket.ondata = ({ data }) => {
      const view = new Uint8Array(data);
      for (let i = 0; i < view.length; i += 997) assert.equal(view[i], (received + i) % 251);
      received += view.length;
      sizes.push(view.length);
    };
    const sent = new Uint8Array(size);
    for (let i = 0; i < size; i++) sent[i] = i % 251;
    socket.suspend();
    await quiet();
    for (let i = 0; i < size; i += 10_000) peer.write(sent.subarray(i, i + 10_000));
    await quiet();
    assert.equal(received, 0);
    socket.resume();
    while (received < size) await new Promise(setImmediate);
    assert.equal(Math.max(...sizes), profile.pipe);
    assert.ok(sizes.every((n) => n >= 1));
  });

  line(26, 'the buffer of a data event may be transferred', EVERY, async ({ pair }) => {
    const { socket, peer } = await pair();
    peer.write('abc');
    const { data } = await event(socket, 'data');
    const moved = structuredClone(data, { transfer: [data] });
    assert.deepEqual([data.byteLength, moved.byteLength], [0, 3]);
    peer.write('def');
    assert.equal((await event(socket, 'data')).data.byteLength, 3);
  });

  line(27, 'string mode is Latin-1 and keeps NULs', EVERY, async ({ open, memory }) => {
    const all = Uint8Array.from({ length: 20000 }, (_, i) => i);
    memory.listen('h:1', (peer) => peer.write(all));
    const socket = open('h', 1, { binaryType: 'string' });
    const { data } = await event(socket, 'data');
    assert.equal(data, Buffer.from(all).toString('latin1'));
  });

  line(28, 'suspend is counted', EVERY, async ({ pair, profile }) => {
    const { socket, peer, seen } = await pair();
    socket.suspend();
    socket.suspend();
    await quiet();
    peer.write('x');
    await quiet();
    socket.resume();
    await quiet();
    assert.deepEqual(seen, ['open [open]']);
    socket.resume();
    await event(socket, 'data');
    if (profile.process === 'child') assert.equal(socket.resume(), undefined);
    else assert.throws(() => socket.resume(), isFailure);
    peer.write('y');
    await event(socket, 'data');
  });

  line(29, 'suspend before open holds nothing', EVERY, async ({ open, memory }) => {
    memory.listen('h:1', (peer) => peer.write('hi'));
    const socket = open('h', 1);
    socket.suspend();
    await event(socket, 'data');
    socket.resume();
  });

  line(30, 'data that was on its way arrives after suspend()', CHILD, async ({ pair }) => {
    const { socket, peer } = await pair();
    peer.write(new Uint8Array(1_000_000));
    await event(socket, 'data');
    socket.suspend();
    let late = 0;
    socket.ondata = () => late++;
    await quiet();
    assert.ok(late >= 1 && late <= 5, String(late));
  });

  line(30, 'no data after suspend()', PARENT, async ({ pair }) => {
    const { socket, peer } = await pair();
    peer.write(new Uint8Array(1_000_000));
    await new Promise((resolve) => {
      socket.addEventListener('data', () => {
        socket.suspend();
        resolve();
      }, { once: true });
    });
    socket.ondata = () => assert.fail('data while suspended');
    await quiet();
  });

  line(30, 'a page that does not read stops its peer', EVERY, async ({ pair, profile }) => {
    const { socket, peer } = await pair();
    socket.suspend();
    await quiet();
    peer.write(new Uint8Array(5_000_000));
    await quiet();
    const taken = 5_000_000 - peer.bufferedAmount;
    assert.ok(taken <= profile.pipe + 2 * KERNEL, String(taken));
    const drained = new Promise((resolve) => { peer.ondrain = resolve; });
    socket.resume();
    await drained;
  });

  for (const end of ['FIN', 'RST']) {
    line(31, `a ${end} while suspended is not reported until resume`, EVERY, async ({ pair }) => {
      const { socket, peer, seen } = await pair();
      socket.suspend();
      await quiet();
      peer.write('last');
      await quiet();
      if (end === 'FIN') peer.end();
      else peer.reset();
      await quiet();
      assert.deepEqual([seen, socket.readyState], [['open [open]'], 'open']);
      socket.resume();
      await event(socket, 'close');
      assert.deepEqual(seen, ['open [open]', 'data last [open]', ...(end === 'RST' ? ['error NetworkError/Network [closed]'] : []), 'close [closed]']);
    });
  }

  line(31, 'a write on a reset connection reports it even while suspended, and unread data is lost', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    socket.suspend();
    await quiet();
    peer.write('lost');
    await quiet();
    peer.reset();
    await quiet();
    assert.equal(socket.send('x'), true);
    await event(socket, 'close');
    assert.deepEqual(seen, ['open [open]', 'error NetworkError/Network [closed]', 'close [closed]']);
  });
});

describe('closing', () => {
  line(32, 'close() while suspended gives no event until resume', EVERY, async ({ pair }) => {
    const { socket, seen } = await pair();
    socket.suspend();
    await quiet();
    socket.close();
    await quiet();
    assert.deepEqual([seen, socket.readyState], [['open [open]'], 'closing']);
    socket.resume();
    await event(socket, 'close');
  });

  line(33, 'a FIN with nothing unsent: data, close at once, then send throws', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    peer.write('bye');
    peer.end();
    await event(socket, 'close');
    assert.deepEqual(seen, ['open [open]', 'data bye [open]', 'close [closed]']);
    assert.throws(() => socket.send('x'), isFailure);
    await quiet();
    assert.equal(peer.ended, true);
  });

  for (const how of ['a peer', 'the fault']) {
    line(34, `a FIN with unsent output: no close, and a later close() never ends (${how})`, EVERY, async ({ pair, network, phone }) => {
      if (how === 'the fault') network.set('peer:1', { name: 'fin-with-data-pending', hold: 20 });
      const { socket, peer, seen } = await pair();
      if (how === 'a peer') peer.pause();
      assert.equal(socket.send(new ArrayBuffer(1_000_000)), false);
      if (how === 'a peer') {
        await quiet();
        peer.end();
        await quiet();
        peer.resume();
      }
      await event(socket, 'drain');
      await quiet();
      assert.equal(peer.received.length, 1_000_000);
      assert.equal(socket.readyState, 'open');
      assert.equal(socket.send('more'), true);
      await quiet();
      assert.equal(peer.received.length, 1_000_004);
      socket.close();
      await quiet();
      assert.deepEqual([seen, socket.readyState], [['open [open]', 'drain [open]'], 'closing']);
      assert.equal(phone.sockets.has(socket), true);
    });
  }

  line(34, 'but close() before the output has gone does end', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    peer.pause();
    socket.send(new ArrayBuffer(1_000_000));
    await quiet();
    peer.end();
    await quiet();
    socket.close();
    await quiet();
    peer.resume();
    await event(socket, 'close');
    assert.deepEqual(seen, ['open [open]', 'drain [closing]', 'close [closed]']);
  });

  line(35, 'an RST: what had arrived, then error, then close', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    peer.write('abc');
    peer.reset();
    await event(socket, 'close');
    assert.deepEqual(seen, ['open [open]', 'data abc [open]', 'error NetworkError/Network [closed]', 'close [closed]']);
  });

  // The parent reports what is left to write before it looks at why, so that a
  // child sees a drain for bytes that nobody will read.
  line(35, 'an RST while output waits: error at once', EVERY, async ({ pair, profile }) => {
    const { socket, peer, seen } = await pair();
    peer.pause();
    socket.send(new ArrayBuffer(1_000_000));
    await quiet();
    peer.reset();
    await event(socket, 'close');
    const drained = profile.process === 'child' ? ['drain [open]'] : [];
    assert.deepEqual(seen, ['open [open]', ...drained, 'error NetworkError/Network [closed]', 'close [closed]']);
  });

  line(36, 'close() delivers what is unsent and discards what comes in', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    peer.pause();
    socket.send(new ArrayBuffer(5_000_000));
    socket.close();
    await quiet();
    peer.write('unwanted');
    await quiet();
    assert.deepEqual(seen, ['open [open]']);
    peer.resume();
    await event(socket, 'close');
    await quiet();
    assert.equal(peer.received.length, 5_000_000);
    assert.deepEqual(seen, ['open [open]', 'drain [closing]', 'close [closed]']);
    assert.equal(peer.wasReset, true, 'closing on unread bytes is a reset');
  });

  line(37, 'close() twice is one close event, never at once', EVERY, async ({ pair, phone }) => {
    const { socket, peer, seen } = await pair();
    socket.close();
    socket.close();
    assert.deepEqual([seen, socket.readyState], [['open [open]'], 'closing']);
    await event(socket, 'close');
    socket.close();
    socket.suspend();
    await quiet();
    assert.deepEqual(seen, ['open [open]', 'close [closed]']);
    assert.equal(peer.ended, true);
    assert.equal(phone.sockets.size, 0);
  });

  line(38, 'data in flight after close() still fires, and the state reads open again', CHILD, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    peer.write(new Uint8Array(600_000));
    await event(socket, 'data');
    seen.length = 0;
    socket.close();
    assert.equal(socket.readyState, 'closing');
    await event(socket, 'close');
    assert.ok(seen[0].startsWith('data ') && seen[0].endsWith('[open]'));
    assert.equal(seen.at(-1), 'close [closed]');
    await quiet();
    assert.equal(seen.filter((what) => what.startsWith('close')).length, 1);
  });

  line(38, 'no data after close()', PARENT, async ({ pair }) => {
    const { socket, peer } = await pair();
    peer.write(new Uint8Array(1_000_000));
    await new Promise((resolve) => {
      socket.addEventListener('data', () => {
        socket.close();
        resolve();
      }, { once: true });
    });
    socket.ondata = () => assert.fail('data after close()');
    await event(socket, 'close');
  });

  line(39, 'a close event carries no reason', EVERY, async ({ pair }) => {
    for (const end of ['end', 'reset']) {
      const { socket, peer } = await pair();
      peer[end]();
      const closed = await event(socket, 'close');
      assert.deepEqual([closed.data, closed.name, closed.code], [undefined, undefined, undefined]);
    }
  });

  line(40, 'there is no half-close and nothing that apps do not see', EVERY, async ({ target }) => {
    const members = Object.getOwnPropertyNames(target.TCPSocket.prototype).sort();
    assert.deepEqual(members, ['binaryType', 'bufferedAmount', 'close', 'constructor', 'host', 'onclose', 'ondata', 'ondrain', 'onerror', 'onopen',
      'port', 'readyState', 'resume', 'send', 'ssl', 'suspend', 'upgradeToSecure']);
  });

  test('41. sockets close when the window goes, without an event', { timeout: 10_000 }, async () => {
    const window = Object.assign(new EventTarget(), { navigator: {} });
    const network = new MemoryNetwork();
    let ended = false;
    network.listen('h:1', (peer) => { peer.onend = () => { ended = true; }; });
    const phone = install(window, { network });
    const socket = window.navigator.mozTCPSocket.open('h', 1);
    await event(socket, 'open');
    const seen = record(socket);
    window.dispatchEvent(new Event('pagehide'));
    await quiet();
    assert.equal(ended, true);
    assert.deepEqual(seen, []);
    assert.equal(phone.sockets.size, 0);
  });
});

describe('TLS', () => {
  line(42, 'open comes before the handshake, the bad certificate after', EVERY, async ({ open, network, profile }) => {
    network.set('echo:7', 'certificate-error');
    const socket = open('echo', 7, { useSecureTransport: true });
    const seen = record(socket);
    const error = await event(socket, 'error');
    await event(socket, 'close');
    assert.equal(socket.ssl, true);
    assert.deepEqual(seen, ['open [open]', 'error SecurityError/SecurityCertificate [closed]', 'close [closed]']);
    assert.equal(error.errorCode, profile.errorCode ? ERRORS.certificate.errorCode : undefined);
  });

  for (const [kind, words] of [['protocol', 'SecurityError/SecurityProtocol'], ['timeout', 'NetworkTimeoutError/Network'], ['interrupted', 'NetworkInterruptError/Network']]) {
    test(`43. a failure of kind ${kind} is ${words}`, { timeout: 10_000 }, async () => {
      const memory = new MemoryNetwork();
      memory.listen('h:1', () => {});
      const target = { navigator: {} };
      const dialled = [];
      const network = { connect: (request) => dialled[dialled.push(memory.connect(request)) - 1] };
      const phone = install(target, { network });
      const socket = target.navigator.mozTCPSocket.open('h', 1);
      const seen = record(socket);
      await event(socket, 'open');
      dialled[0].fail(kind);
      await event(socket, 'close');
      assert.deepEqual(seen, ['open [open]', `error ${words} [closed]`, 'close [closed]']);
      phone.uninstall();
    });
  }

  line(44, 'upgradeToSecure: ssl at once, no-op when on, what waits goes first', EVERY, async ({ pair }) => {
    const { socket, peer, seen } = await pair();
    let clear;
    peer.onsecure = () => { clear = peer.received.length; };
    assert.equal(peer.secure, false);
    peer.pause();
    socket.send(new ArrayBuffer(KERNEL * 2));
    assert.equal(socket.upgradeToSecure(), undefined);
    assert.equal(socket.ssl, true);
    assert.equal(socket.upgradeToSecure(), undefined);
    socket.send('secret');
    await quiet();
    assert.equal(peer.secure, false);
    peer.resume();
    await event(socket, 'drain');
    await quiet();
    assert.equal(peer.secure, true);
    assert.ok(clear <= KERNEL * 2);
    assert.equal(peer.received.length, KERNEL * 2 + 6);
    assert.deepEqual(seen, ['open [open]', 'drain [open]']);
  });

  line(44, 'a bad certificate after upgradeToSecure', EVERY, async ({ pair, network }) => {
    network.set('peer:1', 'certificate-error');
    const { socket, peer, seen } = await pair();
    socket.send('STARTTLS');
    await quiet();
    assert.equal(peer.received, 'STARTTLS');
    socket.upgradeToSecure();
    await event(socket, 'close');
    assert.deepEqual(seen, ['open [open]', 'error SecurityError/SecurityCertificate [closed]', 'close [closed]']);
  });

  line(45, 'what is sent before a handshake that fails is lost, and send said true', EVERY, async ({ open, network, memory }) => {
    let received = 0;
    memory.listen('h:1', (peer) => { peer.ondata = (data) => { received += data.length; }; });
    network.set('h:1', 'certificate-error');
    const socket = open('h', 1, { useSecureTransport: true });
    let answer;
    socket.onopen = () => { answer = socket.send('lost'); };
    await event(socket, 'close');
    await quiet();
    assert.deepEqual([answer, received], [true, 0]);
  });
});
