// The relay between a worker and its page, with whatever may come through the port.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { install, MemoryNetwork } from './mock/index.js';
import { findPhone } from './phone.js';
import { PageRelay, WorkerRelay } from './relay.js';

const limit = { timeout: 20_000 };
const KIB = 1024;
/** The bounds of relay.js. */
const MAX_SOCKETS = 256;
const WINDOW = 1024 * KIB;
const PIECE = 128 * KIB;
const PIECE_MIN = 16 * KIB;
const PIECE_FULL = 96 * KIB;
const SPARES = 6;
const LINGER = 30_000;
const SERVER = 'echo.test:7';

const event = (target, name) => new Promise((resolve) => { target[name] = resolve; });

async function quiet() {
  for (let i = 0; i < 60; i++) await new Promise(setImmediate);
}

/** Both halves over a phone with UDP and listening, and what crosses: `toPage` and `toWorker` inject a message. */
function relays(t) {
  const network = new MemoryNetwork();
  network.listen(SERVER, (peer) => {
    peer.ondata = (bytes) => peer.write(bytes);
    peer.onend = () => peer.end();
  });
  const target = new EventTarget();
  const phone = install(target, { profile: 'kaios25', network });
  const cross = (to) => (message, transfer) => {
    const copy = structuredClone(message, { transfer: transfer || [] });
    setImmediate(() => to().receive(copy));
  };
  const worker = new WorkerRelay(cross(() => page));
  const page = new PageRelay(findPhone(target), cross(() => worker));
  worker.offer(page.offers);
  t.after(() => {
    page.stop();
    // Without its sockets nothing is left to wait for.
    phone.uninstall();
    for (const { timer } of page.sockets.values()) clearTimeout(timer);
  });
  const echoes = async (socket, byte) => {
    const came = event(socket, 'ondata');
    socket.send(Uint8Array.of(byte).buffer, 0, 1);
    const { data } = await came;
    assert.deepEqual([...new Uint8Array(data)], [byte]);
  };
  const open = async () => {
    const socket = worker.open('echo.test', 7, { binaryType: 'arraybuffer' });
    await event(socket, 'onopen');
    return socket;
  };
  return { network, phone, page, worker, open, echoes, toPage: (m) => page.receive(m), toWorker: (m) => worker.receive(m) };
}

/** A phone whose one socket does what the test says. */
function scripted(t, socket = {}) {
  const posted = [];
  const calls = [];
  const call = (name) => (...parameters) => {
    calls.push(name);
    return name === 'send' ? parameters.length === 0 : undefined;
  };
  for (const name of ['send', 'suspend', 'resume', 'close', 'upgradeToSecure']) socket[name] ??= call(name);
  const page = new PageRelay({ open: () => socket }, (message) => posted.push(message));
  page.receive(['open', 1, 'h', 1, {}]);
  return { page, socket, posted, calls };
}

const OPERATIONS = {
  toPage: {
    open: ['h', 1, {}], send: [new ArrayBuffer(1), 1], took: [1], suspend: [], resume: [], upgrade: [], close: [],
    listen: [80, {}, 5], unlisten: [], bind: [{}], sendTo: [new ArrayBuffer(1), '10.0.0.9', 53], group: [true, '224.0.0.251'], unbind: [],
  },
  toWorker: {
    open: [], data: [[new ArrayBuffer(1)]], sent: [1, []], error: ['NetworkError', ''], close: [], listening: [80],
    accepted: [-7, '10.0.0.9', 5], unlistened: [], bound: ['0.0.0.0', 5], message: [new ArrayBuffer(1), '10.0.0.9', 53],
    unbound: ['NetworkError', ''], online: [],
  },
};

/** What may stand where something else is meant. */
function oddities() {
  const cyclic = [];
  cyclic.push(cyclic);
  let deep = [];
  for (let i = 0; i < 20_000; i++) deep = [deep];
  return [
    undefined, null, true, false, NaN, Infinity, -Infinity, -1, -0, 0, 0.5, 65536, 2 ** 31, 2 ** 53, 1e308, 10n,
    '', 'x', '4294967295', '__proto__', 'constructor', 'x'.repeat(70_000), {}, { length: 2 }, { byteLength: 1e12 }, [], ['open'], cyclic, deep,
    new ArrayBuffer(0), new Uint8Array(3), new Float64Array(1), new SharedArrayBuffer(8), new Map(), new Date(NaN), new Error('odd'), /x/,
  ];
}

