// The networks behind the sockets: in memory, and with faults.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FAULTS, FaultyNetwork, install, MemoryNetwork, Tunnel } from './index.js';

const limit = { timeout: 10_000 };
const KERNEL = 256 * 1024;
const event = (target, type) => new Promise((resolve) => { target.addEventListener(type, resolve, { once: true }); });

async function quiet() {
  for (let i = 0; i < 60; i++) await new Promise(setImmediate);
}

function phoneOn(t, network) {
  const target = { navigator: {} };
  const phone = install(target, { network });
  t.after(() => phone.uninstall());
  return {
    phone,
    open: (host, port, options) => target.navigator.mozTCPSocket.open(host, port, { binaryType: 'arraybuffer', ...options }),
  };
}

/** Event names, with the text of data and the name of errors. */
function record(socket) {
  const seen = [];
  for (const type of ['open', 'data', 'drain', 'error', 'close']) {
    socket.addEventListener(type, (e) => {
      if (type === 'data') seen.push(Buffer.from(e.data).toString('latin1'));
      else seen.push(type === 'error' ? `${e.name}/${e.message}` : type);
    });
  }
  return seen;
}

describe('MemoryNetwork', () => {
  test('a peer knows what was asked for', limit, async (t) => {
    const network = new MemoryNetwork();
    const { open } = phoneOn(t, network);
    const accepted = new Promise((resolve) => { network.listen('mail.example:993', resolve); });
    open('mail.example', 993, { useSecureTransport: true });
    const peer = await accepted;
    assert.deepEqual([peer.host, peer.port, peer.secure], ['mail.example', 993, true]);
  });

  test('listen replaces, and close() ends it', limit, async (t) => {
    const network = new MemoryNetwork();
    const { open } = phoneOn(t, network);
    const first = network.listen('h:1', (peer) => peer.write('first'));
    const second = network.listen('h:1', (peer) => peer.write('second'));
    first.close();
    const socket = open('h', 1);
    assert.equal(Buffer.from((await event(socket, 'data')).data).toString(), 'second');
    second.close();
    assert.equal((await event(open('h', 1), 'error')).name, 'ConnectionRefusedError');
  });

  test('write copies, says when it has to wait, and drains', limit, async (t) => {
    const network = new MemoryNetwork();
    const { open } = phoneOn(t, network);
    const accepted = new Promise((resolve) => { network.listen('h:1', resolve); });
    const socket = open('h', 1);
    const peer = await accepted;
    socket.suspend();
    await quiet();
    const bytes = new TextEncoder().encode('hello');
    assert.equal(peer.write(bytes), true);
    bytes.fill(0);
    let full = 5;
    while (peer.write(new Uint8Array(50_000))) full += 50_000;
    assert.ok(peer.bufferedAmount > 0);
    const drained = new Promise((resolve) => { peer.ondrain = resolve; });
    let text = '';
    let received = 0;
    socket.ondata = ({ data }) => {
      if (text === '') text = Buffer.from(data, 0, 5).toString();
      received += data.byteLength;
    };
    socket.resume();
    await drained;
    await quiet();
    assert.deepEqual([peer.bufferedAmount, text, received], [0, 'hello', full + 50_000]);
  });

  test('pair connects the nth with the nth, and no dial waits', limit, async (t) => {
    const network = new MemoryNetwork();
    network.pair('a:1', 'b:2');
    const { open, phone } = phoneOn(t, network);
    const first = open('a', 1);
    await event(first, 'open');
    first.send('one');
    const second = open('a', 1);
    await event(second, 'open');
    second.send('two');
    await quiet();
    for (const expected of ['one', 'two']) {
      const other = open('b', 2);
      const seen = record(other);
      await event(other, 'data');
      assert.deepEqual(seen, ['open', expected]);
      other.send(`re: ${expected}`);
      const mine = expected === 'one' ? first : second;
      assert.equal(Buffer.from((await event(mine, 'data')).data).toString(), `re: ${expected}`);
      mine.close();
      await event(other, 'close');
    }
    await quiet();
    assert.equal(phone.sockets.size, 0);
    const b = open('b', 2);
    await event(b, 'open');
    b.close();
    await event(b, 'close');
    const a = open('a', 1);
    await event(a, 'close');
  });

  test('pair: who does not read keeps drain away, within bounds', limit, async (t) => {
    const network = new MemoryNetwork();
    network.pair('a:1', 'b:2');
    const { open } = phoneOn(t, network);
    const [writer, reader] = [open('a', 1), open('b', 2)];
    await Promise.all([event(writer, 'open'), event(reader, 'open')]);
    reader.suspend();
    await quiet();
    let drains = 0;
    writer.ondrain = () => drains++;
    let sent = 0;
    let before;
    do {
      before = drains;
      while (writer.send(new ArrayBuffer(60_000))) sent += 60_000;
      sent += 60_000;
      await quiet();
    } while (drains > before);
    assert.ok(sent > KERNEL && sent < 393216 + 3 * KERNEL, String(sent));
    let received = 0;
    reader.ondata = ({ data }) => { received += data.byteLength; };
    const drained = event(writer, 'drain');
    reader.resume();
    await drained;
    await quiet();
    assert.equal(received, sent);
  });

  test('20000 sends in one turn arrive in order', limit, async (t) => {
    const network = new MemoryNetwork();
    network.pair('a:1', 'b:2');
    const { open } = phoneOn(t, network);
    const [writer, reader] = [open('a', 1), open('b', 2)];
    await Promise.all([event(writer, 'open'), event(reader, 'open')]);
    let next = 0;
    const all = new Promise((resolve) => {
      reader.ondata = ({ data }) => {
        for (const byte of new Uint8Array(data)) assert.equal(byte, next++ & 255);
        if (next === 20_000) resolve();
      };
    });
    for (let i = 0; i < 20_000; i++) writer.send(String.fromCharCode(i & 255));
    await all;
  });
});

