// Takes out of a module, as Go's compiler has made it, what costs bytes and time and does nothing. binaryen, which comes
// after, can't: it does not know what Go's code keeps to. That is in cmd/internal/obj/wasm, preprocess and assemble:
//
//   global.get 0  local.set 1          global 0 is SP, and local 1 is the same
//   block                              unwinding ends here: returns 1
//     loop                             parameter 0, PC_B, is the number of a place where the function is entered
//       block … block
//         local.get 0  br_table
//       end …code…  end …code…         a place after each end
import { importedFunctions, number, Reader, section, sectionsOf, signed } from '../binary.mjs';

const op = {
  block: 0x02, loop: 0x03, if: 0x04, end: 0x0b, br: 0x0c, br_if: 0x0d, br_table: 0x0e, call: 0x10, call_indirect: 0x11,
  local_get: 0x20, local_set: 0x21, local_tee: 0x22, global_get: 0x23, global_set: 0x24, i64_store: 0x37,
  memory_size: 0x3f, memory_grow: 0x40, i32_const: 0x41, i64_const: 0x42, f32_const: 0x43, f64_const: 0x44, i32_sub: 0x6b,
  i64_extend_i32_u: 0xad, last_without_prefix: 0xc4, prefix: 0xfc,
};
const FIRST_OF_MEMORY = 0x28;
const LAST_OF_MEMORY = 0x3e;
const I32 = 0x7f;
const FUNCTION_TYPE = 0x60;

const RELOAD_SP = [op.global_get, 0, op.local_set, 1];
const UNWOUND = [op.end, op.i32_const, 1, op.end];
const MAKE_ROOM = [op.local_get, 1, op.i32_const, 8, op.i32_sub, op.local_tee, 1, op.global_set, 0, op.local_get, 1, op.i64_const];
const STORE_AND_BEGIN = [op.i64_store, 3, 0, op.i32_const, 0, op.call];
/** Does what those two do: puts the address to return to, its parameter, on Go's stack. Returns PC_B for the function to call. */
const PUSH = [0, op.global_get, 0, op.i32_const, 8, op.i32_sub, op.global_set, 0,
  op.global_get, 0, op.local_get, 0, op.i64_extend_i32_u, op.i64_store, 3, 0, op.i32_const, 0, op.end];

/** Steps over what belongs to an instruction. */
function skip(r, code) {
  if (code >= FIRST_OF_MEMORY && code <= LAST_OF_MEMORY) {
    r.number();
    r.number();
    return;
  }
  switch (code) {
    case op.block: case op.loop: case op.if: case op.i32_const: case op.i64_const: r.signed(); break;
    case op.br: case op.br_if: case op.call: case op.memory_size: case op.memory_grow:
    case op.local_get: case op.local_set: case op.local_tee: case op.global_get: case op.global_set: r.number(); break;
    case op.call_indirect: r.number(); r.number(); break;
    case op.br_table: for (let left = r.number(); left >= 0; left--) r.number(); break;
    case op.f32_const: r.at += 4; break;
    case op.f64_const: r.at += 8; break;
    case op.prefix: {
      const which = r.number();
      // From 8: memory.init, data.drop, memory.copy, memory.fill. Those below make whole numbers of floats.
      if (which > 11) throw new Error(`Go's compiler has an instruction that is new here: 0xfc ${which}`);
      r.at += which === 8 || which === 10 ? 2 : which > 8 ? 1 : 0;
      break;
    }
    default:
      if (code > op.last_without_prefix) throw new Error(`Go's compiler has an instruction that is new here: 0x${code.toString(16)}`);
  }
}

const startsWith = (bytes, at, these) => these.every((byte, i) => bytes[at + i] === byte);

/** The blocks that are open at a br_table and the places that it leads to, if it is one of a function's begin. */
function table(r) {
  const places = [];
  for (let left = r.number(); left >= 0; left--) places.push(r.number());
  return places;
}