/** Messages to one half: each argument wrong in turn, too many, too few, and what is no message. Numbers are of no socket that lives. */
function* hostile(direction) {
  const odd = oddities();
  for (const value of odd) {
    yield value;
    yield [value];
    yield [value, 1];
    yield [value, 999, value, value];
  }
  for (const [operation, rest] of Object.entries(OPERATIONS[direction])) {
    yield [operation];
    for (const value of odd) yield [operation, value, ...rest];
    yield [operation, 999, ...rest, 0];
    if (rest.length > 0) yield [operation, 999, ...rest.slice(1)];
    for (let i = 0; i < rest.length; i++) {
      for (const value of odd) yield [operation, 999, ...rest.slice(0, i), value, ...rest.slice(i + 1)];
    }
  }
  for (const name of ['hasOwnProperty', 'receive', 'post', 'watch', 'stop', 'admit', 'forget', 'ondata', 'offer', 'constructor', '__proto__']) {
    yield [name, 999];
    yield [name, 999, () => assert.fail('called'), {}];
  }
}

describe('messages that are not of their form', () => {
  for (const direction of ['toPage', 'toWorker']) {
    test(`${direction}: nothing throws, nothing grows, and the good socket lives on`, limit, async (t) => {
      const both = relays(t);
      const good = await both.open();
      await both.echoes(good, 1);
      const unhandled = [];
      const note = (error) => unhandled.push(error);
      process.on('unhandledRejection', note);
      t.after(() => process.off('unhandledRejection', note));
      let count = 0;
      for (const message of hostile(direction)) {
        const text = Array.isArray(message) && typeof message[0] === 'string' ? message[0] : typeof message;
        assert.doesNotThrow(() => both[direction](message), text);
        count++;
      }
      assert.ok(count > 500, `${count} messages`);
      await quiet();
      assert.deepEqual(unhandled, []);
      await both.echoes(good, 2);
      // Some were of their form, by accident: a socket for each operation that makes one, at the most.
      const { page, worker } = both;
      assert.ok(page.sockets.size <= 5 && page.servers.size <= 2 && page.datagrams.size <= 2,
        `${page.sockets.size} sockets, ${page.servers.size} servers, ${page.datagrams.size} datagrams`);
      assert.equal(worker.sockets.size, 1);
      const closed = event(good, 'onclose');
      good.close();
      await closed;
      assert.equal(worker.sockets.size, 0);
    });
  }

  test('those that are meant for another kind of socket do nothing', limit, async (t) => {
    const both = relays(t);
    const good = await both.open();
    const udp = both.worker.bind({});
    await udp.opened;
    const server = both.worker.listen(8080, {}, 5);
    await server.listening;
    const kinds = { open: good, bound: udp, listening: server };
    const own = {
      open: ['open', 'data', 'sent', 'error', 'close'], bound: ['bound', 'message', 'unbound'], listening: ['listening', 'accepted', 'unlistened'],
    };
    for (const [kind, socket] of Object.entries(kinds)) {
      for (const [operation, rest] of Object.entries(OPERATIONS.toWorker)) {
        if (!own[kind].includes(operation)) both.toWorker([operation, socket.id, ...rest]);
      }
    }
    const toPage = { open: ['sendTo', 'group', 'unlisten', 'unbind', 'open', 'listen', 'bind'], bound: ['send', 'suspend', 'close', 'unlisten', 'open', 'listen', 'bind'], listening: ['send', 'took', 'close', 'unbind', 'open', 'bind'] };
    for (const [kind, operations] of Object.entries(toPage)) {
      for (const operation of operations) both.toPage([operation, kinds[kind].id, ...OPERATIONS.toPage[operation]]);
    }
    await quiet();
    await both.echoes(good, 3);
    assert.deepEqual([both.page.sockets.size, both.page.servers.size, both.page.datagrams.size], [1, 1, 1]);
    assert.equal(both.worker.sockets.size, 3);
    good.close();
    server.close();
    await udp.close();
  });
});