describe('FaultyNetwork', () => {
  /** A socket to a server that greets, echoes, and is spoiled. */
  async function spoiled(t, fault, { greeting = '* OK first line\r\n* OK second line\r\n', options } = {}) {
    const memory = new MemoryNetwork();
    const network = new FaultyNetwork(memory);
    network.set('h:1', fault);
    const server = { received: 0, ended: false, wasReset: false, connections: 0 };
    memory.listen('h:1', (peer) => {
      server.connections++;
      server.peer = peer;
      peer.ondata = (data) => {
        server.received += data.length;
        peer.write(data);
      };
      peer.onend = () => { server.ended = true; };
      peer.onreset = () => { server.wasReset = true; };
      peer.write(greeting);
    });
    const { open, phone } = phoneOn(t, network);
    const socket = open('h', 1, options);
    const seen = record(socket);
    return { socket, seen, server, network, open, phone };
  }

  test('every fault has a name, a line and what it applies to', () => {
    const network = new FaultyNetwork(new MemoryNetwork());
    const operations = ['dial', 'read', 'write', 'idle', 'close', 'accept', 'datagram'];
    assert.equal(Object.keys(FAULTS).length, 24);
    for (const [name, { about, applies, tls }] of Object.entries(FAULTS)) {
      assert.match(about, /^[A-Z][^\n]+\.$/, name);
      assert.ok(applies.length > 0 && applies.every((operation) => operations.includes(operation)), name);
      assert.deepEqual(applies, operations.filter((operation) => applies.includes(operation)), `${name}: in one order`);
      assert.equal(tls, ['certificate-error', 'handshake-error'].includes(name), name);
      network.set('h:1', name);
      network.set('h:1', { name });
    }
    for (const operation of operations) assert.ok(Object.values(FAULTS).some(({ applies }) => applies.includes(operation)), operation);
    for (const wrong of ['reset', 'toString', { name: 'none' }]) assert.throws(() => network.set('h:1', wrong), RangeError);
  });

  test('an address of its own wins over *, null takes it back, open connections keep theirs', limit, async (t) => {
    const { socket, network, open, seen } = await spoiled(t, null);
    await event(socket, 'data');
    network.set('*', 'refused');
    assert.equal((await event(open('h', 1), 'error')).name, 'ConnectionRefusedError');
    network.set('h:1', { name: 'silent' });
    await event(open('h', 1), 'open');
    network.set('h:1', null);
    assert.equal((await event(open('h', 1), 'error')).name, 'ConnectionRefusedError');
    network.set('*', null);
    await event(open('h', 1), 'data');
    socket.send('x');
    await event(socket, 'data');
    assert.deepEqual(seen.at(-1), 'x');
  });

  test('refused', limit, async (t) => {
    const { socket, seen, server } = await spoiled(t, 'refused');
    await event(socket, 'close');
    assert.deepEqual([seen, server.connections], [['ConnectionRefusedError/Network', 'close'], 0]);
  });

  test('black-hole', limit, async (t) => {
    const { socket, seen, server } = await spoiled(t, 'black-hole');
    await quiet();
    assert.deepEqual([seen, server.connections, socket.readyState], [[], 0, 'connecting']);
    socket.close();
    await event(socket, 'close');
  });

  test('silent', limit, async (t) => {
    const { socket, seen, server } = await spoiled(t, 'silent');
    await event(socket, 'open');
    socket.send('hello?');
    await quiet();
    server.peer.end();
    await quiet();
    server.peer.reset();
    await quiet();
    assert.deepEqual([seen, server.received, socket.readyState], [['open'], 6, 'open']);
    const after = await spoiled(t, { name: 'silent', bytes: 4 });
    await event(after.socket, 'data');
    await quiet();
    assert.deepEqual(after.seen, ['open', '* OK']);
    after.socket.close();
    await event(after.socket, 'close');
    assert.equal(after.phone.sockets.size, 0);
  });

  for (const [fault, text] of [['reset-mid-line', '* OK first line\r\n* O'], [{ name: 'reset-mid-line', bytes: 3 }, '* O'], [{ name: 'reset-mid-line', bytes: 0 }, undefined]]) {
    test(`reset-mid-line ${fault.bytes ?? ''}`, limit, async (t) => {
      const { socket, seen, server } = await spoiled(t, fault);
      await event(socket, 'close');
      assert.deepEqual(seen, ['open', ...(text ? [text] : []), 'NetworkError/Network', 'close']);
      await quiet();
      assert.equal(server.wasReset, true);
    });
  }

  test('fin-with-data-pending', limit, async (t) => {
    const { socket, seen, server } = await spoiled(t, { name: 'fin-with-data-pending', bytes: 5, hold: 10 }, { greeting: '' });
    await event(socket, 'open');
    socket.send('12345');
    await event(socket, 'data');
    assert.equal(socket.send(new ArrayBuffer(100_000)), false);
    await event(socket, 'drain');
    await quiet();
    assert.deepEqual(seen, ['open', '12345', 'drain']);
    assert.deepEqual([server.received, socket.readyState], [100_005, 'open']);
  });

  test('one-byte-at-a-time', limit, async (t) => {
    const { socket, seen } = await spoiled(t, 'one-byte-at-a-time', { greeting: '* OK\r\n' });
    while (seen.length < 7) await event(socket, 'data');
    assert.deepEqual(seen, ['open', '*', ' ', 'O', 'K', '\r', '\n']);
  });

  test('big-chunks', limit, async (t) => {
    const { socket, server } = await spoiled(t, { name: 'big-chunks', quiet: 60_000 }, { greeting: '' });
    await event(socket, 'open');
    const sizes = [];
    socket.ondata = ({ data }) => sizes.push(data.byteLength);
    for (let i = 0; i < 80; i++) {
      server.peer.write(new Uint8Array(12 * 1024));
      await new Promise(setImmediate);
    }
    server.peer.end();
    await event(socket, 'close');
    assert.deepEqual(sizes, [384 * 1024, 384 * 1024, 192 * 1024]);
  });

  test('big-chunks hands on what it has when the server falls silent', limit, async (t) => {
    const { socket, seen, server } = await spoiled(t, 'big-chunks', { greeting: '' });
    await event(socket, 'open');
    server.peer.write('first');
    await event(socket, 'data');
    server.peer.write('last');
    server.peer.end();
    await event(socket, 'close');
    assert.deepEqual(seen, ['open', 'first', 'last', 'close']);
  });

  test('big-chunks holds nothing back from a reset, nor through a suspend', limit, async (t) => {
    const { socket, seen, server } = await spoiled(t, { name: 'big-chunks', quiet: 60_000 }, { greeting: '' });
    await event(socket, 'open');
    socket.suspend();
    await quiet();
    for (let i = 0; i < 200; i++) server.peer.write(new Uint8Array(10_000));
    await quiet();
    assert.deepEqual(seen, ['open']);
    assert.ok(server.peer.bufferedAmount > 0);
    socket.resume();
    while (seen.slice(1).join('').length < 3 * 384 * 1024) await event(socket, 'data');
    server.peer.reset();
    await event(socket, 'close');
    assert.deepEqual(seen.slice(-2), ['NetworkError/Network', 'close']);
  });

  test('slow-drain', limit, async (t) => {
    const { socket, server } = await spoiled(t, { name: 'slow-drain', bytes: 10_000, every: 1 }, { greeting: '' });
    await event(socket, 'open');
    assert.equal(socket.send(new ArrayBuffer(100_000)), false);
    await quiet();
    const { received } = server;
    assert.ok(received >= 10_000 && received < 100_000, String(received));
    await event(socket, 'drain');
    await quiet();
    assert.equal(server.received, 100_000);
  });

  test('certificate-error', limit, async (t) => {
    const secure = await spoiled(t, 'certificate-error', { options: { useSecureTransport: true } });
    await event(secure.socket, 'close');
    assert.deepEqual(secure.seen, ['open', 'SecurityError/SecurityCertificate', 'close']);
    const plain = await spoiled(t, 'certificate-error', { greeting: 'hi' });
    await event(plain.socket, 'data');
    plain.socket.upgradeToSecure();
    await event(plain.socket, 'close');
    assert.deepEqual(plain.seen, ['open', 'hi', 'SecurityError/SecurityCertificate', 'close']);
  });

  test('cut counts both directions', limit, async (t) => {
    const { socket, seen, server } = await spoiled(t, { name: 'cut', bytes: 10 }, { greeting: '12345' });
    await event(socket, 'data');
    socket.send('abc');
    await event(socket, 'close');
    await quiet();
    assert.deepEqual(seen, ['open', '12345', 'ab', 'NetworkError/Network', 'close']);
    assert.deepEqual([server.received, server.wasReset], [3, true]);
  });

  test('garbage is as long, other than sent, and the same each time', limit, async (t) => {
    const texts = [];
    for (const fault of ['garbage', 'garbage', { name: 'garbage', seed: 2 }]) {
      const { socket, seen } = await spoiled(t, fault, { greeting: '* OK ready\r\n' });
      await event(socket, 'data');
      texts.push(seen[1]);
    }
    assert.equal(texts[0].length, 12);
    assert.notEqual(texts[0], '* OK ready\r\n');
    assert.equal(texts[0], texts[1]);
    assert.notEqual(texts[0], texts[2]);
  });
});

