// A stream over a platform whose answers the test gives.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { READABLE, SEND_WINDOW, Stream, WRITABLE } from './stream.js';

const KIB = 1024;
/** What the platform takes before it asks for a pause. */
const BUFFER = 64 * KIB;

/** An open stream, the lengths that its platform was given, and what the stream has signalled. */
function opened() {
  const sent = [];
  const signals = [];
  let buffered = 0;
  const socket = {
    send: (data, offset, length) => {
      sent.push(length);
      buffered += length;
      return buffered <= BUFFER;
    },
  };
  const stream = new Stream({ open: () => socket }, { host: 'h', port: 1 }, (what) => signals.push(what));
  socket.onopen();
  signals.length = 0;
  return {
    stream, sent, signals,
    write: (length) => stream.write(new ArrayBuffer(length), 0, length),
    drain: () => {
      buffered = 0;
      socket.ondrain();
    },
    arrives: (data, more) => socket.ondata({ data, more }),
  };
}

test('a large write goes in one piece as far as the window reaches, and on when all has gone', () => {
  const { sent, signals, write, drain } = opened();
  assert.equal(write(2 * SEND_WINDOW), SEND_WINDOW);
  assert.equal(write(SEND_WINDOW), 0);
  assert.deepEqual([sent, signals], [[SEND_WINDOW], []]);
  drain();
  assert.deepEqual(signals, [WRITABLE]);
  assert.equal(write(100 * KIB), 100 * KIB);
  assert.equal(write(SEND_WINDOW), SEND_WINDOW - 100 * KIB);
  assert.equal(write(1), 0);
});

for (const length of [1, 16 * KIB, 40 * KIB, 64 * KIB, 384 * KIB]) {
  test(`writes of ${length} bytes: never more on their way than the platform's buffer and the window`, async () => {
    const { sent, write, drain } = opened();
    for (let round = 0; round < 2; round++) {
      let taken = 0;
      // Small ones are sent when the turn is over.
      for (let written = 1; written > 0 && taken < 2 * SEND_WINDOW; taken += written) {
        written = write(length);
        if (written === 0 || taken % BUFFER === 0) await null;
      }
      const total = sent.splice(0).reduce((sum, each) => sum + each, 0);
      assert.equal(total, taken);
      assert.ok(total >= SEND_WINDOW && total <= BUFFER + SEND_WINDOW, String(total));
      drain();
    }
  });
}

test('a buffer that has been read is given up at once, and no sooner', () => {
  const { stream, arrives } = opened();
  const [large, small] = [64 * KIB, 1024].map((length) => new Uint8Array(length).fill(7).buffer);
  arrives(large);
  arrives(small);
  const target = new Uint8Array(64 * KIB);
  assert.equal(stream.read(target.subarray(1)), 64 * KIB - 1);
  assert.equal(large.byteLength, 64 * KIB);
  assert.equal(stream.read(target), 1 + 1024);
  assert.deepEqual([...target.subarray(0, 1025)], Array(1025).fill(7));
  assert.deepEqual([large.byteLength, small.byteLength], [0, 1024], 'what is small costs less where it is');
});

test('one that can not be given up is read as any other', () => {
  const { stream, arrives } = opened();
  arrives(new SharedArrayBuffer(64 * KIB));
  assert.equal(stream.read(new Uint8Array(128 * KIB)), 64 * KIB);
  assert.equal(stream.read(new Uint8Array(1)), 0);
});

test('who waits to read hears of chunks that come together when they are all there', () => {
  const { stream, signals, arrives } = opened();
  assert.equal(stream.read(new Uint8Array(1)), 0);
  arrives(new ArrayBuffer(1), true);
  arrives(new ArrayBuffer(2), true);
  assert.deepEqual(signals, []);
  arrives(new ArrayBuffer(0), false);
  assert.deepEqual(signals, [READABLE]);
  assert.equal(stream.read(new Uint8Array(8)), 3);
  assert.equal(stream.read(new Uint8Array(8)), 0);
  arrives(new ArrayBuffer(0), false);
  assert.deepEqual(signals, [READABLE]);
  arrives(new ArrayBuffer(1));
  assert.deepEqual(signals, [READABLE, READABLE]);
});