describe('a worker that wants too much', () => {
  test('sockets: one more than there may be is told so', limit, async (t) => {
    const both = relays(t);
    const good = await both.open();
    const { page } = both;
    const posted = [];
    const { post } = page;
    page.post = (message, transfer) => {
      posted.push(message.slice(0, 3));
      post(message, transfer);
    };
    for (let id = 1000; id < 1000 + 2 * MAX_SOCKETS; id++) both.toPage(['open', id, 'echo.test', 7, {}]);
    assert.equal(page.sockets.size, MAX_SOCKETS);
    const refused = posted.filter(([operation, , name]) => operation === 'error' && name === 'QuotaExceededError');
    assert.equal(refused.length, MAX_SOCKETS + 1);
    for (const [, id] of refused) assert.ok(posted.some(([operation, other]) => operation === 'close' && other === id));
    both.toPage(['listen', 5000, 81, {}, 5]);
    both.toPage(['bind', 5001, {}]);
    assert.deepEqual([page.servers.size, page.datagrams.size], [0, 0]);
    assert.deepEqual(posted.slice(-2), [['unlistened', 5000], ['unbound', 5001, 'QuotaExceededError']]);
    await both.echoes(good, 4);
  });

  test('bytes: who sends on without room loses the socket, and the others live on', limit, async (t) => {
    const both = relays(t);
    both.network.listen('stalled.test:7', (peer) => peer.pause());
    const good = await both.open();
    const greedy = both.worker.open('stalled.test', 7, { binaryType: 'arraybuffer' });
    await event(greedy, 'onopen');
    const errors = [];
    greedy.onerror = ({ name }) => errors.push(name);
    for (let i = 0; i < 100; i++) both.toPage(['send', greedy.id, new ArrayBuffer(64 * KIB), 64 * KIB]);
    assert.ok(both.page.sockets.get(greedy.id).queued <= WINDOW);
    await quiet();
    assert.deepEqual(errors, ['QuotaExceededError']);
    await both.echoes(good, 5);
  });

  test('lengths that are not those of the bytes, and none at all, are not sent', limit, (t) => {
    const { page, socket, calls } = scripted(t);
    socket.onopen();
    for (let i = 0; i < 1000; i++) page.receive(['send', 1, new ArrayBuffer(0), 0]);
    const wrong = [[new ArrayBuffer(8), 9], ['', 1], ['12', 1], ['x'.repeat(20 * KIB), 17 * KIB], [new ArrayBuffer(64 * KIB), 16 * KIB], [new ArrayBuffer(PIECE), PIECE_FULL - 1],
      [new ArrayBuffer(128 * KIB + 1), 128 * KIB], [new ArrayBuffer(16 * KIB), 17 * KIB]];
    for (const parameters of wrong) page.receive(['send', 1, ...parameters]);
    assert.deepEqual(calls, []);
    assert.equal(page.sockets.get(1).queue.length, 0);
    page.receive(['send', 1, new ArrayBuffer(PIECE), PIECE_FULL]);
    assert.deepEqual(calls, ['send']);
  });

  test('a socket whose close event never comes is let go of', limit, (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { page, posted, calls, socket } = scripted(t);
    socket.onopen();
    page.receive(['close', 1]);
    page.receive(['close', 1]);
    assert.deepEqual(calls, ['close']);
    t.mock.timers.tick(LINGER - 1);
    assert.equal(page.sockets.size, 1);
    t.mock.timers.tick(1);
    assert.equal(page.sockets.size, 0);
    assert.deepEqual(posted, [['open', 1], ['close', 1]]);
    assert.equal(socket.ondata, null);
  });

  test('a close event in time leaves no timer behind', limit, (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { page, posted, socket } = scripted(t);
    page.receive(['close', 1]);
    socket.onclose();
    t.mock.timers.tick(2 * LINGER);
    assert.deepEqual(posted, [['close', 1]]);
  });
});

describe('a host whose port is bound later', () => {
  /** A page half whose one listener does as it is told. */
  function listening() {
    const posted = [];
    const server = { localPort: 0, close: () => posted.push('closed') };
    server.listening = new Promise((resolve, reject) => Object.assign(server, { resolve, reject }));
    const page = new PageRelay({ listen: () => server }, (message) => posted.push(message));
    page.receive(['listen', 1, 0, {}, 5]);
    return { page, server, posted };
  }

  test('it is told with its number', limit, async () => {
    const { page, server, posted } = listening();
    await quiet();
    assert.deepEqual(posted, []);
    server.localPort = 4711;
    server.resolve();
    await quiet();
    assert.deepEqual(posted, [['listening', 1, 4711]]);
    assert.equal(page.servers.size, 1);
  });

  test('one that cannot be had is told once, and leaves nothing', limit, async () => {
    for (const fail of [(server) => server.reject(new Error('taken')), (server) => { server.reject(new Error('taken')); server.onerror({}); }]) {
      const { page, server, posted } = listening();
      fail(server);
      await quiet();
      assert.deepEqual(posted, [['unlistened', 1]]);
      assert.equal(page.servers.size, 0);
    }
  });

  test('nothing more is told of one that was closed meanwhile', limit, async () => {
    for (const settle of ['resolve', 'reject']) {
      const { page, server, posted } = listening();
      page.receive(['unlisten', 1]);
      server[settle]();
      await quiet();
      assert.deepEqual(posted, ['closed']);
    }
  });
});

