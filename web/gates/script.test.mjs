// What wasm/js makes of WebAssembly, and what runs it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { Go } from '../../wasm/js/exec.js';
import { sparing, toScript } from '../../wasm/js/make.mjs';
import { refusals } from '../kit/gecko48.mjs';

const assembler = fileURLToPath(new URL('../node_modules/binaryen/bin/wasm-as', import.meta.url));

test('giant functions are kept from the optimizing compiler, and no others', () => {
  const filler = 'x+=1;'.repeat(20);
  const small = 'function a(x){return x}';
  const giant = (name) => `function ${name}(x){${filler}return x}`;
  const source = `var f=function(){${small}${giant('b')}var c=(x)=>{${filler}return x};return a(1)+b(2)+c(3)};f()`;
  const spared = sparing(source, 80);
  assert.equal(spared, source.replace('function b(x){', '$&try{}finally{}').replace('(x)=>{', '$&try{}finally{}'));
  assert.equal(vm.runInNewContext(spared), vm.runInNewContext(source));
  assert.equal(sparing(source, 1000), source);
});

test('a script is what its module is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-script-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'small.wat'), `(module
    (import "gojs" "runtime.ticks" (func $ticks (result i64)))
    (import "gojs" "runtime.sleepTicks" (func $sleep (param i64)))
    (memory (export "memory") 2)
    (data (i32.const 1024) "kai\\00wire")
    (func (export "_start") (call $sleep (i64.sub (call $ticks) (i64.const 1700000000000000000))))
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "extend") (param i32) (result i32) (i32.extend8_s (local.get 0)))
    (func (export "truncate") (param f64) (result i32) (i32.trunc_sat_f64_s (local.get 0)))
    (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2))))`);
  const wasm = join(folder, 'small.wasm');
  execFileSync(process.execPath, [assembler, '--mvp-features', '--enable-mutable-globals', '--enable-sign-ext',
    '--enable-nontrapping-float-to-int', '--enable-bulk-memory', '--enable-bulk-memory-opt', join(folder, 'small.wat'), '-o', wasm]);
  const script = await toScript(wasm, 'small-tls');
  assert.deepEqual(refusals(script, { worker: true }), []);

  const scope = vm.createContext({});
  scope.self = scope;
  vm.runInContext(script, scope);
  assert.deepEqual(Object.keys(scope.kaiwireModules), ['small-tls']);
  const go = new Go();
  const slept = [];
  go.importObject.gojs['runtime.ticks'] = () => 1_700_000_000_000_000_000 + 5_000_000_000;
  go.importObject.gojs['runtime.sleepTicks'] = (ticks) => slept.push(ticks);
  const link = () => go.instantiate(scope.kaiwireModules['small-tls']);
  const instance = link();
  go.run(instance);
  assert.deepEqual(slept, [5_000_000_000], '64 bits there and back');

  const { memory, grow, extend, truncate, fill } = instance.exports;
  assert.equal(memory.buffer.byteLength, 2 << 20);
  assert.equal(Buffer.from(memory.buffer, 1024, 8).toString('latin1'), 'kai\0wire');
  // Out of range Go leaves it to the implementation; this is what it does on a PC.
  assert.deepEqual([extend(0x80), truncate(-1.9), truncate(1e20)], [-128, -1, -0x80000000]);
  fill(1024, 0x61, 3);
  const before = memory.buffer;
  assert.equal(grow(32), 32);
  assert.notEqual(memory.buffer, before);
  assert.equal(Buffer.from(memory.buffer, 1024, 8).toString('latin1'), 'aaa\0wire');
  assert.equal(grow(512), -1, 'more than there may be');
  assert.equal(grow(448), 64);
  assert.equal(memory.buffer.byteLength, 32 << 20);
  assert.equal(grow(1), -1);
  assert.equal(Buffer.from(link().exports.memory.buffer, 1024, 8).toString('latin1'), 'kai\0wire', 'each instance has its own memory');
});

test('what a script needs to be otherwise fails loudly', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-script-'));
  t.after(() => rmSync(folder, { recursive: true }));
  // Without memory there is no place for its bounds.
  writeFileSync(join(folder, 'none.wasm'), Buffer.from([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]));
  await assert.rejects(toScript(join(folder, 'none.wasm'), 'none'), /wasm2js writes otherwise than it did/);
});

test('values cross', async (t) => {
  const memory = { buffer: new ArrayBuffer(65536) };
  const go = new Go();
  const entered = [];
  go.run({ exports: { memory, _start: () => entered.push('start'), resume: () => entered.push('resume') } });
  let imports;
  go.instantiate((given) => {
    imports = given;
    return {};
  });
  const { gojs, env } = imports;
  const js = (name, ...parameters) => gojs[`syscall/js.${name}`](...parameters);
  const view = new DataView(memory.buffer);
  const text = (at, value) => {
    const bytes = new TextEncoder().encode(value);
    new Uint8Array(memory.buffer).set(bytes, at);
    return [at, bytes.length];
  };
  const half = (low) => [low, env.getTempRet0()];
  const globalThis_ = [5, 0x7ff80001];
  /** A ref of a value that JavaScript has made. */
  const refOf = (value) => {
    globalThis.kaiwireTestValue = value;
    return half(js('valueGet', ...globalThis_, ...text(0, 'kaiwireTestValue')));
  };
  const valueOf = (ref) => {
    js('valueSet', ...globalThis_, ...text(0, 'kaiwireTestValue'), ...ref);
    return globalThis.kaiwireTestValue;
  };
  t.after(() => { delete globalThis.kaiwireTestValue; });

  const object = { a: 1 };
  const symbol = Symbol('s');
  const call = () => 1;
  await t.test('of every kind', () => {
    for (const value of [undefined, null, true, false, 0, 1, -1, 1.5, 2 ** 31, -(2 ** 31), 2 ** 53, -1e308, 5e-324, Infinity, -Infinity, NaN,
      '', 'namaste 🙏', object, symbol, call]) {
      assert.ok(Object.is(valueOf(refOf(value)), value), String(value));
    }
    // Package js tells the types apart by these.
    for (const [value, type] of [[object, 1], ['text', 2], [symbol, 3], [call, 4]]) assert.equal(refOf(value)[1] & 7, type);
    assert.deepEqual([undefined, null, true, false, 0, NaN].map(refOf),
      [[0, 0], [2, 0x7ff80000], [3, 0x7ff80000], [4, 0x7ff80000], [1, 0x7ff80000], [0, 0x7ff80000]]);
  });

  await t.test('by one number as long as Go has it', () => {
    const [first] = refOf(object);
    assert.equal(refOf(object)[0], first);
    for (let i = 0; i < 50; i++) js('finalizeRef', ...refOf({ i }));
    const [next] = refOf({});
    assert.equal(refOf({})[0] - next, 1, 'places are used again');
  });

  await t.test('in calls', () => {
    const at = 1024;
    const out = 2048;
    const put = (...refs) => refs.flat().forEach((word, i) => view.setInt32(at + 4 * i, word, true));
    const result = () => [valueOf([view.getInt32(out, true), view.getInt32(out + 4, true)]), view.getUint8(out + 8)];
    put(refOf('b'), refOf(2));
    js('valueCall', out, ...refOf({ join(...all) { return [this.own, ...all].join(); }, own: 'a' }), ...text(0, 'join'), at, 2, 2);
    assert.deepEqual(result(), ['a,b,2', 1]);
    js('valueInvoke', out, ...refOf((a, b) => { throw a + b; }), at, 2, 2);
    assert.deepEqual(result(), ['b2', 0], 'what is thrown is a result');
    js('valueNew', out, ...refOf(Array), at, 2, 2);
    assert.deepEqual(result(), [['b', 2], 1]);
  });

  await t.test('properties, strings and bytes', () => {
    const list = refOf(['x', 'y']);
    assert.equal(js('valueLength', ...list), 2);
    assert.equal(valueOf(half(js('valueIndex', ...list, 1))), 'y');
    js('valueSetIndex', ...list, 1, ...refOf('z'));
    assert.deepEqual(valueOf(list), ['x', 'z']);
    js('valueDelete', ...refOf(object), ...text(0, 'a'));
    assert.deepEqual(object, {});
    assert.equal(js('valueInstanceOf', ...list, ...refOf(Array)), 1);
    assert.equal(js('valueInstanceOf', ...list, ...refOf(Map)), 0);
    assert.equal(valueOf(half(js('stringVal', ...text(0, 'नमस्ते')))), 'नमस्ते');

    js('valuePrepareString', 2048, ...refOf('é🙏'));
    assert.equal(view.getInt32(2056, true), 6);
    js('valueLoadString', view.getInt32(2048, true), view.getInt32(2052, true), 3000, 6, 6);
    assert.equal(Buffer.from(memory.buffer, 3000, 6).toString(), 'é🙏');

    js('copyBytesToGo', 2048, 3000, 4, 4, ...refOf(Uint8Array.of(1, 2, 3)));
    assert.deepEqual([view.getInt32(2048, true), view.getUint8(2052), ...Buffer.from(memory.buffer, 3000, 3)], [3, 1, 1, 2, 3]);
    const target = new Uint8Array(2);
    js('copyBytesToJS', 2048, ...refOf(target), 3000, 4, 4);
    assert.deepEqual([view.getInt32(2048, true), view.getUint8(2052), ...target], [2, 1, 1, 2]);
    js('copyBytesToGo', 2048, 3000, 4, 4, ...refOf([1]));
    assert.equal(view.getUint8(2052), 0);
  });

  await t.test('functions of Go', () => {
    const wrapper = go._makeFuncWrapper(7);
    assert.equal(wrapper.call(object, 1, 2), undefined);
    assert.deepEqual([go._pendingEvent.id, go._pendingEvent.this, go._pendingEvent.args], [7, object, [1, 2]]);
    assert.deepEqual(entered, ['start', 'resume']);
  });

  await t.test('output and exit', async (t) => {
    const { mock } = t.mock.method(console, 'log', () => {});
    const { fd_write: write, proc_exit: exit, random_get: random } = imports.wasi_snapshot_preview1;
    for (const part of ['panic: ', 'é\nre', 'st\n']) {
      view.setUint32(4000, ...[text(5000, part)[0]], true);
      view.setUint32(4004, Buffer.byteLength(part), true);
      assert.equal(write(1, 4000, 1, 4008), 0);
      assert.equal(view.getUint32(4008, true), Buffer.byteLength(part));
    }
    assert.deepEqual(mock.calls.map(({ arguments: [line] }) => line), ['panic: é', 'rest']);
    random(6000, 16);
    assert.notDeepEqual([...Buffer.from(memory.buffer, 6000, 16)], new Array(16).fill(0));

    const ending = new Go();
    const ended = ending.run({ exports: { memory, _start: () => ending.importObject.wasi_snapshot_preview1.proc_exit(3) } });
    await ended;
    assert.deepEqual([ending.exited, ending.exitCode], [true, 3]);
    assert.throws(() => ending._resume(), /has ended/);
    assert.throws(() => exit(0));
    const thrown = new Error('of the program');
    await assert.rejects(new Go().run({ exports: { memory, _start() { throw thrown; } } }), thrown);
  });
});
