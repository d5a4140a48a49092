// Builds what only the benchmarks need into web/bench/out.
import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** The module of conn/, with either TLS and the flags of web/build.mjs, and ImapFlow for a page. */
export async function buildBenchmarks() {
  mkdirSync(out, { recursive: true });
  for (const [file, tags] of [['conn.wasm', ''], ['conn-tls.wasm', 'owntls']]) {
    execFileSync('go', ['build', '-trimpath', '-ldflags=-s -w', `-tags=${tags}`, '-o', join(out, file), './web/bench/conn'],
      { cwd: join(here, '../..'), env: { ...process.env, GOOS: 'js', GOARCH: 'wasm' }, stdio: 'inherit' });
  }
  await build({
    entryPoints: [join(here, 'imapflow/index.js')],
    outfile: join(out, 'imapflow.js'),
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
}
