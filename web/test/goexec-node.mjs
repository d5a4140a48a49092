// Node's end of goexec.mjs: a process of its own, as a Go program that spins
// can only be ended from outside.
//
//     node goexec-node.mjs path/to/wasm_exec.js test.wasm arguments…
//     node goexec-node.mjs path/to/wasm/js/exec.js test.js arguments…
//
// The environment's KAIWIRE_SOCKETS=node puts Node's own sockets and real
// servers of 127.0.0.1 in the place of the mock's.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import vm from 'node:vm';

const [wasmExec, binary, ...args] = process.argv.slice(2);
Object.assign(globalThis, { fs, path }); // wasm_exec.js puts stubs where it finds none
const { Go } = createRequire(import.meta.url)(wasmExec);
if (Go) globalThis.Go = Go; // where wasm_exec.js puts its own
const { runGo } = await import('./goexec-page.js');

/** Pairs of addresses that are there beforehand, as Go's tests want theirs at once. */
const RESERVE = 64;

/** What runGo puts up in place of the mock: Node's sockets, and kaiwireTest over real servers. */
async function nodeSockets() {
  const [{ nodeHost }, { faultAddresses, Pairs }, { startServers }] = await Promise.all([
    import('../../bridge/hosts/node.js'), import('./pairs.mjs'), import('../conformance/servers.mjs')]);
  const servers = await startServers();
  const faults = faultAddresses(servers);
  const pairs = new Pairs();
  const reserve = await Promise.all(Array.from({ length: RESERVE }, () => pairs.listen()));
  return {
    close: () => servers.close(),
    putUp() {
      globalThis.kaiwireTest = {
        pair() {
          pairs.listen().then((addresses) => reserve.push(addresses));
          return reserve.shift();
        },
        address: (fault) => faults[fault],
        udp: () => true,
        offline() {}, // Node hears of no network that goes
        collectGarbage: () => globalThis.gc(),
      };
      return nodeHost({ address: '127.0.0.1' });
    },
  };
}

/** What a script registers, in a scope that is like a page's. */
function runScript(file) {
  globalThis.self = globalThis;
  vm.runInThisContext(fs.readFileSync(file, 'utf8'), { filename: file });
  return globalThis.kaiwireModules[path.basename(file, '.js')];
}

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
const real = process.env.KAIWIRE_SOCKETS === 'node' ? await nodeSockets() : null;
code = await runGo({
  ...(binary.endsWith('.js') ? { script: runScript(binary) } : { bytes: fs.readFileSync(binary) }),
  argv: [binary, ...args],
  env: { TMPDIR: tmpdir(), ...process.env },
  onStart: (go) => { running = go; },
  putUp: real?.putUp,
});
await real?.close();
process.exit(code);
