// Builds what only the fault matrix needs into web/faults/out: the conn module,
// with the phone's TLS and with our own, and the page and the worker around it,
// from their sources, so that the matrix can look into them.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

export const OUT = join(here, 'out');

const go = (...args) => execFileSync('go', args, {
  cwd: root, env: { ...process.env, GOOS: 'js', GOARCH: 'wasm' }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'],
});

export async function buildMatrix() {
  mkdirSync(OUT, { recursive: true });
  // load() takes the names of the package's modules only: here is another under one of them.
  for (const [file, tags] of [['dns.wasm', ''], ['dns-tls.wasm', 'owntls']]) {
    go('build', '-trimpath', '-ldflags=-s -w', `-tags=${tags}`, '-o', join(OUT, file), './web/faults/conn');
  }
  const shared = {
    bundle: true,
    logLevel: 'warning',
    target: 'firefox84',
    inject: [join(go('env', 'GOROOT').trim(), 'lib/wasm/wasm_exec.js')],
  };
  await build({ ...shared, entryPoints: [join(here, 'page.js')], format: 'esm', outfile: join(OUT, 'page.js') });
  await build({ ...shared, entryPoints: [join(here, 'worker.js')], format: 'iife', outfile: join(OUT, 'kaiwire-worker.js') });
}
