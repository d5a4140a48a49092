// Builds the package into web/dist: Go to WebAssembly, shrunk; the JavaScript
// in its forms; types and licences. `node web/build.mjs [--fast]`; --fast
// leaves out wasm-opt.

import { build } from 'esbuild';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const web = dirname(fileURLToPath(import.meta.url));
const root = dirname(web);
/** Built aside and then put in place, so that what is running goes on with what it has. */
const dist = join(web, 'dist.new');
const fast = process.argv.includes('--fast');

export const modules = ['imap', 'irc', 'dns'];

/** Flags of every build; the size tests read the files that they make. */
const goFlags = ['build', '-trimpath', '-ldflags=-s -w'];

/** Go's output has no section that names them, so wasm-opt has to be told; all are in Gecko 84. */
const wasmFeatures = ['--mvp-features', '--enable-mutable-globals', '--enable-sign-ext',
  '--enable-nontrapping-float-to-int', '--enable-bulk-memory', '--enable-bulk-memory-opt'];

function go(args, environment) {
  return execFileSync('go', args, { cwd: root, env: { ...process.env, ...environment }, encoding: 'utf8' });
}

/** wasm-opt takes minutes, so its result is kept beside for the same input. */
function shrink(file) {
  const cache = join(web, 'node_modules', '.cache', 'kaiwire');
  const key = createHash('sha256').update(readFileSync(file)).update(wasmFeatures.join()).digest('hex');
  const kept = join(cache, key + '.wasm');
  if (!existsSync(kept)) {
    mkdirSync(cache, { recursive: true });
    const tool = join(web, 'node_modules', 'binaryen', 'bin', 'wasm-opt');
    execFileSync(process.execPath, [tool, ...wasmFeatures, '-Oz', file, '-o', kept + '.new'], { stdio: 'inherit' });
    renameSync(kept + '.new', kept);
  }
  copyFileSync(kept, file);
}

function buildModules() {
  for (const name of modules) {
    const file = join(dist, name + '.wasm');
    go([...goFlags, '-o', file, './wasm/' + name], { GOOS: 'js', GOARCH: 'wasm' });
    if (!fast) shrink(file);
    console.log(`dist/${name}.wasm ${statSync(file).size} bytes`);
  }
}

async function buildScripts() {
  // From the toolchain that compiled: the two have to match.
  const wasmExec = join(go(['env', 'GOROOT']).trim(), 'lib', 'wasm', 'wasm_exec.js');
  const shared = { bundle: true, minify: true, sourcemap: false, legalComments: 'none', logLevel: 'warning' };
  await build({ ...shared, inject: [wasmExec], entryPoints: [join(web, 'src/esm.js')], format: 'esm',
    target: 'firefox84', outfile: join(dist, 'kaiwire.js') });
  await build({ ...shared, inject: [wasmExec], entryPoints: [join(web, 'src/classic.js')], format: 'iife',
    globalName: 'kaiwire', target: 'es2015', outfile: join(dist, 'kaiwire.classic.js') });
  await build({ ...shared, inject: [wasmExec], entryPoints: [join(web, 'src/worker.js')], format: 'iife',
    target: 'es2015', outfile: join(dist, 'kaiwire-worker.js') });
  await build({ ...shared, entryPoints: [join(root, 'bridge/mock/index.js')], format: 'esm',
    target: 'firefox84', outfile: join(dist, 'kaiwire-mock.js') });
  copyFileSync(join(web, 'src/index.d.ts'), join(dist, 'index.d.ts'));
}

/** The notices of everything that is linked or bundled. */
function licences() {
  const parts = [['kaiwire', readFileSync(join(root, 'LICENSE'), 'utf8')],
    ['The Go standard library and wasm_exec.js', readFileSync(join(go(['env', 'GOROOT']).trim(), 'LICENSE'), 'utf8')]];
  const list = go(['list', '-deps', '-f', '{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}',
    ...modules.map((name) => './wasm/' + name)], { GOOS: 'js', GOARCH: 'wasm' });
  for (const line of [...new Set(list.split('\n').filter(Boolean))].sort()) {
    const [path, version, folder] = line.split('\t');
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'COPYING'].map((name) => join(folder, name)).find(existsSync);
    if (!file) throw new Error(`${path} has no licence file`);
    parts.push([`${path} ${version}`, readFileSync(file, 'utf8')]);
  }
  writeFileSync(join(dist, 'LICENSES.txt'),
    parts.map(([name, text]) => `${name}\n${'-'.repeat(name.length)}\n\n${text.trim()}\n`).join('\n\n'));
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
buildModules();
await buildScripts();
licences();
rmSync(join(web, 'dist'), { recursive: true, force: true });
renameSync(dist, join(web, 'dist'));
