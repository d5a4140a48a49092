// Builds the package into web/dist: Go to WebAssembly, shrunk; the JavaScript
// in its forms; types and licences. `node web/build.mjs [--fast]`; --fast
// leaves out wasm-opt.

import { build } from 'esbuild';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const web = dirname(fileURLToPath(import.meta.url));
const root = dirname(web);
/** Built aside and then put in place, so that what is running goes on with what it has. */
const dist = join(web, 'dist.new');
const fast = process.argv.includes('--fast');

const plain = ['imap', 'irc', 'dns'].map((name) => ({ file: name, module: name, tags: '' }));
/** With TLS of our own: the same programs, and one that is about nothing else. */
const own = [...plain.map(({ module }) => ({ file: module + '-tls', module, tags: 'owntls' })),
  { file: 'trust', module: 'trust', tags: 'owntls' }];
const programs = [...plain, ...own];

/** Flags of every build; the size tests read the files that they make. What is built does not depend on the checkout. */
const goFlags = ['build', '-trimpath', '-buildvcs=false', '-ldflags=-s -w'];

/** Go's output has no section that names them, so wasm-opt has to be told; all are in Gecko 84. */
const wasmFeatures = ['--mvp-features', '--enable-mutable-globals', '--enable-sign-ext',
  '--enable-nontrapping-float-to-int', '--enable-bulk-memory', '--enable-bulk-memory-opt'];

function go(args, environment) {
  return execFileSync('go', args, { cwd: root, env: { ...process.env, ...environment }, encoding: 'utf8' });
}

/** wasm-opt takes minutes, so its result is kept beside for the same input. */
async function shrink(file) {
  const cache = join(web, '.cache');
  const key = createHash('sha256').update(readFileSync(file)).update(wasmFeatures.join()).digest('hex');
  const kept = join(cache, key + '.wasm');
  if (!existsSync(kept)) {
    mkdirSync(cache, { recursive: true });
    const tool = join(web, 'node_modules', 'binaryen', 'bin', 'wasm-opt');
    await promisify(execFile)(process.execPath, [tool, ...wasmFeatures, '-Oz', file, '-o', kept + '.new']);
    renameSync(kept + '.new', kept);
  }
  copyFileSync(kept, file);
}

async function buildModules() {
  const path = (program) => join(dist, program.file + '.wasm');
  for (const program of programs) {
    go([...goFlags, '-tags=' + program.tags, '-o', path(program), './wasm/' + program.module], { GOOS: 'js', GOARCH: 'wasm' });
  }
  // Go uses all processors by itself, wasm-opt one.
  const queue = fast ? [] : [...programs];
  const work = async () => {
    for (let program = queue.shift(); program; program = queue.shift()) await shrink(path(program));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  for (const program of programs) console.log(`dist/${program.file}.wasm ${statSync(path(program)).size} bytes`);
}

async function buildScripts() {
  // From the toolchain that compiled: the two have to match.
  const wasmExec = join(go(['env', 'GOROOT']).trim(), 'lib', 'wasm', 'wasm_exec.js');
  const shared = { bundle: true, minify: true, sourcemap: false, legalComments: 'none', logLevel: 'warning' };
  await build({ ...shared, inject: [wasmExec], entryPoints: [join(web, 'src/esm.js')], format: 'esm',
    target: 'firefox84', outfile: join(dist, 'kaiwire.js') });
  await build({ ...shared, inject: [wasmExec], entryPoints: [join(web, 'src/node.js')], format: 'esm',
    platform: 'node', target: 'node20', outfile: join(dist, 'kaiwire.node.js') });
  await build({ ...shared, inject: [wasmExec], entryPoints: [join(web, 'src/classic.js')], format: 'iife',
    globalName: 'kaiwire', target: 'es2015', outfile: join(dist, 'kaiwire.classic.js') });
  await build({ ...shared, inject: [wasmExec], entryPoints: [join(web, 'src/worker.js')], format: 'iife',
    target: 'es2015', outfile: join(dist, 'kaiwire-worker.js') });
  // The mock's classes stand in the page under their own names.
  await build({ ...shared, keepNames: true, entryPoints: [join(root, 'bridge/mock/index.js')], format: 'esm',
    target: 'firefox84', outfile: join(dist, 'kaiwire-mock.js') });
  copyFileSync(join(web, 'src/index.d.ts'), join(dist, 'index.d.ts'));
}

/** The notices of everything that is linked or bundled. */
function licences() {
  const parts = [['kaiwire', readFileSync(join(root, 'LICENSE'), 'utf8')],
    ['The Go standard library and wasm_exec.js', readFileSync(join(go(['env', 'GOROOT']).trim(), 'LICENSE'), 'utf8')]];
  const list = go(['list', '-deps', '-tags=owntls', '-f', '{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}',
    ...own.map(({ module }) => './wasm/' + module)], { GOOS: 'js', GOARCH: 'wasm' });
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
await buildModules();
await buildScripts();
licences();
rmSync(join(web, 'dist'), { recursive: true, force: true });
renameSync(dist, join(web, 'dist'));
