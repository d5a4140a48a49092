// Builds the package into web/dist: Go to WebAssembly, shrunk; the JavaScript
// in its forms; types and licences. `node web/build.mjs [--fast] [--engine=go,tinygo,js]`; --fast
// leaves out wasm-opt; without --engine all is built that can be.

import { build } from 'esbuild';
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findEngines, runtimes } from './engines.mjs';
import { lower } from './lower.mjs';
import { reference } from './reference.mjs';
import { moduleFile, SINGLE } from './src/files.js';
import { finish } from './tree.mjs';

const web = dirname(fileURLToPath(import.meta.url));
const root = dirname(web);
/** Built aside and then put in place, so that what is running goes on with what it has. */
const dist = join(web, 'dist.new');
const fast = process.argv.includes('--fast');

const option = process.argv.map((word) => word.match(/^--engine=(.+)$/)).find(Boolean);
const wanted = option && option[1].split(',');
// Scripts are made of TinyGo's modules.
const engines = findEngines(wanted && wanted.includes('js') ? [...new Set(['tinygo', ...wanted])] : wanted);

/** The programs, each with the phone's TLS and with our own, but those that are about nothing else; and which engine has which. */
const plain = ['mail', 'irc', 'dns', 'dnssec'];
const modules = {
  go: [...plain.map((name) => [name, 'phone']), ...plain.concat(SINGLE).map((name) => [name, 'own'])],
  // Names over TLS of our own are Go's alone: a server of names has a certificate that the phone takes, or there is another.
  tinygo: [...plain.map((name) => [name, 'phone']), ...['irc', 'mail', ...SINGLE].map((name) => [name, 'own'])],
};
modules.js = modules.tinygo;
const programs = engines.flatMap((engine) => modules[engine.name].map(([name, tls]) => (
  { engine, name, tls, tags: tls === 'own' ? 'owntls' : '', file: moduleFile(name, tls, engine.name) })));

/** Go's output has no section that names them, so wasm-opt has to be told; all are in Gecko 84. TinyGo is told by its target. */
const wasmFeatures = ['--mvp-features', '--enable-mutable-globals', '--enable-sign-ext',
  '--enable-nontrapping-float-to-int', '--enable-bulk-memory', '--enable-bulk-memory-opt'];

function go(args, environment) {
  return execFileSync('go', args, { cwd: root, env: { ...process.env, ...environment }, encoding: 'utf8' });
}

/** binaryen takes minutes, so what it makes of a file is kept for the same input; `how` tells one way of making from another. */
async function kept(file, how, extension, make) {
  const cache = join(web, '.cache');
  const key = createHash('sha256').update(readFileSync(file)).update(how).digest('hex');
  const made = join(cache, key + extension);
  if (!existsSync(made)) {
    mkdirSync(cache, { recursive: true });
    await make(file, made + '.new');
    renameSync(made + '.new', made);
  }
  return made;
}

async function shrink(file) {
  const tool = join(web, 'node_modules', 'binaryen', 'bin', 'wasm-opt');
  copyFileSync(await kept(file, wasmFeatures.join(), '.wasm', (from, to) => (
    promisify(execFile)(process.execPath, [tool, ...wasmFeatures, '-Oz', from, '-o', to]))), file);
}

/** A module of the engine js, made of TinyGo's. */
async function rewrite({ engine, name, tls, file }) {
  copyFileSync(await kept(join(dist, moduleFile(name, tls, 'tinygo')), engine.recipe + file, '.js', async (from, to) => {
    writeFileSync(to, await engine.toScript(from, basename(file, '.js')));
  }), join(dist, file));
}

