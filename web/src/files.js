// What the files of the modules are called: web/build.mjs writes them, load() asks for them.

/** Modules that are there once; the others are there with the phone's TLS and with our own. */
export const SINGLE = ['trust'];

/** Ways to run a module, the reference first; js is TinyGo's module as JavaScript, for where there is no WebAssembly. */
export const ENGINES = ['go', 'tinygo', 'js'];

const EXTENSIONS = { go: '.wasm', tinygo: '.tinygo.wasm', js: '.js' };

/** irc.wasm, irc-tls.wasm, irc.tinygo.wasm, irc.js */
export function moduleFile(name, tls, engine) {
  return name + (tls === 'own' && SINGLE.indexOf(name) < 0 ? '-tls' : '') + EXTENSIONS[engine];
}
