// Builds what only the benchmarks need into web/bench/out.
import { build } from 'esbuild';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEngines } from '../engines.mjs';
import { moduleFile } from '../src/files.js';

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, 'out');
const shim = (name) => join(here, 'imapflow/shims', name);

/** Node's modules in a page: packages of the same name, shims, and nothing for the rest. */
const packages = { stream: 'readable-stream', events: 'events/', buffer: 'buffer/', string_decoder: 'string_decoder/' };
const shims = { crypto: 'crypto.js', process: 'process.js', path: 'absent.js', net: 'absent.js', tls: 'absent.js', dns: 'absent.js', zlib: 'absent.js' };
const node = {
  name: 'node',
  setup({ onResolve, resolve }) {
    const pattern = /^(?:node:)?(stream|events|buffer|string_decoder|crypto|process|path|net|tls|dns|zlib)\/?$/;
    onResolve({ filter: pattern }, ({ path, kind, resolveDir }) => {
      const [, name] = pattern.exec(path);
      if (shims[name]) return { path: shim(shims[name]) };
      return path === packages[name] ? undefined : resolve(packages[name], { kind, resolveDir });
    });
  },
};

/** Resolves with the names of the engines that there are. Makes the module of conn/ in each, by Go with either TLS, and ImapFlow and dns-packet for a page. */
export async function buildBenchmarks() {
  mkdirSync(out, { recursive: true });
  const engines = findEngines();
  for (const engine of engines) {
    const file = join(out, moduleFile('conn', 'phone', engine.name));
    if (engine.build) engine.build('./web/bench/conn', file);
    else writeFileSync(file, await engine.toScript(join(out, moduleFile('conn', 'phone', 'tinygo')), 'dns'));
    if (engine.name === 'go') engine.build('./web/bench/conn', join(out, moduleFile('conn', 'own', 'go')), 'owntls');
  }
  await build({
    entryPoints: { imapflow: join(here, 'imapflow/index.js'), dnspacket: join(here, 'dnspacket/index.js'),
      'irc-framework': join(here, 'irc-framework/index.js') },
    outdir: out,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'firefox84',
    logLevel: 'warning',
    define: { global: 'globalThis' },
    inject: [shim('globals.js')],
    plugins: [node],
  });
  return engines.map(({ name }) => name);
}