describe('FaultyNetwork, connections', () => {
  /** Dials h:1 through a fault; `peer` is the server's end. */
  async function dialed(t, fault, options) {
    const memory = new MemoryNetwork();
    const network = new FaultyNetwork(memory);
    network.set('h:1', fault);
    const { open } = phoneOn(t, network);
    const accepted = new Promise((resolve) => { memory.listen('h:1', resolve); });
    const socket = open('h', 1, options);
    const seen = record(socket);
    return { socket, seen, peer: await accepted };
  }

  test('slow-dial', limit, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { socket, seen, peer } = await dialed(t, { name: 'slow-dial', delay: 100 });
    peer.write('hello');
    await quiet();
    t.mock.timers.tick(99);
    await quiet();
    assert.deepEqual([seen, socket.readyState], [[], 'connecting']);
    t.mock.timers.tick(1);
    await quiet();
    assert.deepEqual(seen, ['open', 'hello']);
    const given = await dialed(t, 'slow-dial');
    given.socket.close();
    await quiet();
    t.mock.timers.tick(1000);
    await quiet();
    assert.deepEqual(given.seen, ['ConnectionRefusedError/Network', 'close']);
  });

  test('fin-mid-line', limit, async (t) => {
    const { socket, seen, peer } = await dialed(t, { name: 'fin-mid-line', bytes: 7 });
    peer.write('* OK ');
    peer.write('ready and waiting');
    await event(socket, 'close');
    assert.equal(seen.join('|').replace('OK |', 'OK '), 'open|* OK re|close');
  });

  for (const [fault, end] of [['reset-when-idle', ['NetworkError/Network', 'close']], ['fin-when-idle', ['close']]]) {
    test(fault, limit, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const { socket, seen, peer } = await dialed(t, { name: fault, quiet: 100 });
      await quiet();
      for (const speak of [() => peer.write('there'), () => socket.send('here')]) {
        t.mock.timers.tick(99);
        speak();
        await quiet();
      }
      t.mock.timers.tick(99);
      await quiet();
      assert.deepEqual(seen, ['open', 'there']);
      t.mock.timers.tick(1);
      await quiet();
      assert.deepEqual(seen, ['open', 'there', ...end]);
    });
  }

  test('stalled-output', limit, async (t) => {
    const { socket, seen, peer } = await dialed(t, { name: 'stalled-output', bytes: 5 });
    await quiet();
    let received = '';
    peer.ondata = (data) => { received += Buffer.from(data); };
    socket.send('123456789');
    socket.close();
    await quiet();
    assert.deepEqual([received, seen, socket.readyState], ['12345', ['open'], 'closing']);
  });

  test('handshake-error', limit, async (t) => {
    const { socket, seen } = await dialed(t, 'handshake-error', { useSecureTransport: true });
    await event(socket, 'close');
    assert.deepEqual(seen, ['open', 'SecurityError/SecurityProtocol', 'close']);
  });
});

