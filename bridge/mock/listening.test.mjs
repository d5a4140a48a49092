// The phone's listeners: lines 46-53 of the checklist, and 13 and 44 where they are about them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CHILD, event, EVERY, isFailure, line, PARENT, quiet, record } from './checklist.mjs';
import { install, MemoryNetwork, PROFILES } from './index.js';

const text = (data) => Buffer.from(data).toString('latin1');

/** A machine beside the phone, which can do what no phone can. */
const stranger = (memory) => memory.host('10.0.0.9');

/** Dials the phone from another machine, and logs what that sees. */
function dial(memory, port, host = '10.0.0.1') {
  const link = stranger(memory).connect({ host, port, tls: false });
  const seen = [];
  link.onconnect = () => seen.push('connect');
  link.ondata = (data) => seen.push(text(data));
  link.onend = () => seen.push('end');
  link.onerror = (kind) => seen.push(kind);
  return { link, seen };
}

function listen(target, port = 8080, options = { binaryType: 'arraybuffer' }, backlog = 64) {
  return target.navigator.mozTCPSocket.listen(port, options, backlog);
}

describe('arguments and members', () => {
  line(46, 'listen and the constructor are the same, and take what WebIDL takes', EVERY, async ({ target }) => {
    const { TCPServerSocket } = target;
    const moz = target.navigator.mozTCPSocket;
    assert.throws(() => moz.listen(), { name: 'TypeError', message: /listen: At least 1 argument required, but only 0 passed/ });
    assert.throws(() => new TCPServerSocket(), TypeError);
    assert.throws(() => TCPServerSocket(1), TypeError);
    assert.throws(() => moz.listen(1, { binaryType: 'blob' }), TypeError);
    assert.throws(() => moz.listen(1, 5), TypeError);
    for (const [given, port] of [['80', 80], [65537, 1], [-1, 65535], [1.9, 1]]) {
      const server = moz.listen(given);
      assert.equal(server.localPort, port, String(given));
      server.close();
      await quiet();
    }
    for (const options of [undefined, null, {}, { unknown: 1 }]) {
      const server = new TCPServerSocket(8080, options);
      assert.ok(server instanceof EventTarget && server instanceof TCPServerSocket);
      assert.equal(String(server), '[object TCPServerSocket]');
      assert.deepEqual([server.onconnect, server.onerror], [null, null]);
      server.close();
      await quiet();
    }
  });
});

describe('the port', () => {
  line(46, 'port 0: the child never learns the real one', CHILD, async ({ target, phone }) => {
    const server = listen(target, 0);
    assert.equal(server.localPort, 0);
    await quiet();
    assert.equal(server.localPort, 0);
    assert.equal(phone.servers.size, 1);
  });

  line(46, 'port 0: the parent knows it at once', PARENT, async ({ target, memory }) => {
    const [server, other] = [listen(target, 0), listen(target, 0)];
    assert.ok(server.localPort > 0 && other.localPort > 0 && server.localPort !== other.localPort);
    const connected = event(server, 'connect');
    dial(memory, server.localPort);
    assert.equal((await connected).socket.readyState, 'open');
  });

  line(47, 'in use: the child is told nothing, and nobody listens', CHILD, async ({ target, phone }) => {
    const first = listen(target);
    await quiet();
    const second = listen(target);
    const heard = [];
    for (const type of ['connect', 'error']) second.addEventListener(type, () => heard.push(type));
    const accepted = [];
    first.onconnect = () => accepted.push('first');
    assert.equal(second.localPort, 8080);
    await quiet();
    const socket = target.navigator.mozTCPSocket.open('127.0.0.1', 8080);
    await event(socket, 'open');
    await quiet();
    assert.deepEqual([heard, accepted, phone.servers.size], [[], ['first'], 1]);
    first.close();
    await quiet();
    assert.equal((await event(target.navigator.mozTCPSocket.open('127.0.0.1', 8080), 'error')).name, 'ConnectionRefusedError');
    second.close();
  });

  line(47, 'in use: the parent throws', PARENT, async ({ target, phone, memory }) => {
    listen(target);
    assert.throws(() => listen(target), isFailure);
    assert.equal(phone.servers.size, 1);
    memory.listen('127.0.0.1:8081', () => {});
    assert.throws(() => new target.TCPServerSocket(8081), isFailure, 'by somebody else');
  });

  line(48, 'IPv4 only, on every address of it', EVERY, async ({ target, memory }) => {
    const server = listen(target);
    const hosts = [];
    server.onconnect = ({ socket }) => hosts.push(socket.host);
    await quiet();
    const names = [];
    for (const host of ['::1', '127.0.0.1', 'localhost', '127.0.0.5']) {
      const socket = target.navigator.mozTCPSocket.open(host, 8080);
      names.push(await Promise.race(['open', 'error'].map((type) => event(socket, type))));
    }
    assert.deepEqual(names.map(({ type }) => type), ['error', 'open', 'open', 'open']);
    const { seen } = dial(memory, 8080);
    await quiet();
    assert.deepEqual(seen, ['connect']);
    assert.deepEqual(hosts, ['127.0.0.1', '127.0.0.1', '127.0.0.1', '10.0.0.9']);
  });
});

