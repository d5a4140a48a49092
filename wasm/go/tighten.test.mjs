import assert from 'node:assert/strict';
import { test } from 'node:test';
import { number, signed } from '../binary.mjs';
import { tighten } from './tighten.mjs';

const I32 = 0x7f;
const I64 = 0x7e;
const VOID = 0x40;
const block = [0x02, VOID];
const loop = [0x03, VOID];
const If = [0x04, VOID];
const end = [0x0b];
const unreachable = [0x00];
const i32 = (value) => [0x41, ...signed(value)];
const get = (local) => [0x20, local];
const set = (local) => [0x21, local];
const tee = (local) => [0x22, local];
const global = { get: (index) => [0x23, index], set: (index) => [0x24, index] };
const i32load = (offset) => [0x28, 2, ...number(offset)];
const i32store = (offset) => [0x36, 2, ...number(offset)];
const add = [0x6a];
const sub = [0x6b];
const equalsZero = [0x45];
const br = (depth) => [0x0c, ...number(depth)];
const brIf = (depth) => [0x0d, ...number(depth)];
const brTable = (...depths) => [0x0e, ...number(depths.length - 1), ...depths.flatMap(number)];
const call = (index) => [0x10, ...number(index)];
const returns = (value) => [...i32(value), 0x0f];

const SP = 0;
const reload = [...global.get(SP), ...set(1)];
const STACK = 4096;

const vector = (...items) => [...number(items.length), ...items.flat()];
const sized = (bytes) => [...number(bytes.length), ...bytes];
const named = (text) => sized([...Buffer.from(text)]);

/** A module as Go's linker makes it, with functions (PC_B) → 1 if it is being unwound. Bodies begin with their locals. */
function moduleOf(...bodies) {
  const sections = {
    1: vector([0x60, ...vector([I32]), ...vector([I32])], [0x60, ...vector(), ...vector()]),
    2: vector([...named('go'), ...named('outside'), 0, 1]),
    3: vector(...bodies.map(() => [0])),
    5: vector([0, 1]),
    6: vector([I32, 1, ...i32(STACK), ...end]),
    7: vector([...named('memory'), 2, 0], [...named('SP'), 3, 0], ...bodies.map((_, i) => [...named(`f${i}`), 0, i + 1])),
    10: vector(...bodies.map(sized)),
  };
  return Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...Object.entries(sections).flatMap(([id, content]) => [Number(id), ...sized(content)])]);
}

const LOCALS = vector([1, I32], [2, I64]);

/** What Go writes to return to `address`; the call itself comes after. */
const makeRoom = (address) => [...get(1), ...i32(8), ...sub, ...tee(1), ...global.set(SP), ...get(1), 0x42, ...address, 0x37, 3, 0, ...i32(0)];

async function load(bytes) {
  const { instance } = await WebAssembly.instantiate(bytes, { go: { outside() {} } });
  const { memory, SP: pointer, ...functions } = instance.exports;
  return { memory: new DataView(memory.buffer), SP: pointer, ...functions };
}

/** What a function does that is entered at `place` with a number of steps left, in a fresh instance. */
async function trace(bytes, place, steps) {
  const { memory, SP: pointer, f0 } = await load(bytes);
  memory.setInt32(0, steps, true);
  const result = f0(place);
  return { result, pointer: pointer.value, memory: Buffer.from(memory.buffer.slice(0, 2 * STACK)).toString('hex') };
}

/** A function of places that note that they were visited, and jump on, some from within an `if`, or go on to the next. */
function placesOf(jumps) {
  const count = jumps.length;
  // Each visit: a step less, its number into the list at 8; with none left it returns.
  const visit = (place) => [
    ...i32(0), ...i32(0), ...i32load(0), ...i32(1), ...sub, ...i32store(0),
    ...i32(0), ...i32load(4), ...i32(place + 1), ...i32store(8), ...i32(0), ...i32(0), ...i32load(4), ...i32(4), ...add, ...i32store(4),
    ...i32(0), ...i32load(0), ...equalsZero, ...If, ...returns(0), ...end,
  ];
  // The labels that are open around a place's code: those of the places to come, the loop, and the block that unwinds.
  const toLoop = (place) => count - place - 1;
  const code = jumps.flatMap((jump, place) => {
    const leave = (inner) => [...i32(jump.to), ...set(0), ...br(toLoop(place) + inner)];
    const jumping = !jump ? [] : jump.inIf ? [...i32(0), ...i32load(0), ...i32(1), 0x71, ...If, ...leave(1), ...end] : leave(0);
    return [...end, ...visit(place), ...jumping];
  });
  return [...LOCALS, ...reload, ...block, ...loop, ...Array(count).fill(block).flat(),
    ...get(0), ...brTable(...Array(count).keys()), ...code, ...unreachable, ...end, ...unreachable, ...end, ...i32(1), ...end];
}

