// Which protocol is in which module, and what the modules' files are called: web/build.mjs writes them, load() asks for them.

/**
 * The protocols that share a module; the others each have one of their name. A module brings 2 MB of its own, before it
 * speaks any protocol, and an app for mail wants most of these.
 */
const SHARED = { imap: 'mail', smtp: 'mail', pop3: 'mail', mime: 'mail' };

/** The module that a protocol is in. */
export function moduleOf(protocol) {
  return SHARED[protocol] || protocol;
}

/** Modules that are there once; the others are there with the phone's TLS and with our own. */
export const SINGLE = ['trust'];

/** Ways to run a module, the reference first; js is TinyGo's module as JavaScript, for where there is no WebAssembly. */
export const ENGINES = ['go', 'tinygo', 'js'];

const EXTENSIONS = { go: '.wasm', tinygo: '.tinygo.wasm', js: '.js' };

/** Of a module or of a protocol: irc.wasm, irc-tls.wasm, irc.tinygo.wasm, irc.js */
export function moduleFile(name, tls, engine) {
  return moduleOf(name) + (tls === 'own' && SINGLE.indexOf(name) < 0 ? '-tls' : '') + EXTENSIONS[engine];
}
