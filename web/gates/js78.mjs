// Programs in js78, the shell of SpiderMonkey 78: that is the engine of KaiOS
// 3, Gecko 84's, a little older, and a package of Debian's.
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { commandPath } from '../test/requirements.mjs';

const TIMEOUT = 120_000;
const here = fileURLToPath(new URL('js78/', import.meta.url));

/**
 * Runs scripts one after the other, and then a program of the folder js78.
 * @param {string} program its path; it exports main(options), whose JSON the promise resolves with
 * @param {{scripts?: string[], mask?: string, options?: object, timeout?: number, port?: number}} [o] `scripts` are paths of
 *   classic scripts; `mask` is mask.mjs's; `timeout` is in milliseconds; `port` of 127.0.0.1 is where js78/outside.js dials
 * @returns {Promise<unknown>} rejects with what the shell wrote if anything threw
 */
export async function runInShell(program, { scripts = [], mask = '', options = {}, timeout = TIMEOUT, port } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-js78-'));
  try {
    const bundle = join(folder, 'program.js');
    await build({ entryPoints: [program], bundle: true, format: 'iife', globalName: 'program', target: 'firefox78',
      outfile: bundle, logLevel: 'warning' });
    const maskFile = join(folder, 'mask.js');
    writeFileSync(maskFile, mask);
    const parameters = [maskFile, join(here, 'shell.js'), ...scripts, bundle].flatMap((file) => ['-f', file]);
    const running = promisify(execFile)(commandPath('js78'),
      ['-e', 'self = this', ...parameters, '-e', `print(JSON.stringify(runtime(program.main(${JSON.stringify(options)}))))`],
      { timeout, killSignal: 'SIGKILL', maxBuffer: 1 << 26 });
    if (port) carry(running.child, port);
    const { stdout } = await running;
    return JSON.parse(stdout.replace(/^outside .*\n/gm, ''));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How long the shell waits for what comes, in milliseconds, before it looks at its timers. */
const TICK = 2;

/** The other end of js78/outside.js: carries what it says to a server, and back when it asks. */
function carry(shell, port) {
  let socket = null;
  let arrived = [];
  let asking = null;
  const answer = (line) => {
    clearTimeout(asking);
    asking = null;
    shell.stdin.write(`${line}\n`);
  };
  const arrive = (line) => {
    arrived.push(line);
    if (asking) answer(arrived.shift());
  };
  const does = {
    open() {
      socket?.destroy();
      arrived = [];
      const own = socket = connect(port, '127.0.0.1');
      const events = { connect: () => 'open', data: (bytes) => `data ${bytes.toString('hex')}`, end: () => 'end', error: () => 'error' };
      for (const [event, line] of Object.entries(events)) {
        own.on(event, (bytes) => { if (own === socket) arrive(line(bytes)); });
      }
    },
    data: (text) => socket.write(Buffer.from(text, 'hex')),
    end: () => socket.end(),
    wait: () => setTimeout(answer, TICK, 'nothing'),
    listen() {
      if (arrived.length > 0) answer(arrived.shift());
      else asking = setTimeout(answer, TICK, 'nothing');
    },
  };
  createInterface({ input: shell.stdout }).on('line', (line) => {
    const [to, what, text] = line.split(' ');
    if (to === 'outside') does[what](text);
  });
  shell.stdin.on('error', () => {}); // the shell has ended, of which its exit status tells
  shell.once('exit', () => socket?.destroy());
}