describe('accepted sockets', () => {
  line(49, 'open already, never an open event, host and port are the peer’s', EVERY, async ({ target, memory, phone }) => {
    const server = listen(target);
    let seen;
    server.onconnect = function handler(e) {
      assert.equal(this, server);
      assert.equal(e.target, server);
      assert.deepEqual([String(e), e.bubbles, e.cancelable], ['[object TCPServerSocketEvent]', false, false]);
      assert.ok(e instanceof target.TCPServerSocketEvent);
      const { socket } = e;
      assert.ok(socket instanceof target.TCPSocket);
      assert.deepEqual([socket.readyState, socket.host, socket.ssl, socket.bufferedAmount, socket.binaryType],
        ['open', '10.0.0.9', false, 0, 'arraybuffer']);
      assert.ok(socket.port > 0 && socket.port !== 8080);
      assert.ok(phone.sockets.has(socket));
      seen = record(socket);
      socket.send(new TextEncoder().encode('welcome').buffer);
    };
    await quiet();
    const other = dial(memory, 8080);
    const connected = event(server, 'connect');
    other.link.write(Buffer.from('hello'));
    const { socket } = await connected;
    await quiet();
    other.link.end();
    await event(socket, 'close');
    assert.deepEqual(seen, ['data hello [open]', 'close [closed]']);
    assert.deepEqual(other.seen, ['connect', 'welcome']);
    assert.equal(phone.sockets.size, 0);
  });

  line(49, 'binaryType is the listener’s', EVERY, async ({ target, memory }) => {
    const server = target.navigator.mozTCPSocket.listen(8080);
    await quiet();
    dial(memory, 8080).link.write(Buffer.from([0, 65, 255]));
    const { socket } = await event(server, 'connect');
    assert.equal(socket.binaryType, 'string');
    assert.equal((await event(socket, 'data')).data, '\0A\xff');
  });

  line(50, 'handlers set in a microtask of connect see all; those set later miss what came before', EVERY, async ({ target, memory }) => {
    const server = listen(target);
    await quiet();
    const seen = [];
    server.onconnect = ({ socket }) => {
      queueMicrotask(() => { socket.ondata = ({ data }) => seen.push(`early ${text(data)}`); });
      setImmediate(() => setImmediate(() => setImmediate(() => setImmediate(() => setImmediate(() => setImmediate(() => {
        socket.addEventListener('data', ({ data }) => seen.push(`late ${text(data)}`));
      }))))));
    };
    const { link } = dial(memory, 8080);
    link.write(Buffer.from('first'));
    await quiet();
    link.write(Buffer.from('second'));
    await quiet();
    assert.deepEqual(seen, ['early first', 'early second', 'late second']);
  });

  line(50, 'an accepted socket ends as any other: reset, close with unsent data, suspend', EVERY, async ({ target, memory }) => {
    const server = listen(target);
    await quiet();
    const first = dial(memory, 8080);
    let { socket } = await event(server, 'connect');
    let seen = record(socket);
    first.link.destroy();
    await event(socket, 'close');
    assert.deepEqual(seen, ['error NetworkError/Network [closed]', 'close [closed]']);

    const second = dial(memory, 8080);
    ({ socket } = await event(server, 'connect'));
    seen = record(socket);
    assert.equal(socket.send(new ArrayBuffer(300_000)), false);
    socket.close();
    await event(socket, 'close');
    await quiet();
    assert.deepEqual(seen.map((line) => line.split(' ')[0]), ['drain', 'close']);
    assert.equal(second.seen.slice(1, -1).join('').length, 300_000);
    assert.equal(second.seen.at(-1), 'end');

    const third = dial(memory, 8080);
    ({ socket } = await event(server, 'connect'));
    seen = record(socket);
    socket.suspend();
    await quiet();
    third.link.write(Buffer.from('held'));
    await quiet();
    assert.deepEqual(seen, []);
    socket.resume();
    await event(socket, 'data');
  });

  line(44, 'an accepted socket has no TLS to upgrade to: ssl turns true, and bytes go as they are', EVERY, async ({ target, memory }) => {
    const server = listen(target);
    await quiet();
    const other = dial(memory, 8080);
    const { socket } = await event(server, 'connect');
    socket.upgradeToSecure();
    assert.equal(socket.ssl, true);
    socket.send(new TextEncoder().encode('clear').buffer);
    await quiet();
    assert.deepEqual(other.seen, ['connect', 'clear']);
  });

  line(49, 'two phones on one network', EVERY, async ({ memory, profile, t }) => {
    const phones = ['10.0.0.2', '10.0.0.3'].map((address) => {
      const target = { navigator: {} };
      const phone = install(target, { profile, network: memory.host(address) });
      t.after(() => phone.uninstall());
      return target.navigator.mozTCPSocket;
    });
    const server = phones[0].listen(5000, { binaryType: 'string' }, 5);
    server.onconnect = ({ socket }) => { socket.ondata = ({ data }) => socket.send(`${socket.host} says ${data}`); };
    await quiet();
    const socket = phones[1].open('10.0.0.2', 5000);
    await event(socket, 'open');
    socket.send('hello');
    assert.equal((await event(socket, 'data')).data, '10.0.0.3 says hello');
    assert.equal((await event(phones[1].open('127.0.0.1', 5000), 'error')).name, 'ConnectionRefusedError');
  });
});

