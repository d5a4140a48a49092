// Node's end of goexec.mjs: a process of its own, as a Go program that spins
// can only be ended from outside.
//
//     node goexec-node.mjs path/to/wasm_exec.js test.wasm arguments…
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const [wasmExec, binary, ...args] = process.argv.slice(2);
Object.assign(globalThis, { fs, path }); // wasm_exec.js puts stubs where it finds none
createRequire(import.meta.url)(wasmExec);
const { runGo } = await import('./goexec-page.js');

let running = null;
let code = null;
process.on('exit', () => {
  if (running === null || code !== null) return;
  // Nothing is left that could wake Go. Resuming it once more makes its
  // scheduler find that out and say where each goroutine waits.
  running._pendingEvent = { id: 0 };
  running._resume();
  process.exitCode = 2;
});
code = await runGo({
  bytes: fs.readFileSync(binary),
  argv: [binary, ...args],
  env: { TMPDIR: tmpdir(), ...process.env },
  onStart: (go) => { running = go; },
});
process.exit(code);