describe('bytes to be sent', () => {
  /** A page whose socket has room until `full`, with the lengths that it was given. */
  function sending(t) {
    const sent = [];
    const state = { full: false };
    const both = scripted(t, {
      send: (data, offset, length) => {
        if (state.error) throw state.error;
        sent.push(length);
        return !state.full;
      },
    });
    both.socket.onopen();
    both.posted.length = 0;
    return { ...both, sent, state, send: (length) => both.page.receive(['send', 1, new ArrayBuffer(length), length]) };
  }

  test('wait in the page while the window is full, and are paid for when it has taken them', limit, (t) => {
    const { socket, posted, sent, state, send } = sending(t);
    state.full = true;
    for (let i = 0; i < 4; i++) send(PIECE);
    assert.deepEqual(sent, [PIECE, PIECE]);
    assert.deepEqual(posted.map(([operation, , length]) => [operation, length]), Array(2).fill(['sent', PIECE]));
    socket.ondrain();
    assert.deepEqual(sent, Array(4).fill(PIECE));
    assert.equal(posted.at(-1)[2], 2 * PIECE);
    send(1);
    assert.equal(sent.length, 4);
    state.full = false;
    socket.ondrain();
    send(2);
    assert.deepEqual(sent.slice(4), [1, 2]);
  });

  test('their buffers go back, those that are filled again', limit, (t) => {
    const { page, posted, send } = sending(t);
    const returned = () => posted.splice(0).map(([operation, , length, used]) => [operation, length, used.map((spare) => spare.byteLength)]);
    send(16 * KIB);
    send(PIECE);
    assert.deepEqual(returned(), [['sent', 16 * KIB + PIECE, [PIECE]]]);
    for (let i = 0; i < 2; i++) page.receive(['send', 1, new ArrayBuffer(PIECE), PIECE_FULL]);
    assert.deepEqual(returned(), [['sent', 2 * PIECE_FULL, [PIECE, PIECE]]]);
  });

  for (const [operation, call] of [['close', 'close'], ['upgrade', 'upgradeToSecure']]) {
    test(`go before ${operation}`, limit, (t) => {
      const { page, sent, state, send, calls } = sending(t);
      state.full = true;
      for (const length of [1, 2 * PIECE, 2]) send(length);
      assert.deepEqual([sent, calls], [[1], []]);
      page.receive([operation, 1]);
      assert.deepEqual([sent, calls], [[1, 2 * PIECE, 2], [call]]);
      clearTimeout(page.sockets.get(1).timer);
    });
  }

  test('that the platform does not take are an error, at drain too', limit, (t) => {
    const { page, socket, posted, state, send } = sending(t);
    state.full = true;
    for (const length of [1, 2 * PIECE, 2]) send(length);
    state.error = Object.assign(new Error('not open'), { name: 'NS_ERROR_FAILURE' });
    socket.ondrain();
    assert.deepEqual(posted, [['error', 1, 'NS_ERROR_FAILURE', 'not open']]);
    assert.equal(page.sockets.get(1).queued, 0);
  });

  test('are joined within a turn, in buffers that have come back, and keep their order', limit, async () => {
    const posted = [];
    const worker = new WorkerRelay((message) => posted.push(message));
    const socket = worker.open('h', 1, {});
    worker.receive(['open', 1]);
    const returned = [1, PIECE - 1, PIECE + 1, ...Array(SPARES + 2).fill(PIECE)].map((length) => new ArrayBuffer(length));
    worker.receive(['sent', 1, 0, returned]);
    assert.deepEqual(worker.spares, returned.slice(3, 3 + SPARES));
    const bytes = Uint8Array.from({ length: 3 * PIECE }, (_, i) => i % 251);
    let offset = 0;
    const send = (length) => {
      socket.send(bytes.buffer, offset, length);
      offset += length;
    };
    let carried = 0;
    const sent = () => posted.splice(0).map(([operation, , data, length]) => {
      if (operation !== 'send') return operation;
      assert.deepEqual(new Uint8Array(data, 0, length), bytes.subarray(carried, carried + length));
      carried += length;
      return [data.byteLength, length];
    });
    posted.length = 0;
    send(10);
    assert.deepEqual(sent(), [[10, 10]]);
    send(PIECE_MIN);
    send(10);
    assert.deepEqual(sent(), []);
    await null;
    assert.deepEqual(sent(), [[PIECE_MIN + 10, PIECE_MIN + 10]]);
    send(PIECE + 5);
    assert.deepEqual(sent(), [[PIECE, PIECE]]);
    send(7);
    socket.upgradeToSecure();
    assert.deepEqual(sent(), [[12, 12], 'upgrade']);
    send(PIECE_FULL);
    await null;
    assert.deepEqual(sent(), [[PIECE, PIECE_FULL]]);
    send(PIECE_MIN);
    socket.close();
    await null;
    assert.deepEqual(sent(), [[PIECE_MIN, PIECE_MIN], 'close']);
    assert.equal(worker.spares.length, SPARES - 2);
  });

  test('as text go behind what was joined before', limit, () => {
    const posted = [];
    const worker = new WorkerRelay((message) => posted.push(message));
    const socket = worker.open('h', 1, {});
    worker.receive(['open', 1]);
    socket.send(new ArrayBuffer(PIECE_MIN), 0, PIECE_MIN);
    socket.send('text');
    assert.deepEqual(posted.slice(1).map(([operation, , data, length]) => [operation, typeof data, length]),
      [['send', 'object', PIECE_MIN], ['send', 'string', 4]]);
  });
});