/** Runs as many jobs at once as there are processors. */
async function together(jobs) {
  const queue = [...jobs];
  const work = async () => {
    for (let job = queue.shift(); job; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

async function buildModules() {
  const path = (program) => join(dist, program.file);
  const scripts = programs.filter(({ engine }) => engine.toScript);
  const binaries = programs.filter(({ engine }) => engine.build);
  for (const program of binaries) program.engine.build('./wasm/' + program.name, path(program), program.tags);
  // Go uses all processors by itself, binaryen's tools one.
  if (!fast) await together(binaries.map((program) => () => shrink(path(program))));
  await together(scripts.map((program) => () => rewrite(program)));
  for (const program of programs) console.log(`dist/${program.file} ${statSync(path(program)).size} bytes`);
}

async function buildScripts() {
  const built = Object.fromEntries(engines.map((engine) => [engine.name,
    programs.filter((program) => program.engine === engine).map(({ file }) => file)]));
  const plugins = [runtimes(engines, built)];
  const shared = { bundle: true, minify: true, sourcemap: false, legalComments: 'none', logLevel: 'warning' };
  await build({ ...shared, plugins, entryPoints: [join(web, 'src/esm.js')], format: 'esm',
    target: 'firefox84', outfile: join(dist, 'kaiwire.js') });
  await build({ ...shared, plugins, entryPoints: [join(web, 'src/node.js')], format: 'esm',
    platform: 'node', target: 'node20', outfile: join(dist, 'kaiwire.node.js') });
  writeFileSync(join(dist, 'kaiwire.classic.js'),
    await lower({ plugins, entryPoints: [join(web, 'src/classic.js')], globalName: 'kaiwire' }));
  writeFileSync(join(dist, 'kaiwire-hosts.js'),
    await lower({ entryPoints: [join(web, 'src/hosts.js')], globalName: 'kaiwireHosts' }));
  writeFileSync(join(dist, 'kaiwire-worker.js'), await lower({ plugins, entryPoints: [join(web, 'src/worker.js')] }));
  // The mock's classes stand in the page under their own names.
  await build({ ...shared, keepNames: true, entryPoints: [join(root, 'bridge/mock/index.js')], format: 'esm',
    target: 'firefox84', outfile: join(dist, 'kaiwire-mock.js') });
  await build({ ...shared, keepNames: true, entryPoints: [join(web, 'kit/phone/phone.js')], format: 'iife',
    target: 'firefox84', outfile: join(dist, 'kit/phone/phone.js') });
  for (const name of ['index.d.ts', 'mock.d.ts']) copyFileSync(join(web, 'src', name), join(dist, name));
  writeFileSync(join(dist, 'api.md'), reference(readFileSync(join(web, 'src/index.d.ts'), 'utf8')));
}

/** The notices of everything that is linked or bundled. */
function licences() {
  const parts = [['kaiwire', readFileSync(join(root, 'LICENSE'), 'utf8')],
    ...engines.flatMap(({ licences }) => licences.map(([name, file]) => [name, readFileSync(file, 'utf8')]))];
  const list = go(['list', '-deps', '-tags=owntls', '-f', '{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}',
    ...modules.go.map(([name]) => './wasm/' + name)], { GOOS: 'js', GOARCH: 'wasm' });
  for (const line of [...new Set(list.split('\n').filter(Boolean))].sort()) {
    const [path, version, folder] = line.split('\t');
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'COPYING'].map((name) => join(folder, name)).find(existsSync);
    if (!file) throw new Error(`${path} has no licence file`);
    parts.push([`${path} ${version}`, readFileSync(file, 'utf8')]);
  }
  writeFileSync(join(dist, 'LICENSES.txt'),
    parts.map(([name, text]) => `${name}\n${'-'.repeat(name.length)}\n\n${text.trim()}\n`).join('\n\n'));
}

/** What made the modules and scripts, and how; of build-info.json. */
function toolchain() {
  const versionOf = (name) => JSON.parse(readFileSync(join(web, 'node_modules', name, 'package.json'), 'utf8')).version;
  return {
    engines: Object.fromEntries(engines.map(({ name, version, flags }) => [name, { version, flags }])),
    binaryen: fast ? null : { version: versionOf('binaryen'), flags: [...wasmFeatures, '-Oz'] },
    esbuild: versionOf('esbuild'),
    babel: versionOf('@babel/core'),
  };
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
await buildModules();
await buildScripts();
licences();
finish(dist, programs.map(({ file, name, tls, engine }) => ({ file, name, tls, engine: engine.name })), toolchain());
rmSync(join(web, 'dist'), { recursive: true, force: true });
renameSync(dist, join(web, 'dist'));