/** A function's body, tightened; undefined where there is nothing to gain. `push` is PUSH's number. */
function tightenBody(body, push) {
  const { bytes, at: begin, end } = body;
  const r = new Reader(bytes, begin, end);
  for (let left = r.number(); left > 0; left--) {
    r.number();
    r.byte();
  }
  if (!startsWith(bytes, r.at, RELOAD_SP)) return undefined;
  const unwinds = startsWith(bytes, end - UNWOUND.length, UNWOUND);
  const parts = [];
  let copied = begin;
  const replace = (from, to, by) => {
    parts.push(bytes.subarray(copied, from), Buffer.from(by));
    copied = to;
  };
  // The labels that are open, outermost first, by their instruction; the function's own is none that Go's code leads to.
  const labels = [];
  /** Where the labels of the places begin, and to which place each PC_B leads. */
  let places;
  let first = 0;
  let closed = 0;
  let call = false;
  while (r.at < end) {
    const at = r.at;
    const code = r.byte();
    const called = call;
    call = false;
    if (code === op.block || code === op.loop || code === op.if) {
      labels.push(code);
      r.signed();
    } else if (code === op.end) {
      labels.pop();
      if (places && labels.length < first + places.count - closed) closed++;
    } else if (code === op.br_table && !places && startsWith(bytes, at - 2, [op.local_get, 0])) {
      const targets = table(r);
      first = labels.lastIndexOf(op.loop) + 1;
      if (first > 0) places = { targets, count: labels.length - first };
    } else if (code === op.i32_const && places) {
      // A jump: to a place that comes later there is a shorter way than around the loop.
      const to = r.signed();
      if (startsWith(bytes, r.at, [op.local_set, 0, op.br])) {
        const jump = new Reader(bytes, r.at + 3, end);
        const depth = jump.number();
        const place = places.targets[to];
        if (labels.length - 1 - depth === first - 1 && place >= closed) {
          replace(at, jump.at, [op.br, ...number(labels.length - 1 - (first + places.count - 1 - place))]);
          r.at = jump.at;
        }
      }
    } else if (code === op.local_get && startsWith(bytes, at, MAKE_ROOM)) {
      const after = new Reader(bytes, at + MAKE_ROOM.length, end);
      const address = after.signed();
      if (startsWith(bytes, after.at, STORE_AND_BEGIN) && address < 2 ** 32) {
        r.at = after.at + STORE_AND_BEGIN.length - 1;
        replace(at, r.at, [op.i32_const, ...signed(address), op.call, ...number(push)]);
      } else r.number();
    } else if (code === op.global_get && called && startsWith(bytes, at, RELOAD_SP) && bytes[at + RELOAD_SP.length] === op.br_if && unwinds) {
      // A goroutine that is left has no use for SP.
      const branch = new Reader(bytes, at + RELOAD_SP.length + 1, end);
      if (branch.number() === labels.length - 1) replace(at, branch.at, [...bytes.subarray(at + RELOAD_SP.length, branch.at), ...RELOAD_SP]);
      r.at = branch.at;
    } else {
      skip(r, code);
      call = code === op.call || code === op.call_indirect;
    }
  }
  if (parts.length === 0) return undefined;
  return Buffer.concat([...parts, bytes.subarray(copied, end)]);
}

const withLength = (bytes) => Buffer.concat([Buffer.from(number(bytes.length)), bytes]);

/** A module of Go's compiler, made smaller; it does the same. */
export function tighten(bytes) {
  const parts = [bytes.subarray(0, 8)];
  let imported = 0;
  let type = -1;
  let push = 0;
  for (const { id, piece } of sectionsOf(bytes)) {
    let content = piece.rest();
    if (id === section.TYPE) {
      for (let i = 0, count = piece.number(); i < count; i++) {
        if (startsWith(bytes, piece.at, [FUNCTION_TYPE, 1, I32, 1, I32])) type = i;
        piece.byte();
        piece.piece();
        piece.piece();
      }
    } else if (id === section.IMPORT) imported = importedFunctions(piece);
    else if (id === section.FUNCTION) {
      const count = piece.number();
      push = imported + count;
      content = Buffer.concat([Buffer.from(number(count + 1)), piece.rest(), Buffer.from(number(type))]);
    } else if (id === section.CODE) {
      const count = piece.number();
      const bodies = [Buffer.from(number(count + 1))];
      while (piece.more) {
        const body = piece.piece();
        bodies.push(withLength(tightenBody(body, push) || body.rest()));
      }
      content = Buffer.concat([...bodies, withLength(Buffer.from(PUSH))]);
    }
    parts.push(Buffer.from([id]), withLength(content));
  }
  return Buffer.concat(parts);
}