describe('bytes that are received', () => {
  const TOOK = WINDOW / 8;

  /** A page whose open socket gets what the test says, with the lengths of what it has posted. */
  function receiving(t) {
    const both = scripted(t);
    both.socket.onopen();
    both.posted.length = 0;
    const posted = () => both.posted.splice(0)
      .map(([operation, , what]) => (operation === 'data' ? what.map((data) => data.byteLength ?? data) : operation));
    return { ...both, posted, came: (length) => both.socket.ondata({ data: new ArrayBuffer(length) }) };
  }

  test('go one by one, and together once the worker has so much that it will tell of it', limit, (t) => {
    const { page, posted, came } = receiving(t);
    for (let i = 0; i < 3; i++) came(TOOK / 2);
    assert.deepEqual(posted(), [[TOOK / 2], [TOOK / 2]]);
    came(1);
    page.receive(['took', 1, TOOK]);
    assert.deepEqual(posted(), [[TOOK / 2, 1]]);
    came(2);
    assert.deepEqual(posted(), [[2]]);
  });

  test('do not wait when they are many, however far behind the worker is', limit, (t) => {
    const { posted, came, calls } = receiving(t);
    for (let i = 0; i < 5; i++) came(TOOK);
    assert.deepEqual(posted(), Array(5).fill([TOOK]));
    for (let i = 0; i < 9; i++) came(TOOK / 4);
    assert.deepEqual(posted(), Array(2).fill(Array(4).fill(TOOK / 4)));
    for (let i = 0; i < 11; i++) came(TOOK);
    assert.deepEqual(calls, ['suspend'], 'those that wait count');
  });

  for (const [name, end] of [
    ['the end', ({ socket }) => socket.onclose()],
    ['an error', ({ socket }) => socket.onerror({ name: 'NetworkError', message: '' })],
    ['a failure to send', ({ page, socket }) => {
      socket.send = () => { throw new Error('not open'); };
      page.receive(['send', 1, new ArrayBuffer(1), 1]);
    }],
  ]) {
    test(`go before ${name}`, limit, (t) => {
      const both = receiving(t);
      both.came(TOOK);
      both.socket.ondata({ data: 'text' });
      both.came(3);
      end(both);
      const [first, held, last] = both.posted();
      assert.deepEqual([first, held], [[TOOK], ['text', 3]]);
      assert.match(last, /^(close|error)$/);
    });
  }

  test('and that nobody wants any more do not go', limit, (t) => {
    const { page, socket, posted, came } = receiving(t);
    came(TOOK);
    came(1);
    page.receive(['close', 1]);
    socket.onclose();
    assert.deepEqual(posted(), [[TOOK], 'close']);
  });

  test('are told of whenever the worker has taken as many as make the page wait', limit, () => {
    const took = [];
    const worker = new WorkerRelay(([operation, , length]) => { if (operation === 'took') took.push(length); });
    const socket = worker.open('h', 1, {});
    worker.receive(['open', 1]);
    const seen = [];
    socket.ondata = ({ data, more }) => seen.push([data.byteLength, more]);
    worker.receive(['data', 1, [1, 2, TOOK - 4].map((length) => new ArrayBuffer(length))]);
    assert.deepEqual([seen, took], [[[1, true], [2, true], [TOOK - 4, false]], []]);
    worker.receive(['data', 1, [new ArrayBuffer(1)]]);
    assert.deepEqual(took, [TOOK]);
  });
});

