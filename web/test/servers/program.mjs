// A server that is a Go program of this repository's.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const STOP_TIMEOUT = 5_000;

/**
 * Runs the program in a folder, which says a line of JSON once it is ready and ends with its standard input.
 * @returns {Promise<{said: object, command(line: string): void, stop(): Promise<void>}>}
 */
export async function start(folder, ...args) {
  const child = spawn('go', ['run', folder, ...args], { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  child.stdin.on('error', () => {}); // it has ended, which `closed` tells
  const closed = once(child, 'close');
  const line = once(createInterface(child.stdout), 'line');
  const [text] = await Promise.race([line, closed.then(() => { throw new Error(`${folder} did not start`); })]);
  return {
    said: JSON.parse(text),
    command: (line) => child.stdin.write(line + '\n'),
    stop: async () => {
      child.stdin.end();
      const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), STOP_TIMEOUT);
      await closed;
      clearTimeout(timer);
    },
  };
}
