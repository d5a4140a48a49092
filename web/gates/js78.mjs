// Programs in js78, the shell of SpiderMonkey 78: that is the engine of KaiOS
// 3, Gecko 84's, a little older, and a package of Debian's.
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { commandPath } from '../test/requirements.mjs';

const TIMEOUT = 120_000;
const here = fileURLToPath(new URL('js78/', import.meta.url));

/**
 * Runs scripts one after the other, and then a program of the folder js78.
 * @param {string} program its path; it exports main(options), whose JSON the promise resolves with
 * @param {{scripts?: string[], mask?: string, options?: object, timeout?: number}} [o] `scripts` are paths of classic
 *   scripts; `mask` is mask.mjs's; `timeout` is in milliseconds
 * @returns {Promise<unknown>} rejects with what the shell wrote if anything threw
 */
export async function runInShell(program, { scripts = [], mask = '', options = {}, timeout = TIMEOUT } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-js78-'));
  try {
    const bundle = join(folder, 'program.js');
    await build({ entryPoints: [program], bundle: true, format: 'iife', globalName: 'program', target: 'firefox78',
      outfile: bundle, logLevel: 'warning' });
    const maskFile = join(folder, 'mask.js');
    writeFileSync(maskFile, mask);
    const parameters = [maskFile, join(here, 'shell.js'), ...scripts, bundle].flatMap((file) => ['-f', file]);
    const { stdout } = await promisify(execFile)(commandPath('js78'),
      ['-e', 'self = this', ...parameters, '-e', `print(JSON.stringify(runtime(program.main(${JSON.stringify(options)}))))`],
      { timeout, killSignal: 'SIGKILL', maxBuffer: 1 << 24 });
    return JSON.parse(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
