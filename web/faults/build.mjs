// Builds what only the fault matrix needs into web/faults/out: the conn module
// in each engine, by Go with the phone's TLS and with our own, and the page and the worker around it,
// from their sources, so that the matrix can look into them.
import { build } from 'esbuild';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEngines, runtimes } from '../engines.mjs';
import { moduleFile } from '../src/files.js';

const here = fileURLToPath(new URL('.', import.meta.url));

export const OUT = join(here, 'out');

const MODULE = 'dns'; // as in stage.js

/** Resolves with the names of the engines that there are. */
export async function buildMatrix() {
  mkdirSync(OUT, { recursive: true });
  // load() takes the names of the package's modules only: here is another under one of them.
  const engines = findEngines();
  const built = {};
  for (const engine of engines) {
    built[engine.name] = (engine.name === 'go' ? ['phone', 'own'] : ['phone']).map((tls) => moduleFile(MODULE, tls, engine.name));
    const [file, own] = built[engine.name];
    if (engine.build) engine.build('./web/faults/conn', join(OUT, file));
    else writeFileSync(join(OUT, file), await engine.toScript(join(OUT, moduleFile(MODULE, 'phone', 'tinygo')), MODULE));
    if (own) engine.build('./web/faults/conn', join(OUT, own), 'owntls');
  }
  const shared = {
    bundle: true,
    logLevel: 'warning',
    target: 'firefox84',
    plugins: [runtimes(engines, built)],
  };
  await build({ ...shared, entryPoints: [join(here, 'page.js')], format: 'esm', outfile: join(OUT, 'page.js') });
  await build({ ...shared, entryPoints: [join(here, 'worker.js')], format: 'iife', outfile: join(OUT, 'kaiwire-worker.js') });
  return engines.map(({ name }) => name);
}
