// The page's end of goexec.mjs.
import { runGo } from './goexec-page.js';

const PATHS = { 1: '/stdout', 2: '/stderr' };

// In place of wasm_exec.js's, which writes whole lines to the console. The
// request is synchronous so that what Go has written is out before Go goes on:
// a program that spins or brings the page down has then said where it was.
globalThis.fs.writeSync = (descriptor, bytes) => {
  const request = new XMLHttpRequest();
  request.open('POST', PATHS[descriptor] ?? PATHS[2], false);
  request.send(bytes);
  return bytes.length;
};

globalThis.goexecRun = async (argv, env) => {
  const response = await fetch('/test.wasm');
  return runGo({ bytes: await response.arrayBuffer(), argv, env });
};
document.title = 'ready';
