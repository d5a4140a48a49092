// The fault matrix: what an app does, and what each fault makes of it. A case is
// an operation under a fault, in page or worker, without TLS, with the phone's
// or with our own. FAULTS says which operations a fault applies to, and each of
// those has a row here or fails.
import { FAULTS } from '../../bridge/mock/faults.js';
import { isPattern } from './pattern.js';
import { lastAcknowledgement, serving } from './stage.js';

const KB = 1000;
/** How long a call may take that no fault holds up, and how late one may be that runs into its timeout, in ms. */
const BOUND = 3000;
/** A timeout that is meant to run out. */
const SHORT = 500;
/** How long our own connection may take to come back to a listener; see listener.js. */
const PROBE = 3000;
const PROBE_LENGTH = 16;
/** Own TLS says goodbye for as long as this; see crypto/tls. */
const GOODBYE = 5000;
/** Well above what a server sends in a handshake. */
const BEYOND_HANDSHAKE = 8 * KB;
/** No more than this may one task hold the page's thread; machines that run tests are shared. */
const LONGEST_STALL = 2000;
const HIGH_WATER = 256 * 1024; // see stream.js

const isOwn = (security) => security === 'own';
/** Where plain bytes are counted exactly, and TLS's would be counted too. */
const exactly = (security, bytes) => (isOwn(security) ? [1, bytes] : [bytes, bytes]);
const counted = (security, bytes) => (isOwn(security) ? BEYOND_HANDSHAKE : bytes);
const whole = (length) => [length, length];

/** Reading a stream of the server's: {fault, length, received, code, eof, dial, late} */
const read = {
  silent: (s) => ({ fault: { bytes: counted(s, 20) }, received: exactly(s, counted(s, 20)), code: 'ETIMEDOUT', timeout: SHORT }),
  'reset-mid-line': (s) => ({ fault: { bytes: counted(s, 20) }, received: exactly(s, counted(s, 20)), code: 'ECONNRESET' }),
  // What had come before is read after the end, however late.
  'reset-mid-line, read late': (s) => ({
    fault: { bytes: 400 * KB }, length: 1000 * KB, received: exactly(s, 400 * KB), code: 'ECONNRESET', late: true,
  }),
  'fin-mid-line': (s) => ({
    fault: { bytes: counted(s, 20) }, received: exactly(s, counted(s, 20)), ...(isOwn(s) ? { code: 'ECONNRESET' } : { eof: true }),
  }),
  'fin-mid-line, read late': (s) => ({
    fault: { bytes: 400 * KB }, length: 1000 * KB, received: exactly(s, 400 * KB), late: true,
    ...(isOwn(s) ? { code: 'ECONNRESET' } : { eof: true }),
  }),
  'reset-when-idle': (s) => ({ fault: { quiet: isOwn(s) ? 500 : 50 }, end: false, received: whole(100 * KB), code: 'ECONNRESET' }),
  'fin-when-idle': (s) => ({ fault: { quiet: isOwn(s) ? 500 : 50 }, end: false, received: whole(100 * KB), eof: true }),
  'one-byte-at-a-time': () => ({ length: 5 * KB, received: whole(5 * KB), eof: true }),
  'big-chunks': () => ({ length: 3000 * KB, received: whole(3000 * KB), eof: true }),
  'certificate-error': (s) => untrusted(s),
  'handshake-error': (s) => noTLS(s),
  cut: (s) => ({ fault: { bytes: counted(s, 1000) }, received: exactly(s, counted(s, 1000) - 1), code: 'ECONNRESET' }),
  garbage: (s) => (isOwn(s) ? { dial: 'ETLS' } : { received: whole(100 * KB), garbage: true, eof: true }),
};

/** The faults of TLS, which our own meets in the server and not in the network. */
const untrusted = (s) => (isOwn(s) ? { none: true, roots: '', dial: 'ECERT_UNTRUSTED' } : { received: whole(0), code: 'ECERT' });
const noTLS = (s) => (isOwn(s) ? { none: true, plainServer: true, dial: 'ETLS' } : { received: whole(0), code: 'ETLS' });

/** Dialing, and the server's first bytes: as read. */
const dial = {
  refused: () => ({ dial: 'ECONNREFUSED' }),
  'black-hole': () => ({ dial: 'ETIMEDOUT', timeout: SHORT }),
  'slow-dial': () => ({ received: whole(100 * KB), eof: true }),
  'certificate-error': untrusted,
  'handshake-error': noTLS,
};