describe('backlog', () => {
  /** Dials so many times in one turn; says how many are answered before any timer, and then lets `seconds` pass. */
  async function burst({ target, memory, t }, backlog, count) {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const server = target.navigator.mozTCPSocket.listen(8080, {}, ...backlog);
    let accepted = 0;
    server.onconnect = () => accepted++;
    await quiet();
    const dials = Array.from({ length: count }, () => dial(memory, 8080));
    await quiet();
    const answered = () => dials.filter(({ seen }) => seen[0] === 'connect').length;
    assert.equal(answered(), accepted);
    const first = accepted;
    let seconds = 0;
    while (accepted < count) {
      t.mock.timers.tick(1000);
      seconds++;
      await quiet();
    }
    assert.equal(answered(), count);
    return { first, seconds };
  }

  line(51, 'the default is 0: of a burst one is answered, the next a second later', ['kaios25', 'gecko'], async (context) => {
    assert.deepEqual(await burst(context, [], 3), { first: 1, seconds: 3 });
  });

  line(51, 'the default is 5', ['kaios3'], async (context) => {
    assert.deepEqual(await burst(context, [0], 10), { first: 6, seconds: 1 });
  });

  line(51, 'what is asked for, modulo 65536', EVERY, async (context) => {
    assert.deepEqual(await burst(context, [-1], 64), { first: 64, seconds: 0 });
  });

  line(51, 'who stalls is refused when the listener goes, and may give up', EVERY, async ({ target, memory, t }) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const server = target.navigator.mozTCPSocket.listen(8080, {}, 1);
    let accepted = 0;
    server.onconnect = () => accepted++;
    await quiet();
    const dials = Array.from({ length: 4 }, () => dial(memory, 8080));
    await quiet();
    assert.equal(accepted, 2);
    dials[2].link.destroy();
    server.close();
    await quiet();
    t.mock.timers.tick(200_000);
    await quiet();
    assert.deepEqual(dials.map(({ seen }) => seen), [['connect'], ['connect'], [], ['refused']]);
    assert.equal(accepted, 2);
  });
});