describe('FaultyNetwork, listening', () => {
  /** A phone that listens behind a fault, and a machine that dials it. */
  async function listening(t, fault) {
    const memory = new MemoryNetwork();
    const network = new FaultyNetwork(memory);
    network.set('0.0.0.0:8080', fault);
    const target = { navigator: {} };
    const phone = install(target, { network });
    t.after(() => phone.uninstall());
    const server = target.navigator.mozTCPSocket.listen(8080, { binaryType: 'arraybuffer' }, 5);
    await quiet();
    const dial = () => {
      const link = memory.host('10.0.0.9').connect({ host: '10.0.0.1', port: 8080, tls: false });
      link.seen = [];
      link.onconnect = () => link.seen.push('connect');
      link.ondata = (data) => link.seen.push(Buffer.from(data).toString('latin1'));
      link.onend = () => link.seen.push('end');
      link.onerror = (kind) => link.seen.push(kind);
      return link;
    };
    return { network, phone, server, dial };
  }

  test('port-in-use', limit, async (t) => {
    const { phone, dial } = await listening(t, 'port-in-use');
    const link = dial();
    await quiet();
    assert.deepEqual([link.seen, phone.servers.size], [['refused'], 0]);
  });

  test('listener-dies, at once or after some', limit, async (t) => {
    for (const connections of [0, 2]) {
      const { phone, server, dial } = await listening(t, { name: 'listener-dies', connections });
      const sockets = [];
      server.onconnect = ({ socket }) => sockets.push(socket);
      const links = [];
      for (let i = 0; i < 3; i++) {
        links.push(dial());
        await quiet();
      }
      assert.deepEqual(links.map(({ seen }) => seen[0]), [0, 1, 2].map((i) => (i < connections ? 'connect' : 'refused')));
      assert.deepEqual(sockets.map(({ readyState }) => readyState), Array(connections).fill('open'));
      assert.equal(phone.servers.size, 0);
    }
  });

  const accepted = Object.entries(FAULTS).filter(([name, { applies }]) => applies.includes('accept') && !['port-in-use', 'listener-dies'].includes(name));
  const spoiled = {
    silent: ['open'],
    'reset-mid-line': ['1234567890abcdefghij', 'NetworkError/Network', 'close'],
    'fin-mid-line': ['1234567890abcdefghij', 'close'],
    'reset-when-idle': ['1234567890abcdefghijklmnopqrstuvwxyz', 'NetworkError/Network', 'close'],
    'fin-when-idle': ['1234567890abcdefghijklmnopqrstuvwxyz', 'close'],
    'one-byte-at-a-time': [...'1234567890abcdefghijklmnopqrstuvwxyz'],
    'big-chunks': ['1234567890abcdefghijklmnopqrstuvwxyz'],
    cut: ['1234567890', 'NetworkError/Network', 'close'],
  };
  for (const [name] of accepted) {
    test(`an accepted connection has its listener's: ${name}`, limit, async (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const { server, dial } = await listening(t, name === 'cut' ? { name, bytes: 10 } : name);
      const connected = event(server, 'connect');
      const link = dial();
      const { socket } = await connected;
      const seen = record(socket);
      const told = spoiled[name];
      if (told || name === 'garbage') {
        link.write(Buffer.from('1234567890abcdefghijklmnopqrstuvwxyz'));
        await quiet();
        t.mock.timers.tick(100);
        await quiet();
        if (name === 'garbage') assert.ok(seen[0].length === 36 && !seen[0].startsWith('1234'));
        else assert.deepEqual(seen, name === 'silent' ? [] : told);
        return;
      }
      // The faults of what is written.
      socket.send(new ArrayBuffer(2000));
      await quiet();
      const left = link.seen.slice(1).join('').length;
      assert.equal(left, { 'fin-with-data-pending': 0, 'slow-drain': 1024, 'stalled-output': 0 }[name], name);
    });
  }
});