describe('a page that sends too much', () => {
  /** A worker half, and the one socket that it has opened. */
  function alone() {
    const posted = [];
    const worker = new WorkerRelay((message) => posted.push(message));
    worker.offer({ listen: true, bind: true, whenOnline: true });
    return { worker, posted, count: (operation) => posted.filter((message) => message[0] === operation).length };
  }

  test('data after it was asked to stop, more than can have been on its way, ends the socket', limit, () => {
    const { worker, posted } = alone();
    const socket = worker.open('h', 1, {});
    const seen = [];
    socket.ondata = ({ data, more }) => { if (!more) seen.push(data.byteLength); };
    socket.onerror = ({ name }) => seen.push(name);
    worker.receive(['open', 1]);
    const more = () => worker.receive(['data', 1, [new ArrayBuffer(128 * KIB), new ArrayBuffer(128 * KIB)]]);
    for (let i = 0; i < 100; i++) more();
    assert.equal(seen.length, 100, 'who reads gets all');
    socket.suspend();
    for (let i = 0; i < 100; i++) more();
    assert.equal(seen.length, 100 + 8 + 1);
    assert.equal(seen.at(-1), 'QuotaExceededError');
    assert.deepEqual(posted.at(-1), ['close', 1]);
    worker.receive(['close', 1]);
    assert.equal(worker.sockets.size, 0);
  });

  test('a suspended socket that is resumed gets what it asks for', limit, () => {
    const { worker, count } = alone();
    const socket = worker.open('h', 1, {});
    worker.receive(['open', 1]);
    for (let i = 0; i < 100; i++) {
      socket.suspend();
      worker.receive(['data', 1, [new ArrayBuffer(512 * KIB)]]);
      socket.resume();
    }
    assert.deepEqual([count('took'), count('close')], [100, 0]);
  });

  test('connections that it makes up: none takes the number of another, and there is an end to them', limit, async () => {
    const { worker, count } = alone();
    const socket = worker.open('h', 1, {});
    const server = worker.listen(80, {}, 5);
    let accepted = 0;
    server.onconnect = () => accepted++;
    worker.receive(['listening', server.id, 80]);
    await server.listening;
    for (const id of [socket.id, server.id, 0, 77]) worker.receive(['accepted', server.id, id, 'h', 1]);
    assert.equal(accepted, 0);
    assert.equal(worker.sockets.get(socket.id), socket);
    for (let id = -1; id > -10_000; id--) worker.receive(['accepted', server.id, id, 'h', 1]);
    worker.receive(['accepted', server.id, -1, 'h', 1]);
    assert.equal(worker.sockets.size, MAX_SOCKETS);
    assert.equal(accepted, MAX_SOCKETS - 2);
    assert.equal(count('close'), 9999 - accepted);
  });

  test('credit that nobody has asked for is no credit', limit, () => {
    const { worker } = alone();
    const socket = worker.open('h', 1, {});
    worker.receive(['open', 1]);
    worker.receive(['sent', 1, 2 ** 50, []]);
    assert.equal(socket.bufferedAmount, 0);
    assert.equal(socket.send(new ArrayBuffer(WINDOW), 0, WINDOW), false);
    let drained = 0;
    socket.ondrain = () => drained++;
    worker.receive(['sent', 1, WINDOW, []]);
    worker.receive(['sent', 1, WINDOW, []]);
    assert.equal(drained, 1);
  });

  test('a list of buffers that has holes is none', limit, () => {
    const { worker } = alone();
    worker.open('h', 1, {});
    worker.receive(['open', 1]);
    worker.receive(['data', 1, new Array(2)]);
    worker.receive(['sent', 1, 0, new Array(2)]);
    worker.receive(['sent', 1, 0, Object.assign(new Array(3), { 0: new ArrayBuffer(PIECE), 2: new ArrayBuffer(PIECE) })]);
    assert.equal(worker.spares.length, 0);
  });

  test('a datagram that is text is none', limit, () => {
    const { worker } = alone();
    const socket = worker.bind({});
    socket.onmessage = () => assert.fail('it came');
    worker.receive(['message', socket.id, '4294967295', 'h', 1]);
  });
});