/**
 * Writing to a server that says how much it has got: {fault, received, code, acknowledged: how reading that ends,
 * zombies}
 */
const write = {
  'reset-mid-line': (s) => ({ fault: { bytes: counted(s, KB) }, received: [1, 2000 * KB], code: 'any', acknowledged: 'ECONNRESET' }),
  // The platform forgets the FIN; only a deadline ends the reading.
  'fin-with-data-pending': () => ({
    fault: { bytes: 100 * KB, hold: 100 }, received: whole(2000 * KB), code: '', acknowledged: 'ETIMEDOUT', timeout: SHORT, zombies: 1,
  }),
  'slow-drain': () => ({ fault: { bytes: 64 * KB, every: 5 }, received: whole(2000 * KB), code: '' }),
  'stalled-output': (s) => ({
    fault: { bytes: 100 * KB }, received: exactly(s, 100 * KB), code: 'ETIMEDOUT', acknowledged: 'ETIMEDOUT', timeout: SHORT, zombies: 1,
  }),
  cut: () => ({ fault: { bytes: 100 * KB }, received: [1, 100 * KB], code: 'ECONNRESET', acknowledged: 'ECONNRESET' }),
};

/** Waiting for a server that has nothing to say: {code, eof} */
const idle = {
  'reset-when-idle': (s) => ({ fault: { quiet: isOwn(s) ? 500 : 50 }, code: 'ECONNRESET' }),
  'fin-when-idle': (s) => ({ fault: { quiet: isOwn(s) ? 500 : 50 }, eof: true }),
};

/** Writing and closing at once: {fault, length, received, zombies, over: whether the server learns of the end} */
const close = {
  'reset-mid-line': (s) => ({ fault: { bytes: counted(s, 20) }, length: 50 * KB, received: [0, 50 * KB] }),
  'fin-with-data-pending': () => ({ fault: { bytes: 10 * KB, hold: 100 }, length: 50 * KB, received: whole(50 * KB), zombies: 1 }),
  'slow-drain': () => ({ fault: { bytes: 10 * KB, every: 5 }, length: 300 * KB, received: whole(300 * KB), over: true }),
  'stalled-output': (s) => ({ fault: { bytes: 10 * KB }, length: 50 * KB, received: exactly(s, 10 * KB), zombies: 1 }),
  cut: (s) => ({ fault: { bytes: 10 * KB }, length: 50 * KB, received: [0, 10 * KB], over: true }),
};

/**
 * Listening, and what a connection that is accepted meets. Our own connection
 * by which a listener finds out whether it listens meets it too.
 * {fault, listen, accept: codes of these calls, and then what reading or writing says}
 */
const accept = {
  silent: () => ({ fault: { bytes: 20 }, received: whole(20), code: 'ETIMEDOUT', timeout: SHORT }),
  'reset-mid-line': () => ({ fault: { bytes: 20 }, received: whole(20), code: 'ECONNRESET' }),
  'fin-mid-line': () => ({ fault: { bytes: 20 }, received: whole(20), eof: true }),
  'reset-when-idle': () => ({ fault: { quiet: 100 }, received: whole(100 * KB), code: 'ECONNRESET' }),
  'fin-when-idle': () => ({ fault: { quiet: 100 }, received: whole(100 * KB), eof: true }),
  'fin-with-data-pending': () => ({
    fault: { bytes: 100 * KB, hold: 100 }, writes: true, received: whole(1000 * KB), code: '', zombies: 1,
  }),
  'one-byte-at-a-time': () => ({ length: 5 * KB, end: true, received: whole(5 * KB), eof: true }),
  'big-chunks': () => ({ length: 3000 * KB, end: true, received: whole(3000 * KB), eof: true }),
  'slow-drain': () => ({ fault: { bytes: 64 * KB, every: 5 }, writes: true, received: whole(1000 * KB), code: '' }),
  'stalled-output': () => ({
    fault: { bytes: 100 * KB }, writes: true, received: whole(100 * KB), code: 'ETIMEDOUT', timeout: SHORT, zombies: 1,
  }),
  cut: () => ({ fault: { bytes: 1000 }, received: whole(1000), code: 'ECONNRESET' }),
  // Our own connection's bytes come back wrong: a port that another has would look the same.
  garbage: () => ({ listen: 'EADDRINUSE' }),
  'port-in-use': () => ({ listen: 'EADDRINUSE' }),
  'listener-dies': () => ({ listen: 'EADDRINUSE' }),
  // An app's process is not told: only the deadline of Accept ends it.
  'listener-dies, later': (s, profile) => ({
    fault: { connections: 2 }, received: whole(100 * KB), end: true, eof: true, next: profile === 'gecko' ? 'ENETDOWN' : 'ETIMEDOUT',
  }),
};

