// The phone's UDP: lines 4 and 54-66 of the checklist, and 13 where it is about UDP.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHILD, event, EVERY, isFailure, line, PARENT, quiet } from './checklist.mjs';
import { install, MemoryNetwork, PROFILES } from './index.js';

const UDP = EVERY.filter((profile) => PROFILES[profile].udp);
const UDP_CHILD = UDP.filter((profile) => CHILD.includes(profile));

const text = (data) => Buffer.from(data).toString('utf8');
const is = (name) => (error) => error instanceof DOMException && error.name === name;

/** "resolved", "rejected NetworkError", or "pending" if nothing came of it. */
async function outcome(promise) {
  let what = 'pending';
  promise.then((value) => { what = `resolved ${value}`; }, (error) => { what = `rejected ${error.name}`; });
  await quiet();
  return what;
}

/** A UDP port of another machine, which logs what comes. */
async function peerOn(memory, port = 53, host = '10.0.0.9') {
  const peer = memory.host(host).bind({ address: null, port, reuse: false, loopback: false });
  peer.seen = [];
  peer.onmessage = (bytes, address, from) => {
    peer.seen.push(bytes.length > 40 ? bytes.length : text(bytes));
    peer.last = { address, port: from };
  };
  await new Promise((resolve) => { peer.onbound = resolve; });
  return peer;
}

/** A UDPSocket that is open; its datagrams are logged in `seen`. */
async function opened(target, options) {
  const socket = new target.UDPSocket(options);
  const seen = [];
  socket.addEventListener('message', ({ data, remoteAddress, remotePort }) => {
    seen.push(`${data.byteLength > 40 ? data.byteLength : text(data)} from ${remoteAddress}:${remotePort}`);
  });
  await socket.opened;
  return { socket, seen };
}

describe('exposure', () => {
  line(4, 'there in 2.5 and in Gecko, not in 3', EVERY, async ({ target, profile }) => {
    for (const name of ['UDPSocket', 'UDPMessageEvent']) {
      assert.equal(typeof target[name], profile.udp ? 'function' : 'undefined', name);
    }
  });

  test('4. a 3.x with UDP is a profile of one’s own; permissions stand for themselves', () => {
    const network = new MemoryNetwork();
    const cases = [
      [{ profile: { ...PROFILES.kaios3, udp: true } }, true, true],
      [{ profile: 'kaios25', permissions: ['tcp-socket'] }, true, false],
      [{ profile: 'kaios25', permissions: ['udp-socket'] }, false, true],
      [{ profile: 'kaios25', permissions: [] }, false, false],
    ];
    for (const [options, tcp, udp] of cases) {
      const target = { navigator: {} };
      const phone = install(target, { network, ...options });
      assert.deepEqual(['TCPSocket' in target, 'TCPServerSocket' in target, 'mozTCPSocket' in target.navigator, 'UDPSocket' in target],
        [tcp, tcp, tcp, udp]);
      phone.uninstall();
      assert.deepEqual([Object.keys(target), 'UDPSocket' in target], [['navigator'], false]);
    }
  });
});