test('a function does the same from wherever it is entered, whichever way it jumps', async () => {
  let seed = 1;
  const random = (below) => (seed = seed * 48271 % 0x7fffffff) % below;
  for (let round = 0; round < 60; round++) {
    const count = 2 + random(9);
    // The last one has to jump, as what follows is unreachable.
    const jumps = Array.from({ length: count }, (_, place) => (place < count - 1 && random(4) === 0 ? null
      : { to: random(count), inIf: place < count - 1 && random(2) === 0 }));
    const before = moduleOf(placesOf(jumps));
    const after = tighten(before);
    for (let place = 0; place < count; place++) {
      assert.deepEqual(await trace(after, place, 40), await trace(before, place, 40), `${JSON.stringify(jumps)} from ${place}`);
    }
  }
});

test('a jump to a place that comes later goes there, one that goes back goes by the loop', () => {
  const aroundTheLoop = (to) => Buffer.from([...i32(to), ...set(0), 0x0c]);
  const forward = tighten(moduleOf(placesOf([{ to: 2 }, null, { to: 2 }])));
  // From place 2 to itself is back.
  assert.equal(forward.indexOf(aroundTheLoop(2)), forward.lastIndexOf(aroundTheLoop(2)));
  const back = tighten(moduleOf(placesOf([null, { to: 0 }, { to: 1 }])));
  for (const to of [0, 1]) assert.ok(back.includes(aroundTheLoop(to)), `the jump to ${to}`);
});

/** f0 calls f1 and then notes that it went on, and where SP was; f1 answers whether all is to be unwound. */
const calling = (address, unwound) => moduleOf(
  [...LOCALS, ...reload, ...block, ...block, ...get(0), ...brTable(0), ...end,
    ...makeRoom(address), ...call(2), ...reload, ...brIf(0), ...i32(0), ...get(1), ...i32store(0), ...returns(0), ...end, ...i32(1), ...end],
  [...LOCALS, ...reload, ...global.get(SP), ...i32(8), ...add, ...global.set(SP), ...returns(unwound), ...end],
);

for (const [name, address] of [['an address', 0x18020007], ['an address over 2 GiB', 0xf8020007]]) {
  for (const unwound of [0, 1]) {
    test(`a call puts ${name} on Go's stack and comes back, ${unwound ? 'unwinding' : 'going on'}`, async () => {
      const before = calling(number(address), unwound);
      const after = tighten(before);
      const done = await trace(after, 0, 0);
      assert.deepEqual(done, await trace(before, 0, 0));
      assert.equal(done.result, unwound);
      assert.equal(done.pointer, STACK);
      const { f0, memory } = await load(after);
      f0(0);
      assert.equal(memory.getBigUint64(STACK - 8, true), BigInt(address));
      assert.equal(memory.getInt32(0, true), unwound ? 0 : STACK);
      assert.ok(!after.includes(Buffer.from(makeRoom(number(address)))), 'the long way is still there');
    });
  }
}

test('what is not made by Go\'s compiler of Go is left as it is', () => {
  const own = [...vector(), ...get(0), ...i32(1), ...add, ...end];
  const before = moduleOf(own);
  const after = tighten(before);
  assert.ok(after.includes(Buffer.from(sized(own))));
});

test('an instruction that Go\'s compiler does not have yet is an error, and nothing is guessed', () => {
  for (const unknown of [[0xfd, 0x0c], [0xd2, 0], [0xfc, 0x10, 0, 0]]) {
    assert.throws(() => tighten(moduleOf([...LOCALS, ...reload, ...unknown, ...unreachable, ...end])), /has an instruction that is new here: 0x/);
  }
});