/** `sent` datagrams to a server that gives them back: how many `arrive` there, how many `come` back, or the code. */
const datagram = {
  'black-hole': () => ({ arrive: 0, come: 0 }),
  silent: () => ({ come: 0 }),
  garbage: () => ({ garbage: true }),
  'port-in-use': () => ({ own: true, bind: 'EADDRINUSE' }),
  'datagram-loss': () => ({ arrive: 5, come: 3 }),
  'datagram-duplicate': () => ({ arrive: 20, come: 40 }),
  'datagram-reorder': () => ({}),
  'datagram-from-stranger': () => ({}),
  'datagram-empty': (s, profile) => (profile === 'kaios25' ? { code: 'ENETDOWN' } : { empties: true }),
};
const DATAGRAMS = 10;

const TABLE = { dial, read, write, idle, close, accept, datagram };

/** All cases of one phone and one kind of TLS, by name. */
export function casesOf(security, profile) {
  const cases = {};
  for (const [fault, { applies, tls }] of Object.entries(FAULTS)) {
    for (const operation of applies) {
      const rows = Object.keys(TABLE[operation] || {}).filter((row) => row === fault || row.startsWith(`${fault},`));
      if (rows.length === 0) throw new Error(`the matrix has no row for ${operation} under ${fault}`);
      if (tls && security === 'plain') continue;
      // Accepted connections have no TLS layer, and datagrams none at all.
      if (security !== 'plain' && (operation === 'accept' || operation === 'datagram')) continue;
      if (operation === 'datagram' && !['kaios25', 'gecko'].includes(profile)) continue;
      for (const row of rows) {
        const { fault: parameters, ...row_ } = TABLE[operation][row](security, profile);
        cases[`${operation}: ${row}`] = { operation, spec: { ...row_, fault: row_.none ? null : { name: fault, ...parameters } } };
      }
    }
  }
  return cases;
}

/** Runs one case and resolves with what is wrong, as a list of sentences. */
export async function runCase(stage, { operation, spec }) {
  const problems = [];
  const check = (right, what) => { if (!right) problems.push(what); };
  stage.stall = 0;
  await OPERATIONS[operation](stage, spec, check);
  const left = await stage.settled(spec.zombies || 0);
  check(!left, `left behind: ${left}`);
  check(stage.stall < LONGEST_STALL, `the page stood still for ${Math.round(stage.stall)} ms`);
  const again = await stage.works();
  check(!again, again);
  const after = await stage.settled();
  check(!after, `left behind by the next connection: ${after}`);
  return problems;
}

const within = (check, what, { elapsed }, limit) =>
  check(elapsed < limit, `${what} took ${Math.round(elapsed)} ms, more than ${limit}`);

function between(check, what, count, [low, high]) {
  check(count >= low && count <= high, `${what}: ${count}, not ${low === high ? low : `${low} to ${high}`}`);
}

/** How a read ended: with data, the end in order, or a code. */
function checkRead(check, got, { received, garbage, code = '', eof = false, timeout = 0 }) {
  between(check, 'received', got.bytes.length, received);
  check(isPattern(got.bytes, 0) === !garbage, garbage ? 'the bytes came unharmed' : 'the bytes are not those that were sent');
  check(got.code === code, `read: ${got.code || 'no error'}, not ${code || 'none'}: ${got.detail}`);
  check(!eof || got.value === true, 'there was no end');
  within(check, 'read', got, timeout + BOUND);
}