describe('constructor', () => {
  line(54, 'port 0 and a localAddress that is no address are errors', UDP, async ({ target, phone }) => {
    const { UDPSocket } = target;
    for (const options of [
      { localPort: 0 }, { remotePort: 0 }, { localPort: 65536 }, { localPort: null },
      { localAddress: 'localhost' }, { localAddress: '' }, { localAddress: null }, { localAddress: '256.0.0.1' }, { localAddress: '[::1]' },
    ]) assert.throws(() => new UDPSocket(options), is('InvalidAccessError'), JSON.stringify(options));
    assert.throws(() => UDPSocket(), TypeError);
    assert.throws(() => new UDPSocket(5), TypeError);
    assert.equal(phone.udpSockets, 0);
  });

  line(54, 'what attributes say before it is open', UDP, async ({ target }) => {
    const { UDPSocket } = target;
    const all = ({ readyState, localAddress, localPort, remoteAddress, remotePort, addressReuse, loopback, onmessage }) => [
      readyState, localAddress, localPort, remoteAddress, remotePort, addressReuse, loopback, onmessage];
    const nothing = ['opening', null, null, null, null, true, false, null];
    for (const options of [undefined, null, {}, { unknown: 1 }]) assert.deepEqual(all(new UDPSocket(options)), nothing);
    assert.deepEqual(all(new UDPSocket({ localAddress: '127.0.0.1', localPort: 70000, remoteAddress: 'name', remotePort: 53, addressReuse: 0, loopback: 1 })),
      ['opening', '127.0.0.1', 4464, 'name', 53, false, true, null]);
    const socket = new UDPSocket();
    assert.ok(socket instanceof EventTarget);
    assert.deepEqual([String(socket), 'onerror' in socket], ['[object UDPSocket]', false]);
    assert.equal(new UDPSocket({ localAddress: '::1' }).localAddress, '::1');
  });
});

describe('opening', () => {
  line(55, 'opened resolves with nothing; address and port are the real ones', UDP, async ({ target, phone }) => {
    const socket = new target.UDPSocket();
    assert.equal(socket.opened, socket.opened);
    assert.equal(socket.closed, socket.closed);
    assert.equal(await socket.opened, undefined);
    assert.deepEqual([socket.readyState, socket.localAddress], ['open', '0.0.0.0']);
    assert.ok(socket.localPort > 0);
    const fixed = new target.UDPSocket({ localAddress: '127.0.0.1', localPort: 5353 });
    await fixed.opened;
    assert.deepEqual([fixed.localAddress, fixed.localPort], ['127.0.0.1', 5353]);
    assert.equal(phone.udpSockets, 2);
  });

  line(55, 'what cannot be bound rejects both', UDP, async ({ target, memory, network, phone }) => {
    await opened(target, { localPort: 5000, addressReuse: false });
    network.set('0.0.0.0:5002', 'port-in-use');
    for (const options of [
      { localPort: 5000, addressReuse: false }, { localPort: 5000 }, { localAddress: '127.0.0.1', localPort: 5000 },
      { localAddress: '203.0.113.9' }, { localPort: 5002 },
    ]) {
      const socket = new target.UDPSocket(options);
      const what = await Promise.all([outcome(socket.opened), outcome(socket.closed)]);
      assert.deepEqual(what, ['rejected NetworkError', 'rejected NetworkError'], JSON.stringify(options));
      assert.equal(socket.readyState, 'closed');
    }
    assert.equal(phone.udpSockets, 1);
    const other = await peerOn(memory, 5000);
    assert.ok(other, 'another machine has ports of its own');
  });

  line(55, 'with addressReuse on both sides a port is shared', UDP, async ({ target, memory }) => {
    const first = await opened(target, { localPort: 5000 });
    const second = await opened(target, { localPort: 5000 });
    const peer = await peerOn(memory);
    peer.send(Buffer.from('to whom'), '10.0.0.1', 5000);
    await quiet();
    assert.deepEqual([first.seen, second.seen], [[], ['to whom from 10.0.0.9:53']]);
  });
});

