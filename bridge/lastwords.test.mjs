// Programs that break down, as the host sees them: what they leave behind, and
// what they have said. web/test/stories/breakdown.test.mjs has Go's own.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Host } from './host.js';
import { LastWords } from './lastwords.js';

const encoder = new TextEncoder();

function heard(...pieces) {
  const words = new LastWords();
  for (const piece of pieces) words.hear(typeof piece === 'string' ? encoder.encode(piece) : piece);
  return words.text;
}

describe('last words', () => {
  test('are from the line on that says why', () => {
    assert.equal(heard('hello\n', 'panic: boom\n', '\ngoroutine 1 [running]:\n'), 'panic: boom\n\ngoroutine 1 [running]:');
    assert.equal(heard('runtime: out of memory\nfatal error: out of memory\n'), 'fatal error: out of memory');
    assert.equal(heard('nothing of the kind: panic: no\n'), '');
    assert.equal(heard(), '');
  });

  test('come in pieces', () => {
    const bytes = encoder.encode('log line\npanic: Ärger é 漢\nmore');
    assert.equal(heard(...Array.from(bytes, (byte) => Uint8Array.of(byte))), 'panic: Ärger é 漢\nmore');
    assert.equal(heard('pan', 'ic', ': ', 'boom'), 'panic: boom');
  });

  test('are the last', () => {
    assert.equal(heard('panic: first\nand more\n', 'panic: second\n'), 'panic: second');
    assert.equal(heard('panic: first\n', 'panic: second'), 'panic: second');
  });

  test('have a bound, from which the beginning is kept', () => {
    const text = heard('panic: boom\n', 'x'.repeat(50_000), '\n', 'goroutine\n'.repeat(50_000));
    assert.match(text, /^panic: boom\nx{1000}/);
    assert.ok(text.length <= 2000, String(text.length));
    assert.equal(heard('x'.repeat(50_000), '\npanic: boom\n'), 'panic: boom');
  });
});

/** A program of TinyGo's: all that it is made of here is what its host sees. `wakes` is what kaiwire_wake does. */
function tinyGo(wakes) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const written = [];
  const go = {
    importObject: {
      gojs: { 'runtime.sleepTicks': () => {} },
      wasi_snapshot_preview1: { fd_write: (...parameters) => { written.push(parameters); return 0; } },
    },
    exited: false,
    run(instance) {
      this._inst = instance;
      return new Promise((resolve) => { this.ends = resolve; });
    },
    _resume() { this._inst.exports.resume(); },
  };
  const closed = [];
  const phone = { open: () => ({ close: () => closed.push('closed') }) };
  const host = new Host(phone, {});
  host.attach(go);
  /** fd_write of text, in two vectors. */
  const write = (text) => {
    const bytes = encoder.encode(text);
    const half = bytes.length >> 1;
    new Uint8Array(memory.buffer, 64).set(bytes);
    new Uint32Array(memory.buffer, 0, 4).set([64, half, 64 + half, bytes.length - half]);
    assert.equal(go.importObject.wasi_snapshot_preview1.fd_write(1, 0, 2, 32), 0);
  };
  const exports = { memory, go_scheduler: () => {}, resume: () => wakes(write, go), kaiwire_wake: () => wakes(write, go) };
  const ended = host.start({ exports });
  host.add(() => ({ close: () => closed.push('closed') }));
  return { go, host, ended, closed, written };
}

const unreachable = new WebAssembly.RuntimeError('unreachable executed');
const panics = (write) => {
  write('panic: boom\n');
  throw unreachable;
};

for (const [way, enter] of [['a socket', ({ host }) => host.wake(1, 2)], ['a call of one of its functions', ({ go }) => go._resume()]]) {
  test(`a trap by way of ${way} is the end, and is thrown at nobody`, async () => {
    const program = tinyGo(panics);
    enter(program);
    await assert.rejects(program.ended, unreachable);
    assert.deepEqual(program.closed, ['closed']);
    assert.equal(program.host.lastWords, 'panic: boom');
    assert.equal(program.written.length, 1, 'written all the same');
    enter(program);
    assert.equal(program.written.length, 1, 'not entered again');
  });

  test(`an exit by way of ${way} has its status`, async () => {
    const program = tinyGo((write, go) => {
      Object.assign(go, { exited: true, exitCode: 3 });
      go.ends();
      throw {}; // as TinyGo's proc_exit does
    });
    enter(program);
    assert.equal(await program.ended, 3);
    assert.deepEqual(program.closed, ['closed']);
    assert.equal(program.host.lastWords, '');
  });
}