describe('FaultyNetwork, datagrams', () => {
  const forged = (text) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) ^ 0xff);
  const from = (...texts) => texts.map((text) => `${text} from 10.0.0.9:53`);
  /** What becomes of four datagrams out and four back. */
  const cases = {
    'black-hole': [[], []],
    silent: [['a', 'b', 'c', 'd'], []],
    'datagram-loss': [['a', 'c'], from('1', '3')],
    'datagram-duplicate': [['a', 'a', 'b', 'b', 'c', 'c', 'd', 'd'], from('1', '1', '2', '2', '3', '3', '4', '4')],
    'datagram-reorder': [['b', 'a', 'd', 'c'], from('2', '1', '4', '3')],
    'datagram-from-stranger': [['a', 'b', 'c', 'd'], ['1', '2', '3', '4'].flatMap((text) => [`${forged(text)} from 192.0.2.1:9`, ...from(text)])],
    'datagram-empty': [['a', 'b', 'c', 'd'], from('', '1', '', '2', '', '3', '', '4')],
  };

  /** A phone of Gecko's kind on 10.0.0.1:5000, and another machine. */
  async function datagrams(t, fault, address = '10.0.0.9:53') {
    const memory = new MemoryNetwork();
    const network = new FaultyNetwork(memory);
    network.set(address, fault);
    const target = { navigator: {} };
    const phone = install(target, { profile: 'gecko', network });
    t.after(() => phone.uninstall());
    const socket = new target.UDPSocket({ localPort: 5000, remoteAddress: '10.0.0.9', remotePort: 53 });
    const received = [];
    socket.onmessage = ({ data, remoteAddress, remotePort }) => received.push(`${Buffer.from(data).toString('latin1')} from ${remoteAddress}:${remotePort}`);
    const peer = memory.host('10.0.0.9').bind({ address: null, port: 53, reuse: false, loopback: false });
    const sent = [];
    peer.onmessage = (bytes) => sent.push(Buffer.from(bytes).toString('latin1'));
    const reply = (text) => peer.send(Buffer.from(text, 'latin1'), '10.0.0.1', 5000);
    return { socket, sent, received, reply, network };
  }

  for (const [name, expected] of Object.entries(cases)) {
    test(name, limit, async (t) => {
      const { socket, sent, received, reply } = await datagrams(t, name);
      await socket.opened;
      for (const text of 'abcd') socket.send(text);
      await quiet();
      for (const text of '1234') reply(text);
      await quiet();
      assert.deepEqual([sent, received], expected);
    });
  }

  test('garbage', limit, async (t) => {
    const { socket, sent, received, reply } = await datagrams(t, 'garbage');
    await socket.opened;
    socket.send('question');
    reply('the answer');
    await quiet();
    assert.deepEqual(sent, ['question']);
    assert.equal(received[0].length, from('the answer')[0].length);
    assert.notEqual(received[0], from('the answer')[0]);
  });

  test('port-in-use', limit, async (t) => {
    const { socket } = await datagrams(t, 'port-in-use', '0.0.0.0:5000');
    await assert.rejects(socket.opened, { name: 'NetworkError' });
    await assert.rejects(socket.closed, { name: 'NetworkError' });
  });

  test('datagram-reorder lets the last one go, and nothing after close()', limit, async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { socket, sent, received, reply } = await datagrams(t, 'datagram-reorder');
    await socket.opened;
    socket.send('alone');
    await quiet();
    assert.deepEqual(sent, []);
    t.mock.timers.tick(25);
    await quiet();
    assert.deepEqual(sent, ['alone']);
    reply('late');
    await quiet();
    socket.close();
    t.mock.timers.tick(25);
    await quiet();
    assert.deepEqual(received, []);
  });

  test('datagram-loss loses all if asked to, and each datagram goes by what is set', limit, async (t) => {
    const { socket, sent, network } = await datagrams(t, { name: 'datagram-loss', every: 1 });
    await socket.opened;
    socket.send('lost');
    await quiet();
    network.set('10.0.0.9:53', null);
    network.set('*', 'datagram-duplicate');
    socket.send('twice');
    await quiet();
    assert.deepEqual(sent, ['twice', 'twice']);
  });
});