describe('sending', () => {
  line(56, 'not open is InvalidStateError, no destination InvalidAccessError', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const early = new target.UDPSocket({ remoteAddress: '10.0.0.9', remotePort: 53 });
    assert.throws(() => early.send('x'), is('InvalidStateError'));
    await early.opened;
    assert.throws(() => early.send(), TypeError);
    assert.equal(early.send('x'), true);
    await quiet();
    early.close();
    assert.throws(() => early.send('x'), is('InvalidStateError'));

    const { socket } = await opened(target);
    assert.throws(() => socket.send('x'), is('InvalidAccessError'));
    assert.throws(() => socket.send('x', '10.0.0.9'), is('InvalidAccessError'));
    assert.throws(() => socket.send('x', undefined, 53), is('InvalidAccessError'));
    assert.equal(socket.send('y', '10.0.0.9', 53), true);
    const half = await opened(target, { remoteAddress: '10.0.0.9' });
    assert.throws(() => half.socket.send('x'), is('InvalidAccessError'));
    assert.equal(half.socket.send('z', undefined, 53), true);
    const both = await opened(target, { remoteAddress: '10.0.0.9', remotePort: 53 });
    assert.equal(both.socket.send('default port', '10.0.0.9', null), true);
    await quiet();
    assert.deepEqual(peer.seen, ['x', 'y', 'z', 'default port']);
  });

  line(56, 'an empty address: the parent throws', PARENT, async ({ target }) => {
    const { socket } = await opened(target);
    for (const address of [null, '']) {
      assert.throws(() => socket.send('x', address, 53), (e) => !(e instanceof Error) && e.name === 'NS_ERROR_UNEXPECTED');
    }
    assert.equal(socket.readyState, 'open');
  });

  line(56, 'an empty address: the child loses the socket', UDP_CHILD, async ({ target, phone }) => {
    const { socket } = await opened(target);
    assert.equal(socket.send('x', null, 53), true);
    assert.equal(await outcome(socket.closed), 'rejected NetworkError');
    assert.deepEqual([socket.readyState, phone.udpSockets], ['closed', 0]);
  });

  line(57, 'strings as UTF-8, buffers, views as they lie, blobs, and anything else as text', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const { socket } = await opened(target, { remoteAddress: '10.0.0.9', remotePort: 53 });
    const abc = new TextEncoder().encode('abcdef');
    for (const data of ['é€', abc.buffer, abc, abc.subarray(1, 3), new DataView(abc.buffer, 2, 2), 5, null, {}]) assert.equal(socket.send(data), true);
    await quiet();
    assert.deepEqual(peer.seen, ['é€', 'abcdef', 'abcdef', 'bc', 'cd', '5', 'null', '[object Object]']);
    const shared = new SharedArrayBuffer(4);
    for (const data of [shared, new Uint8Array(shared)]) assert.throws(() => socket.send(data), TypeError);
    socket.send(new Blob(['bl', 'ob']));
    while (peer.seen.length < 9) await quiet();
    assert.equal(peer.seen[8], 'blob');
  });

  line(57, 'data is copied when it is sent', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const { socket } = await opened(target, { remoteAddress: '10.0.0.9', remotePort: 53 });
    const bytes = new TextEncoder().encode('before');
    for (const data of [bytes, bytes.buffer]) {
      bytes.set(Buffer.from('before'));
      socket.send(data);
      bytes.fill(0);
    }
    await quiet();
    assert.deepEqual(peer.seen, ['before', 'before']);
  });

  line(58, 'more than 1400 bytes leave in pieces', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const { socket } = await opened(target, { remoteAddress: '10.0.0.9', remotePort: 53 });
    for (const [size, pieces] of [[1400, [1400]], [1401, [1400, '\0']], [2800, [1400, 1400]], [4096, [1400, 1400, 1296]]]) {
      peer.seen.length = 0;
      assert.equal(socket.send(new ArrayBuffer(size)), true);
      await quiet();
      assert.deepEqual(peer.seen, pieces, String(size));
    }
  });

  line(59, 'an empty send is true and sends nothing', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const { socket } = await opened(target, { remoteAddress: '10.0.0.9', remotePort: 53 });
    for (const data of ['', new ArrayBuffer(0), new Uint8Array(0)]) assert.equal(socket.send(data), true);
    await quiet();
    assert.deepEqual(peer.seen, []);
  });

  line(60, 'what does not arrive is not heard of', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const { socket, seen } = await opened(target);
    for (const [address, port] of [['no such name', 53], ['10.0.0.9', 54], ['10.0.0.9', 0], ['::1', 53], ['192.0.2.7', 53]]) {
      assert.equal(socket.send('lost', address, port), true);
    }
    socket.send('good', '10.0.0.9', 53);
    await quiet();
    assert.deepEqual([peer.seen, seen, socket.readyState], [['good'], [], 'open']);
    assert.deepEqual(peer.last, { address: '10.0.0.1', port: socket.localPort });
  });

  line(60, 'to oneself, by each of its names', UDP, async ({ target }) => {
    const { socket, seen } = await opened(target, { localPort: 5000 });
    for (const address of ['127.0.0.1', 'localhost', '10.0.0.1']) socket.send(address, address, 5000);
    await quiet();
    assert.deepEqual(seen, ['127.0.0.1 from 127.0.0.1:5000', 'localhost from 127.0.0.1:5000', '10.0.0.1 from 10.0.0.1:5000']);
    const v6 = await opened(target, { localAddress: '::1', localPort: 5000 });
    v6.socket.send('six', '::1', 5000);
    await quiet();
    assert.deepEqual(v6.seen, ['six from ::1:5000']);
  });
});

