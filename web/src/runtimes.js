// What was built into this file: each compiler's wasm_exec.js, and which modules there are of which compiler. Both are
// from web/engines.mjs.

import built from 'runtime:built';
import { Go } from 'runtime:go';
import { Go as ScriptGo } from 'runtime:js';
import { Go as TinyGo } from 'runtime:tinygo';
import { moduleFile } from './files.js';

const runtimes = { go: Go, tinygo: TinyGo, js: ScriptGo };

/** An object of the class Go that runs what the engine has compiled. */
export function newGo(engine) {
  return new runtimes[engine]();
}

/** The engine whose module there is, the smallest first; undefined where there is none. */
export function engineOf(name, tls, wanted) {
  const all = typeof WebAssembly === 'object' ? ['tinygo', 'go'] : ['js'];
  return (wanted ? [wanted] : all).find((engine) => (built[engine] || []).indexOf(moduleFile(name, tls, engine)) >= 0);
}
