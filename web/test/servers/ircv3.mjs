// The IRC server of the native tests, for what the servers of distributions
// lack: see protocols/protocoltest/ircserver.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const STOP_TIMEOUT = 5_000;

/**
 * @param {object} options ircserver.Options
 * @returns {Promise<{port: number, command(line: string): void, stop(): Promise<void>}>} `command` as in serve/main.go
 */
export async function start(options = {}) {
  const child = spawn('go', ['run', './protocols/protocoltest/ircserver/serve', JSON.stringify(options)],
    { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  child.stdin.on('error', () => {}); // it has ended, which `closed` tells
  const closed = once(child, 'close');
  const line = once(createInterface(child.stdout), 'line');
  const [text] = await Promise.race([line, closed.then(() => { throw new Error('the IRC server did not start'); })]);
  return {
    port: JSON.parse(text).port,
    command: (line) => child.stdin.write(line + '\n'),
    stop: async () => {
      child.stdin.end();
      const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), STOP_TIMEOUT);
      await closed;
      clearTimeout(timer);
    },
  };
}