describe('receiving', () => {
  line(61, 'always an ArrayBuffer, of 9216 bytes at most', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const socket = new target.UDPSocket({ localPort: 5000 });
    await socket.opened;
    const got = [];
    socket.onmessage = function handler(e) {
      assert.equal(this, socket);
      assert.ok(e instanceof target.UDPMessageEvent && e.target === socket && e.data instanceof ArrayBuffer);
      assert.deepEqual([String(e), e.bubbles, e.remoteAddress, e.remotePort], ['[object UDPMessageEvent]', false, '10.0.0.9', 53]);
      got.push(e.data.byteLength);
    };
    for (const size of [1, 1472, 9216, 9217, 65507]) peer.send(new Uint8Array(size), '10.0.0.1', 5000);
    await quiet();
    assert.deepEqual(got, [1, 1472, 9216, 9216, 9216]);
  });

  line(61, 'what comes before there is a listener is lost', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const socket = new target.UDPSocket({ localPort: 5000 });
    await socket.opened;
    peer.send(Buffer.from('early'), '10.0.0.1', 5000);
    await quiet();
    const message = event(socket, 'message');
    peer.send(Buffer.from('late'), '10.0.0.1', 5000);
    assert.equal(text((await message).data), 'late');
  });

  line(62, 'an empty datagram is one in Gecko, and the end of the socket in 2.5', UDP, async ({ target, memory, profile, phone }) => {
    const peer = await peerOn(memory);
    const { socket, seen } = await opened(target, { localPort: 5000 });
    peer.send(new Uint8Array(0), '10.0.0.1', 5000);
    await quiet();
    peer.send(Buffer.from('next'), '10.0.0.1', 5000);
    await quiet();
    if (profile.emptyDatagram === 'delivered') {
      assert.deepEqual(seen, [' from 10.0.0.9:53', 'next from 10.0.0.9:53']);
      assert.equal(socket.readyState, 'open');
    } else {
      assert.deepEqual([seen, socket.readyState, await outcome(socket.closed), phone.udpSockets], [[], 'closed', 'resolved undefined', 0]);
    }
  });

  test('62. in a parent process that takes it for an error, closed rejects', { timeout: 10_000 }, async (t) => {
    const memory = new MemoryNetwork();
    const target = { navigator: {} };
    const phone = install(target, { profile: { ...PROFILES.gecko, emptyDatagram: 'closes' }, network: memory });
    t.after(() => phone.uninstall());
    const peer = await peerOn(memory);
    const { socket } = await opened(target, { localPort: 5000 });
    peer.send(new Uint8Array(0), '10.0.0.1', 5000);
    assert.equal(await outcome(socket.closed), 'rejected NS_ERROR_ABORT');
  });

  line(63, 'remoteAddress and remotePort keep nobody out', UDP, async ({ target, memory }) => {
    const [peer, other] = [await peerOn(memory), await peerOn(memory, 99, '10.0.0.66')];
    const { socket, seen } = await opened(target, { remoteAddress: '10.0.0.9', remotePort: 53 });
    other.send(Buffer.from('stranger'), '10.0.0.1', socket.localPort);
    peer.send(Buffer.from('peer'), '10.0.0.1', socket.localPort);
    await quiet();
    assert.deepEqual(seen, ['stranger from 10.0.0.66:99', 'peer from 10.0.0.9:53']);
  });
});

