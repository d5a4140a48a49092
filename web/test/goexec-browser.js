// The page's end of goexec.mjs.
import { runGo } from './goexec-page.js';

const PATHS = { 1: '/stdout', 2: '/stderr' };
/** Pairs of addresses that are asked for beforehand, as Go's tests want theirs at once. */
const RESERVE = 64;

// In place of wasm_exec.js's, which writes whole lines to the console. The
// request is synchronous so that what Go has written is out before Go goes on:
// a program that spins or brings the page down has then said where it was.
globalThis.fs.writeSync = (descriptor, bytes) => {
  const request = new XMLHttpRequest();
  request.open('POST', PATHS[descriptor] ?? PATHS[2], false);
  request.send(bytes);
  return bytes.length;
};

// TinyGo's writes them there whatever fs is.
console.log = (line) => globalThis.fs.writeSync(1, new TextEncoder().encode(`${line}\n`));

globalThis.goexecRun = async (argv, env) => {
  const response = await fetch('/test.wasm');
  return runGo({ bytes: await response.arrayBuffer(), argv, env });
};

/**
 * The same in a page of chrome:// with Gecko's own sockets, where what a test
 * meets is real servers. goexec.mjs is at `origin`; `faults` are addresses.
 */
globalThis.goexecRunGecko = async (argv, env, { origin, faults }) => {
  // A page of chrome:// has no synchronous requests.
  let written = Promise.resolve();
  globalThis.fs.writeSync = (descriptor, bytes) => {
    const body = bytes.slice();
    written = written.then(() => fetch(origin + (PATHS[descriptor] ?? PATHS[2]), { method: 'POST', body }));
    return bytes.length;
  };
  const reserve = [];
  const refill = async () => {
    const response = await fetch(`${origin}/pair`, { method: 'POST' });
    reserve.push(await response.json());
  };
  await Promise.all(Array.from({ length: RESERVE }, refill));
  const putUp = () => {
    globalThis.kaiwireTest = {
      pair() {
        refill();
        return reserve.shift();
      },
      address: (fault) => faults[fault],
      udp: () => true,
      offline: (off) => { Services.io.offline = off; },
      collectGarbage: () => Cu.forceGC(),
    };
  };
  const response = await fetch(`${origin}/test.wasm`);
  const code = await runGo({ bytes: await response.arrayBuffer(), argv, env, putUp });
  await written;
  return code;
};
document.title = 'ready';
