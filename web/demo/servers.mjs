// Starts the demo's mail, chat and name servers: see servers/main.go.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The compiler may have to compile first. */
const START_TIMEOUT = 5 * 60_000;
const STOP_TIMEOUT = 5_000;

/**
 * Resolves when they are ready with `places`, what they say of themselves; with null if `asked`, to stop, comes
 * first. Rejects with a text fit to print.
 * @param {string} talk how often somebody says something in the chat, such as "3s"
 * @param {Promise<null>} asked
 */
export async function startServers(talk, asked) {
  // Out of the terminal's process group: they end with their standard input, not by Ctrl-C and so before us.
  const child = spawn('go', ['run', './web/demo/servers', '-talk', talk], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  child.stdin.on('error', () => {});
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(`The servers cannot be started: ${error.message}. Is Go installed?`));
    child.once('close', (status, signal) => resolve(`The servers ended with ${signal ?? `status ${status}`}.`));
  });
  const stop = async () => {
    child.stdin.end();
    const timer = setTimeout(() => { process.kill(-child.pid, 'SIGKILL'); }, STOP_TIMEOUT);
    await ended;
    clearTimeout(timer);
  };
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, START_TIMEOUT, 'The servers took too long to start.');
  });
  const line = new Promise((resolve) => { createInterface(child.stdout).once('line', (text) => resolve({ text })); });
  const first = await Promise.race([line, ended, late, asked]);
  clearTimeout(timer);
  if (first === null || typeof first === 'string') {
    if (child.pid) await stop();
    if (first === null) return null;
    throw new Error(first);
  }
  return { places: JSON.parse(first.text), ended, stop, deliver: () => child.stdin.write('mail\n') };
}