describe('closing', () => {
  line(64, 'close() lets go what was sent', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const { socket } = await opened(target, { remoteAddress: '10.0.0.9', remotePort: 53 });
    socket.send('last');
    await socket.close();
    await quiet();
    assert.deepEqual(peer.seen, ['last']);
  });

  line(64, 'close() is the closed promise', UDP, async ({ target, phone, memory }) => {
    const { socket, seen } = await opened(target, { localPort: 5000 });
    const peer = await peerOn(memory);
    const promise = socket.close();
    assert.equal(promise, socket.closed);
    assert.equal(socket.readyState, 'closed');
    assert.equal(await promise, undefined);
    assert.equal(socket.close(), promise);
    peer.send(Buffer.from('late'), '10.0.0.1', 5000);
    await quiet();
    assert.deepEqual([seen, phone.udpSockets], [[], 0]);
    const again = await opened(target, { localPort: 5000, addressReuse: false });
    assert.equal(again.socket.readyState, 'open');
  });

  line(64, 'close() before open rejects opened with AbortError', UDP, async ({ target, phone }) => {
    const socket = new target.UDPSocket({ localPort: 5000 });
    const what = Promise.all([outcome(socket.opened), outcome(socket.closed)]);
    socket.close();
    assert.deepEqual(await what, ['rejected AbortError', 'resolved undefined']);
    assert.deepEqual([phone.udpSockets, socket.readyState], [0, 'closed']);
    await opened(target, { localPort: 5000, addressReuse: false });
  });

  line(64, 'a message that is under way to the page still comes after close()', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory);
    const { socket, seen } = await opened(target, { localPort: 5000 });
    const first = event(socket, 'message');
    peer.send(Buffer.from('one'), '10.0.0.1', 5000);
    peer.send(Buffer.from('two'), '10.0.0.1', 5000);
    await first;
    socket.close();
    assert.equal(socket.readyState, 'closed');
    await quiet();
    assert.deepEqual(seen, ['one from 10.0.0.9:53', 'two from 10.0.0.9:53']);
  });

  line(13, 'going offline ends those that are not bound to loopback', UDP, async ({ target, phone, profile }) => {
    const { socket } = await opened(target);
    const local = await opened(target, { localAddress: '127.0.0.1' });
    phone.offline = true;
    assert.equal(await outcome(socket.closed), profile.process === 'child' ? 'resolved undefined' : 'rejected NS_ERROR_ABORT');
    assert.deepEqual([socket.readyState, local.socket.readyState, phone.udpSockets], ['closed', 'open', 1]);
  });

  test('sockets go with the window, and nobody is told', { timeout: 10_000 }, async () => {
    for (const profile of UDP) {
      const memory = new MemoryNetwork();
      const target = Object.assign(new EventTarget(), { navigator: {} });
      const phone = install(target, { profile, network: memory });
      const { socket } = await opened(target, { localPort: 5000 });
      target.dispatchEvent(new Event('pagehide'));
      assert.deepEqual([await outcome(socket.closed), phone.udpSockets], ['pending', 0], profile);
      const { socket: next } = await opened(target, { localPort: 5000, addressReuse: false });
      assert.equal(next.readyState, 'open');
      phone.uninstall();
      assert.equal(target.UDPSocket, undefined);
    }
  });
});

