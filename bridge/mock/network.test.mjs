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

  test('every fault has a name and a line', () => {
    const network = new FaultyNetwork(new MemoryNetwork());
    assert.equal(Object.keys(FAULTS).length, 11);
    for (const [name, line] of Object.entries(FAULTS)) {
      assert.match(line, /^[A-Z][^\n]+\.$/, name);
      network.set('h:1', name);
      network.set('h:1', { name });
    }
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
    const { socket, seen, server } = await spoiled(t, 'big-chunks', { greeting: '' });
    await event(socket, 'open');
    const sizes = [];
    socket.ondata = ({ data }) => sizes.push(data.byteLength);
    for (let i = 0; i < 100; i++) {
      server.peer.write(new Uint8Array(10_000));
      await new Promise(setImmediate);
    }
    while (sizes.reduce((sum, n) => sum + n, 0) < 1_000_000) await event(socket, 'data');
    assert.equal(sizes[0], 384 * 1024);
    assert.ok(sizes.length <= 5, String(sizes));
    server.peer.write('last');
    server.peer.end();
    await event(socket, 'close');
    assert.deepEqual(seen.slice(-2), ['last', 'close']);
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
      this.onclose();
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
});