async function reading(stage, spec, check) {
  const { length = 100 * KB, end = true, timeout = 0 } = spec;
  const server = stage.server(serving.source(length, { end }), spec.fault);
  if (spec.plainServer) stage.memory.listen(server.address, (peer) => peer.write('no TLS here\r\n'));
  try {
    const dialed = await stage.dial(server, { timeout: timeout || undefined, roots: spec.roots });
    within(check, 'dial', dialed, timeout + BOUND);
    check(dialed.code === (spec.dial || ''), `dial: ${dialed.code || 'no error'}, not ${spec.dial || 'none'}: ${dialed.detail}`);
    const { handle } = dialed;
    if (!handle) return;
    await stage.call('write', { bytes: 1 }, { handle });
    if (spec.late) await stage.until(async () => (await stage.queues()).queued > HIGH_WATER);
    const got = await stage.call('read', { bytes: length + 1 }, { handle, timeout: timeout || undefined });
    if (spec.received) checkRead(check, got, spec);
    if (got.code) {
      const again = await stage.call('read', { bytes: 1 }, { handle, timeout: SHORT });
      check(again.code === got.code, `a second read: ${again.code || 'no error'}, not ${got.code}`);
    }
    await handle.close();
  } finally {
    server.close();
  }
}

async function connected(stage, server, check) {
  const { handle, code, detail } = await stage.dial(server);
  check(!code, `dial: ${code}: ${detail}`);
  return handle;
}

