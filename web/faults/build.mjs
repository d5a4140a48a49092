// Builds what only the fault matrix needs into web/faults/out: the conn module,
// with the phone's TLS and with our own, and the page and the worker around it,
// from their sources, so that the matrix can look into them.
import { build } from 'esbuild';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEngines, runtimes } from '../engines.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

export const OUT = join(here, 'out');

export async function buildMatrix() {
  mkdirSync(OUT, { recursive: true });
  // load() takes the names of the package's modules only: here is another under one of them.
  const files = [['dns.wasm', ''], ['dns-tls.wasm', 'owntls']];
  const engines = findEngines(['go']);
  for (const [file, tags] of files) engines[0].build('./web/faults/conn', join(OUT, file), tags);
  const shared = {
    bundle: true,
    logLevel: 'warning',
    target: 'firefox84',
    plugins: [runtimes(engines, { go: files.map(([file]) => file) })],
  };
  await build({ ...shared, entryPoints: [join(here, 'page.js')], format: 'esm', outfile: join(OUT, 'page.js') });
  await build({ ...shared, entryPoints: [join(here, 'worker.js')], format: 'iife', outfile: join(OUT, 'kaiwire-worker.js') });
}
