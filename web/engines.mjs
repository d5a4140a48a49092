// The compilers that make modules, each with its half in JavaScript. Which of them are there: Go always, as nothing is
// built without it; TinyGo where wasm/tinygo finds it or has built it.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';
import { tighten } from '../wasm/go/tighten.mjs';
import { toScript } from '../wasm/js/make.mjs';
import { HOW, tinygo as findTinyGo } from '../wasm/tinygo/make.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const goEnvironment = { ...process.env, GOOS: 'js', GOARCH: 'wasm' };
const go = (...args) => execFileSync('go', args, { cwd: root, env: goEnvironment, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** What is built does not depend on the checkout. */
const goFlags = ['-trimpath', '-buildvcs=false', '-ldflags=-s -w'];

/**
 * An engine: {name, version, flags: the compiler's, build(pattern, file, tags): a package to WebAssembly, wasmExec: a file,
 * licences: [name, file] of what comes with it, runtime(): the module that exports wasm_exec.js's class Go}. In place of build, js has toScript(wasm, name)
 * of wasm/js/make.mjs, and recipe, a text that changes with what that makes.
 */
const goroot = go('env', 'GOROOT').trim();
const engines = {
  go: () => ({
    name: 'go',
    version: go('env', 'GOVERSION').trim(),
    flags: goFlags,
    wasmExec: join(goroot, 'lib/wasm/wasm_exec.js'),
    licences: [['The Go standard library and wasm_exec.js', join(goroot, 'LICENSE')]],
    build: (pattern, file, tags = '') => {
      go('build', ...goFlags, '-tags=' + tags, '-o', file, pattern);
      writeFileSync(file, tighten(readFileSync(file)));
    },
    // Its programs look for fs, process and path on the global object, where they have to stay.
    runtime() {
      return `const scope = typeof self === 'undefined' ? global : self;
        const before = Object.getOwnPropertyDescriptor(scope, 'Go');
        ${readFileSync(this.wasmExec, 'utf8')}
        export const { Go } = scope;
        delete scope.Go;
        if (before) Object.defineProperty(scope, 'Go', before);`;
    },
  }),
  tinygo: () => {
    const compiler = findTinyGo();
    return compiler && {
      name: 'tinygo',
      version: compiler.version,
      flags: compiler.flags,
      wasmExec: compiler.wasmExec,
      licences: [['TinyGo and its wasm_exec.js', compiler.licence]],
      build: compiler.build,
      buildTests: compiler.buildTests,
      // Its programs need nothing of what it puts on the global object, which so stays as it was.
      runtime() {
        // Written out, its BigInts are an error of syntax to an engine that has none, and never gets to use them.
        const source = readFileSync(this.wasmExec, 'utf8').replace(/\b(0x[\da-f]+|\d+)n\b/gi, 'BigInt($1)');
        const { code } = transformSync(source, {
          define: { 'global.Go': 'own.Go', 'global.fs': 'own.fs', 'global.process': 'own.process', 'global.require': 'undefined',
            require: 'undefined', global: 'scope' },
          logOverride: { 'assign-to-define': 'silent' },
        });
        return `const scope = typeof self === 'undefined' ? global : self;
          const own = {};
          ${code}
          export const { Go } = own;`;
      },
    };
  },
  // What TinyGo has built, once more as scripts.
  js: () => findTinyGo() && {
    name: 'js',
    version: findTinyGo().version,
    flags: findTinyGo().flags,
    wasmExec: join(root, 'wasm/js/exec.js'),
    licences: [],
    toScript,
    recipe: readFileSync(join(root, 'wasm/js/make.mjs'), 'utf8'),
    runtime() {
      return readFileSync(this.wasmExec, 'utf8');
    },
  },
};

/**
 * The engines that can be had. Where TinyGo is missing it says how to get it; with CI=true, where all is to be
 * tested, that is an error.
 * @param {string[]} [wanted] names; an engine that is named has to be there
 */
export function findEngines(wanted) {
  const found = [];
  for (const name of wanted || Object.keys(engines)) {
    if (!engines[name]) throw new Error(`there is no engine ${name}: there are ${Object.keys(engines).join(', ')}`);
    const engine = engines[name]();
    if (engine) found.push(engine);
    else if (wanted || process.env.CI === 'true') throw new Error(HOW);
    else if (name === 'tinygo') console.error(HOW); // and without it there is no js
  }
  return found;
}

/**
 * For esbuild: gives web/src/runtimes.js each engine's class Go.
 * @param {object[]} found of findEngines()
 * @param {Record<string, string[]>} built engine → the modules of web/dist that it has built, by their files
 */
export function runtimes(found, built) {
  return {
    name: 'runtimes',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^runtime:/ }, ({ path }) => ({ path, namespace: 'runtime' }));
      onLoad({ filter: /^runtime:built$/, namespace: 'runtime' }, () => ({ contents: JSON.stringify(built), loader: 'json' }));
      onLoad({ filter: /./, namespace: 'runtime' }, ({ path }) => {
        const engine = found.find(({ name }) => path === 'runtime:' + name);
        return { contents: engine ? engine.runtime() : 'export const Go = null;' };
      });
    },
  };
}