const OPERATIONS = {
  dial: reading,
  read: reading,

  async write(stage, spec, check) {
    const LENGTH = 2000 * KB;
    const { timeout = 0 } = spec;
    const serve = serving.sink();
    const server = stage.server(serve, spec.fault);
    try {
      const handle = await connected(stage, server, check);
      if (!handle) return;
      // A deadline that is not meant to run out is that of a slow machine.
      const options = { handle, timeout: timeout || 2 * BOUND };
      const acknowledging = stage.call('read', { bytes: 1000 * KB }, options);
      const written = await stage.call('write', { bytes: LENGTH }, options);
      if (spec.code !== 'any') check(written.code === spec.code, `write: ${written.code || 'no error'}, not ${spec.code || 'none'}: ${written.detail}`);
      if (spec.code) within(check, 'write', written, timeout + BOUND);
      await stage.until(() => serve.received >= spec.received[0]);
      if (!spec.acknowledged) await handle.close();
      const { bytes, ...got } = await acknowledging;
      if (spec.acknowledged) {
        check(got.code === spec.acknowledged, `reading: ${got.code || 'no error'}, not ${spec.acknowledged}: ${got.detail}`);
        within(check, 'reading', got, timeout + BOUND);
      }
      const acknowledged = lastAcknowledgement(bytes);
      check(acknowledged <= serve.received, `the server got ${serve.received} bytes and acknowledged ${acknowledged}`);
      check(serve.received <= written.value, `the server got ${serve.received} bytes of ${written.value}`);
      between(check, 'the server got', serve.received, spec.received);
      check(serve.intact, 'the server got other bytes than were sent');
      const closed = await timed(handle.close());
      within(check, 'close', closed, BOUND + (stage.security === 'own' ? GOODBYE : 0));
    } finally {
      server.close();
    }
  },

  async idle(stage, spec, check) {
    const server = stage.server(serving.mute(), spec.fault);
    try {
      const handle = await connected(stage, server, check);
      if (!handle) return;
      const got = await stage.call('read', { bytes: 1 }, { handle });
      checkRead(check, got, { ...spec, received: whole(0) });
      await handle.close();
    } finally {
      server.close();
    }
  },

  async close(stage, spec, check) {
    const serve = serving.sink();
    const server = stage.server(serve, spec.fault);
    try {
      const handle = await connected(stage, server, check);
      if (!handle) return;
      const closed = await stage.call('write', { bytes: spec.length, close: true }, { handle, timeout: 2 * BOUND });
      check(!closed.code || spec.received[0] === 0, `write and close: ${closed.code}`);
      within(check, 'write and close', closed, BOUND + (stage.security === 'own' ? GOODBYE : 0));
      await stage.until(() => serve.received >= spec.received[0]);
      if (spec.over) await stage.until(() => serve.ended !== '');
      between(check, 'the server got', serve.received, spec.received);
      check(serve.intact, 'the server got other bytes than were sent');
      const after = await stage.call('write', { bytes: 1 }, { handle });
      check(after.code === 'ECLOSED', `a write after close: ${after.code || 'no error'}`);
      await handle.close();
    } finally {
      server.close();
    }
  },

  async accept(stage, spec, check) {
    const PORT = 8080;
    const { length = 100 * KB, timeout = 0 } = spec;
    const address = `0.0.0.0:${PORT}`;
    stage.network.set(address, spec.fault);
    const listened = await stage.listen(PORT, { timeout: 2 * PROBE });
    stage.network.set(address, null);
    check(listened.code === (spec.listen || ''), `listen: ${listened.code || 'no error'}, not ${spec.listen || 'none'}: ${listened.detail}`);
    within(check, 'listen', listened, PROBE + BOUND);
    const listener = listened.handle;
    if (!listener) return;
    const serve = spec.writes ? serving.mute() : serving.source(length, { end: !!spec.end });
    stage.connect(PORT, (peer) => {
      serve(peer);
      if (!spec.writes) peer.ondata(new Uint8Array(0));
    });
    const accepted = await stage.accept(listener);
    check(!accepted.code, `accept: ${accepted.code}`);
    const { handle } = accepted;
    if (handle) {
      check(/^10\.0\.0\.2:\d+$/.test(accepted.value.peer), `the peer is ${accepted.value.peer}`);
      if (spec.writes) {
        const LENGTH = 1000 * KB;
        const written = await stage.call('write', { bytes: LENGTH }, { handle, timeout: timeout || 2 * BOUND });
        check(written.code === spec.code, `write: ${written.code || 'no error'}, not ${spec.code || 'none'}`);
        await stage.until(() => serve.received >= spec.received[0]);
        between(check, 'the peer got', serve.received, spec.received);
        check(serve.intact, 'the peer got other bytes than were sent');
      } else {
        checkRead(check, await stage.call('read', { bytes: length + 1 }, { handle, timeout: timeout || undefined }), spec);
      }
      await handle.close();
    }
    if (spec.next) {
      const next = await stage.accept(listener, { timeout: SHORT });
      check(next.code === spec.next, `the next accept: ${next.code || 'no error'}, not ${spec.next}`);
      within(check, 'accept', next, SHORT + BOUND);
    }
    await listener.close();
  },

  async datagram(stage, spec, check) {
    const PORT = 53;
    const HOST = '10.0.0.3';
    let arrived = 0;
    const machine = stage.memory.host(HOST).bind({ address: null, port: PORT, reuse: false, loopback: false });
    machine.onmessage = (bytes, from, port) => {
      arrived++;
      machine.send(bytes, from, port);
    };
    await new Promise((resolve) => { machine.onbound = resolve; });
    const fault = spec.own ? '0.0.0.0:0' : `${HOST}:${PORT}`;
    stage.network.set(fault, spec.fault);
    try {
      const bound = await stage.dialUDP(HOST, PORT);
      check(bound.code === (spec.bind || ''), `bind: ${bound.code || 'no error'}, not ${spec.bind || 'none'}`);
      within(check, 'bind', bound, BOUND);
      const { handle } = bound;
      if (!handle) return;
      for (let i = 0; i < DATAGRAMS; i++) {
        const sent = await stage.call('send', {}, { handle, bytes: Uint8Array.of(i, 1, 2, 3) });
        check(!sent.code || sent.code === spec.code, `send: ${sent.code}`);
      }
      const { arrive = DATAGRAMS, come = DATAGRAMS } = spec;
      const seen = [];
      let empty = 0;
      let end;
      do {
        end = await stage.call('receive', {}, { handle, timeout: SHORT });
        if (end.code) break;
        if (end.bytes.length === 0) empty++;
        else seen.push(end.bytes);
      } while (seen.length < come);
      if (!end.code) end = await stage.call('receive', {}, { handle, timeout: SHORT });
      within(check, 'receive', end, SHORT + BOUND);
      check(end.code === (spec.code || 'ETIMEDOUT'), `the last receive: ${end.code || 'no error'}`);
      if (!spec.code) {
        between(check, 'arrived', arrived, whole(arrive));
        between(check, 'came back', seen.length, whole(come));
        const unharmed = seen.filter(([i, ...rest]) => i < DATAGRAMS && rest.join() === '1,2,3').length;
        between(check, 'came back unharmed', unharmed, whole(spec.garbage ? 0 : come));
        if (come === DATAGRAMS && !spec.garbage) check(new Set(seen.map(([i]) => i)).size === come, 'one came twice');
        check(empty === 0 || !!spec.empties, `${empty} were empty`);
      }
      await handle.close();
    } finally {
      stage.network.set(fault, null);
      machine.close();
    }
  },
};

async function timed(promise) {
  const begun = performance.now();
  await promise;
  return { elapsed: performance.now() - begun };
}