describe('the end', () => {
  line(52, 'close(): no event, localPort stays, accepted sockets live on', EVERY, async ({ target, memory, phone }) => {
    const server = listen(target);
    const heard = [];
    server.onerror = () => heard.push('error');
    await quiet();
    const other = dial(memory, 8080);
    const { socket } = await event(server, 'connect');
    server.onconnect = () => heard.push('connect');
    assert.equal(phone.servers.size, 1);
    server.close();
    server.close();
    await quiet();
    assert.deepEqual([server.localPort, phone.servers.size, heard], [8080, 0, []]);
    const after = dial(memory, 8080);
    await quiet();
    assert.deepEqual(after.seen, ['refused']);
    other.link.write(Buffer.from('still here'));
    assert.equal(text((await event(socket, 'data')).data), 'still here');
    const again = listen(target);
    await quiet();
    dial(memory, 8080);
    await event(again, 'connect');
  });

  line(52, 'closing inside connect keeps that one', EVERY, async ({ target, memory }) => {
    const server = listen(target);
    await quiet();
    const other = dial(memory, 8080);
    const socket = await new Promise((resolve) => {
      server.onconnect = (e) => {
        server.close();
        resolve(e.socket);
      };
    });
    socket.send(new TextEncoder().encode('only you').buffer);
    await quiet();
    assert.deepEqual(other.seen, ['connect', 'only you']);
  });

  for (const [how, stop] of [
    ['13, 53. going offline ends listeners', ({ phone }) => { phone.offline = true; }],
    ['53. a listener that the network ends', () => {}],
  ]) {
    const fault = how.includes('network') ? 'listener-dies' : null;
    line(how.split('.')[0], how.slice(how.indexOf(' ') + 1), EVERY, async (context) => {
      const { target, network, memory, profile, phone } = context;
      network.set('0.0.0.0:8080', fault && { name: fault, connections: 1 });
      const server = listen(target);
      const heard = [];
      server.addEventListener('connect', ({ socket }) => heard.push(socket.readyState));
      server.onerror = (e) => heard.push(`${e.type} ${e.constructor === Event}`);
      await quiet();
      dial(memory, 8080);
      await quiet();
      stop(context);
      await quiet();
      assert.deepEqual(heard, profile.process === 'child' ? ['open'] : ['open', 'error true']);
      assert.equal(phone.servers.size, 0);
      assert.equal(server.localPort, 8080);
      const { seen } = dial(memory, 8080);
      await quiet();
      assert.deepEqual(seen, ['refused']);
      server.close();
      phone.offline = false;
      network.set('0.0.0.0:8080', null);
      const again = listen(target);
      await quiet();
      dial(memory, 8080);
      assert.equal((await event(again, 'connect')).socket.host, '10.0.0.9');
    });
  }

  test('listeners go with the window, without an event', { timeout: 10_000 }, async () => {
    for (const profile of Object.keys(PROFILES)) {
      const memory = new MemoryNetwork();
      const target = Object.assign(new EventTarget(), { navigator: {} });
      const phone = install(target, { profile, network: memory });
      const server = listen(target);
      const heard = [];
      server.onerror = () => heard.push('error');
      server.onconnect = () => heard.push('connect');
      await quiet();
      target.dispatchEvent(new Event('pagehide'));
      const { seen } = dial(memory, 8080);
      await quiet();
      assert.deepEqual([seen, heard, phone.servers.size], [['refused'], [], 0], profile);
      phone.uninstall();
      assert.equal(target.TCPServerSocket, undefined);
    }
  });
});