describe('MemoryNetwork, datagrams', () => {
  test('a socket that is too far behind loses what comes', limit, async () => {
    const memory = new MemoryNetwork();
    const [a, b] = ['10.0.0.2', '10.0.0.3'].map((address) => memory.host(address).bind({ address: null, port: 9, reuse: false, loopback: false }));
    let received = 0;
    b.onmessage = () => received++;
    await quiet();
    for (let i = 0; i < 200; i++) a.send(new Uint8Array(65507), '10.0.0.3', 9);
    a.send(new Uint8Array(65508), '10.0.0.3', 9);
    for (let i = 0; i < 10; i++) await quiet();
    assert.equal(received, Math.floor((4 << 20) / 65507));
    a.send(new Uint8Array(1), '10.0.0.3', 9);
    await quiet();
    assert.equal(received, Math.floor((4 << 20) / 65507) + 1);
    a.close();
    a.send(new Uint8Array(1), '10.0.0.3', 9);
    await quiet();
    assert.equal(received, Math.floor((4 << 20) / 65507) + 1);
  });
});

describe('Tunnel', () => {
  // The relay's own tests drive it against real servers; here is what no relay does.
  class FakeWebSocket {
    static last;
    readyState = 0;
    sent = [];
    constructor(url) {
      this.url = url;
      FakeWebSocket.last = this;
    }

    send(data) { this.sent.push(typeof data === 'string' ? JSON.parse(data) : data.length); }
    close() {
      this.readyState = 3;
      this.onclose?.();
    }

    tell(message) {
      this.readyState = 1;
      this.onmessage({ data: JSON.stringify(message) });
    }
  }

  function dial(t, options) {
    const { open, phone } = phoneOn(t, new Tunnel('ws://127.0.0.1:1/', { WebSocket: FakeWebSocket }));
    const socket = open('mail.example', 993, options);
    return { socket, phone, seen: record(socket) };
  }

  test('asks by the address', limit, async (t) => {
    dial(t, { useSecureTransport: true });
    await quiet();
    assert.equal(FakeWebSocket.last.url, 'ws://127.0.0.1:1/?host=mail.example&port=993&tls=1');
    assert.throws(() => new Tunnel('no url', { WebSocket: FakeWebSocket }));
    assert.throws(() => new Tunnel('ws://127.0.0.1:1/', { WebSocket: null }), TypeError);
  });

  test('a relay that is not there is a refusal', limit, async (t) => {
    const { socket, seen } = dial(t);
    await quiet();
    FakeWebSocket.last.close();
    await event(socket, 'close');
    assert.deepEqual(seen, ['ConnectionRefusedError/Network', 'close']);
  });

  test('sends within its credit only, and nothing before the handshake', limit, async (t) => {
    const { socket } = dial(t, { useSecureTransport: true });
    await quiet();
    const page = FakeWebSocket.last;
    page.tell({ type: 'open' });
    await quiet();
    socket.send(new ArrayBuffer(KERNEL + 100));
    await quiet();
    assert.deepEqual(page.sent, []);
    page.tell({ type: 'secure' });
    await quiet();
    assert.deepEqual(page.sent, [KERNEL]);
    page.tell({ type: 'credit', bytes: 60 });
    page.tell({ type: 'credit', bytes: 60 });
    const drained = event(socket, 'drain');
    await drained;
    assert.deepEqual(page.sent, [KERNEL, 100]);
  });

  test('gives credit as it reads, none while suspended; too much is a reset', limit, async (t) => {
    const { socket, seen } = dial(t);
    await quiet();
    const page = FakeWebSocket.last;
    page.tell({ type: 'open' });
    await quiet();
    socket.suspend();
    await quiet();
    const more = (size) => page.onmessage({ data: new ArrayBuffer(size) });
    for (let i = 0; i < 10; i++) more(65536);
    assert.deepEqual(page.sent.length, 6, 'the pipe takes 384 KiB before it is full');
    socket.resume();
    await event(socket, 'data');
    await quiet();
    assert.equal(page.sent.reduce((sum, { bytes }) => sum + bytes, 0), 655360);
    socket.suspend();
    await quiet();
    for (let i = 0; i < 11; i++) more(65536);
    socket.resume();
    await event(socket, 'close');
    assert.deepEqual(seen.slice(-2), ['NetworkError/Network', 'close']);
  });

  test('closing says end and waits for the relay; uninstalling too', limit, async (t) => {
    const { socket, phone } = dial(t);
    await quiet();
    const page = FakeWebSocket.last;
    page.tell({ type: 'open' });
    await quiet();
    socket.close();
    await event(socket, 'close');
    assert.deepEqual([page.sent, page.readyState, phone.sockets.size], [[{ type: 'end' }], 1, 0]);
    const other = dial(t);
    await quiet();
    other.phone.uninstall();
    assert.equal(FakeWebSocket.last.readyState, 3);
    await quiet();
    assert.deepEqual(other.seen, []);
  });

  test('an accepted connection is open from the start: who ends it at once ends it when it is', limit, async () => {
    const listener = new Tunnel('ws://127.0.0.1:1/', { WebSocket: FakeWebSocket }).listen({ port: 8080, backlog: 5, now: false });
    const control = FakeWebSocket.last;
    assert.equal(control.url, 'ws://127.0.0.1:1/?listen=8080&backlog=5');
    const seen = [];
    listener.onlisten = () => seen.push(listener.port);
    control.tell({ type: 'listening', port: 8080 });
    const accepted = [];
    listener.onconnect = (link, peer) => {
      link.onconnect = () => seen.push('connect');
      link.onerror = (kind) => seen.push(kind);
      accepted.push(link);
      seen.push(peer);
    };
    control.tell({ type: 'connect', id: 'abc', host: '127.0.0.1', port: 5 });
    assert.deepEqual(seen, [8080, { host: '127.0.0.1', port: 5 }]);
    const first = FakeWebSocket.last;
    assert.equal(first.url, 'ws://127.0.0.1:1/?accept=abc');
    assert.equal(accepted[0].write(new Uint8Array(5)), 0);
    accepted[0].end();
    assert.deepEqual([first.sent, first.readyState], [[], 0]);
    first.tell({ type: 'open' });
    assert.deepEqual(first.sent, [{ type: 'end' }]);
    control.tell({ type: 'connect', id: 'def', host: '127.0.0.1', port: 6 });
    FakeWebSocket.last.close();
    assert.deepEqual(seen.slice(2), [{ host: '127.0.0.1', port: 6 }, 'reset']);
    listener.onerror = () => seen.push('over');
    control.tell({ type: 'error' });
    assert.deepEqual([listener.failed, seen.at(-1), control.readyState], [true, 'over', 3]);
  });

  test('who cannot wait is answered by a synchronous request', limit, async (t) => {
    const asked = [];
    let answer;
    class FakeRequest {
      open(...parameters) { asked.push(parameters); }
      send() {
        if (!answer) throw new Error('no relay');
        Object.assign(this, answer);
      }
    }
    const network = new Tunnel('ws://127.0.0.1:1/', { WebSocket: FakeWebSocket, XMLHttpRequest: FakeRequest });
    const target = { navigator: {} };
    const phone = install(target, { profile: 'gecko', network });
    t.after(() => phone.uninstall());
    const { mozTCPSocket } = target.navigator;
    for (answer of [null, { status: 409 }, { status: 403 }]) assert.throws(() => mozTCPSocket.listen(0), { name: 'NS_ERROR_FAILURE' });
    answer = { status: 200, responseText: '{"port":4321,"ticket":"t"}' };
    const server = mozTCPSocket.listen(0, {}, 7);
    assert.equal(server.localPort, 4321);
    assert.deepEqual(asked.at(-1), ['POST', 'http://127.0.0.1:1/?listen=0&backlog=7', false]);
    const control = FakeWebSocket.last;
    assert.equal(control.url, 'ws://127.0.0.1:1/?listen=0&backlog=7&ticket=t');
    server.close();
    assert.deepEqual(asked.at(-1), ['POST', 'http://127.0.0.1:1/?unlisten=t', false], 'who listens next finds the port free');
    assert.deepEqual([server.localPort, control.readyState, phone.servers.size], [4321, 3, 0]);
    const patient = network.listen({ port: 1, backlog: 1, now: false });
    patient.close();
    assert.deepEqual([asked.length, patient.port], [5, 0]);
  });

  test('a child that listens on a port in use does not get it when it is free', limit, async (t) => {
    const asked = [];
    class RefusedRequest {
      status = 409;
      open(method, url) { asked.push(`${method} ${url}`); }
      send() {}
    }
    const target = { navigator: {} };
    const network = new Tunnel('ws://127.0.0.1:1/', { WebSocket: FakeWebSocket, XMLHttpRequest: RefusedRequest });
    const phone = install(target, { profile: 'kaios25', network });
    t.after(() => phone.uninstall());
    FakeWebSocket.last = null;
    const server = target.navigator.mozTCPSocket.listen(8080, {}, 7);
    assert.deepEqual(asked, [], 'the parent process has not heard of it yet');
    await quiet();
    assert.deepEqual(asked, ['POST http://127.0.0.1:1/?listen=8080&backlog=7']);
    assert.equal(FakeWebSocket.last, null, 'nobody waits for the port');
    assert.deepEqual([server.localPort, phone.servers.size], [8080, 0]);
    server.close();
  });

  test('datagrams are dropped when too many wait, and the end comes once', limit, async () => {
    const datagrams = new Tunnel('ws://127.0.0.1:1/', { WebSocket: FakeWebSocket }).bind({ address: null, port: 0, reuse: false, loopback: true });
    const page = FakeWebSocket.last;
    assert.equal(page.url, 'ws://127.0.0.1:1/?bind=&port=0&reuse=0&loopback=1');
    const seen = [];
    datagrams.onbound = (...where) => seen.push(where);
    datagrams.onmessage = (bytes, ...from) => seen.push([bytes.length, ...from]);
    datagrams.onerror = () => seen.push('over');
    datagrams.send(new Uint8Array(1), 'too early', 1);
    page.bufferedAmount = 0;
    page.tell({ type: 'bound', address: '0.0.0.0', port: 9 });
    page.onmessage({ data: Uint8Array.of(3, 97, 58, 98, 1, 2, 7, 7).buffer });
    datagrams.send(new Uint8Array(10), 'host', 1);
    page.bufferedAmount = (1 << 20) + 1;
    datagrams.send(new Uint8Array(10), 'host', 1);
    page.bufferedAmount = 0;
    datagrams.send(new Uint8Array(65508), 'host', 1);
    datagrams.send(new Uint8Array(10), 'h'.repeat(256), 1);
    datagrams.join('224.0.0.251');
    assert.deepEqual(page.sent, [17, { type: 'join', group: '224.0.0.251' }]);
    page.close();
    assert.deepEqual(seen, [['0.0.0.0', 9], [2, 'a:b', 258], 'over']);
  });

  /** What no relay says, to whomever. */
  const NONSENSE = [
    '', '{', 'null', '0', '"open"', '[]', '{}', '{"type":null}', '{"type":{}}', '{"type":"__proto__"}', '['.repeat(100_000),
    ...[null, -1, 1.5, 1e308, '5', {}, [], true].map((bytes) => JSON.stringify({ type: 'credit', bytes })),
    '{"type":"credit"}', '{"type":"credit","bytes":1e999}',
    ...[null, -1, 0, 1.5, 65536, '80', {}].map((port) => JSON.stringify({ type: 'listening', port })),
    ...[null, 0, 65536, '5', {}].map((port) => JSON.stringify({ type: 'connect', id: 1, host: 'h', port })),
    ...[null, 5, {}, 'x'.repeat(300)].map((host) => JSON.stringify({ type: 'connect', id: 1, host, port: 5 })),
    ...[null, 5, {}, 'x'.repeat(300)].map((address) => JSON.stringify({ type: 'bound', address, port: 5 })),
    ...[null, 0, 65536, '5', {}].map((port) => JSON.stringify({ type: 'bound', address: '0.0.0.0', port })),
  ];
  const say = (page, data) => {
    page.readyState = 1;
    page.onmessage({ data });
  };

  test('what makes no sense on a connection is ignored, and credit is no more than was ever given', limit, async (t) => {
    const { socket, seen } = dial(t);
    await quiet();
    const page = FakeWebSocket.last;
    page.tell({ type: 'open' });
    await quiet();
    for (const nonsense of NONSENSE) assert.doesNotThrow(() => say(page, nonsense), nonsense);
    page.tell({ type: 'open' });
    page.tell({ type: 'credit', bytes: 2 ** 40 });
    socket.send(new ArrayBuffer(KERNEL + 100));
    await quiet();
    assert.deepEqual(page.sent, [KERNEL]);
    page.tell({ type: 'credit', bytes: 100 });
    await event(socket, 'drain');
    say(page, new TextEncoder().encode('still here').buffer);
    await event(socket, 'data');
    page.tell({ type: 'error', kind: '__proto__', code: 'x' });
    await event(socket, 'close');
    assert.deepEqual(seen, ['open', 'drain', 'still here', 'NetworkError/Network', 'close']);
  });

  test('what makes no sense to a listener is ignored', limit, () => {
    const listener = new Tunnel('ws://127.0.0.1:1/', { WebSocket: FakeWebSocket }).listen({ port: 8080, backlog: 5, now: false });
    const control = FakeWebSocket.last;
    const seen = [];
    listener.onlisten = () => seen.push('listen');
    listener.onconnect = () => seen.push('connect');
    listener.onerror = () => seen.push('error');
    for (const nonsense of NONSENSE) assert.doesNotThrow(() => say(control, nonsense), nonsense);
    say(control, new ArrayBuffer(5));
    assert.deepEqual(seen, []);
    control.tell({ type: 'listening', port: 8080 });
    assert.deepEqual([seen, FakeWebSocket.last], [['listen'], control]);
  });

  test('what makes no sense to a UDP port is ignored', limit, () => {
    const datagrams = new Tunnel('ws://127.0.0.1:1/', { WebSocket: FakeWebSocket }).bind({ address: null, port: 0, reuse: false, loopback: false });
    const page = FakeWebSocket.last;
    const seen = [];
    datagrams.onbound = () => seen.push('bound');
    datagrams.onmessage = (bytes, address, port) => seen.push([bytes.length, address, port]);
    datagrams.onerror = () => seen.push('error');
    for (const nonsense of NONSENSE) assert.doesNotThrow(() => say(page, nonsense), nonsense);
    for (const bytes of [[], [0], [0, 1], [255], [4, 104], [1, 104, 0]]) say(page, Uint8Array.from(bytes).buffer);
    assert.deepEqual(seen, []);
    page.tell({ type: 'bound', address: '0.0.0.0', port: 5 });
    say(page, Uint8Array.of(1, 104, 0, 9).buffer);
    assert.deepEqual(seen, ['bound', [0, 'h', 9]]);
  });
});