describe('multicast', () => {
  const GROUP = '224.0.0.251';

  line(65, 'join and leave, before it is open and after', UDP, async ({ target, memory }) => {
    const peer = await peerOn(memory, 5353);
    const socket = new target.UDPSocket({ localPort: 5353 });
    const seen = [];
    socket.onmessage = ({ data, remoteAddress }) => seen.push(`${text(data)} from ${remoteAddress}`);
    assert.equal(socket.joinMulticastGroup(GROUP), undefined);
    await socket.opened;
    const say = async (what) => {
      await quiet();
      peer.send(Buffer.from(what), GROUP, 5353);
      await quiet();
    };
    await say('one');
    assert.equal(socket.leaveMulticastGroup(GROUP), undefined);
    await say('two');
    socket.joinMulticastGroup(GROUP);
    await say('three');
    assert.deepEqual(seen, ['one from 10.0.0.9', 'three from 10.0.0.9']);
    peer.join(GROUP);
    socket.send('reply', GROUP, 5353);
    await quiet();
    assert.deepEqual([peer.seen, seen.length], [['reply'], 2]);
    for (const method of ['joinMulticastGroup', 'leaveMulticastGroup']) assert.throws(() => socket[method](), TypeError);
  });

  line(65, 'loopback: one hears oneself', UDP, async ({ target }) => {
    const heard = [];
    for (const loopback of [false, true]) {
      const { socket, seen } = await opened(target, { localPort: 5353, loopback });
      socket.joinMulticastGroup(GROUP);
      await quiet();
      socket.send('echo', GROUP, 5353);
      await quiet();
      heard.push(seen.length);
      socket.close();
    }
    assert.deepEqual(heard, [0, 1]);
  });

  line(65, 'after close() both throw InvalidStateError', UDP, async ({ target }) => {
    const { socket } = await opened(target);
    socket.close();
    for (const method of ['joinMulticastGroup', 'leaveMulticastGroup']) assert.throws(() => socket[method](GROUP), is('InvalidStateError'));
  });

  line(65, 'what is no address: the parent throws', PARENT, async ({ target }) => {
    const { socket } = await opened(target);
    for (const method of ['joinMulticastGroup', 'leaveMulticastGroup']) {
      assert.throws(() => socket[method]('bad'), isFailure);
      assert.throws(() => socket[method](''), (e) => e.name === 'NS_ERROR_ILLEGAL_VALUE');
      assert.equal(socket[method]('10.0.0.1'), undefined, 'an address of one host is taken');
    }
    assert.equal(socket.readyState, 'open');
    const early = new target.UDPSocket();
    early.joinMulticastGroup('bad');
    assert.deepEqual(await Promise.all([outcome(early.opened), outcome(early.closed)]), ['rejected NetworkError', 'rejected NetworkError']);
  });

  line(65, 'what is no address: the child loses the socket', UDP_CHILD, async ({ target, phone }) => {
    const { socket } = await opened(target);
    assert.equal(socket.joinMulticastGroup('bad'), undefined);
    assert.equal(socket.readyState, 'open');
    assert.equal(await outcome(socket.closed), 'rejected NetworkError');
    const early = new target.UDPSocket();
    early.leaveMulticastGroup('bad');
    assert.deepEqual(await Promise.all([outcome(early.opened), outcome(early.closed)]), ['resolved undefined', 'rejected NetworkError']);
    assert.equal(phone.udpSockets, 0);
  });
});

describe('garbage', () => {
  line(66, 'a socket that nobody refers to is closed, handlers or not', UDP, async ({ target, phone, memory }) => {
    const kept = await opened(target, { localPort: 5001 });
    let closed;
    await (async () => {
      const { socket } = await opened(target, { localPort: 5000 });
      socket.onmessage = () => {};
      ({ closed } = socket);
    })();
    assert.equal(phone.udpSockets, 2);
    assert.equal(await phone.collectGarbage(), 1);
    assert.deepEqual([phone.udpSockets, kept.socket.readyState], [1, 'open']);
    assert.equal(await outcome(closed), 'resolved undefined');
    const peer = await peerOn(memory);
    peer.send(Buffer.from('alive'), '10.0.0.1', 5001);
    await quiet();
    assert.deepEqual(kept.seen, ['alive from 10.0.0.9:53']);
    await opened(target, { localPort: 5000, addressReuse: false });
  });
});
