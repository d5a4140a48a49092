// The package that this kit is in: its files, and what it was built with.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Refusal } from './app.mjs';

/** In the repository it is web/dist, once that has been built. */
const root = dirname(createRequire(import.meta.url).resolve('kaiwire/assets/build-info.json'));

let known;

/** build-info.json */
export function buildInfo() {
  if (!existsSync(join(root, 'build-info.json'))) throw new Refusal('There is no web/dist: run “make bundle” first.');
  known ??= JSON.parse(readFileSync(join(root, 'build-info.json'), 'utf8'));
  return known;
}

/** A file of the package, as a path on disk. */
export const asset = (path) => join(root, path);

/** What an app of classic scripts takes besides modules. */
const ALWAYS = ['kaiwire.classic.js', 'kaiwire-worker.js', 'LICENSES.txt'];

/** The file of a protocol's module that load() takes: on KaiOS 3 the smallest that was built, on 2.5 a script; or undefined. */
export function moduleFor(protocol, kaios, tls = 'phone') {
  const { protocols, files } = buildInfo();
  const module = protocols[protocol];
  const built = (engine) => Object.keys(files).find((path) => (
    files[path].name === module && files[path].engine === engine && (files[path].tls === tls || module === 'trust')));
  return kaios === '2.5' ? built('js') : built('tinygo') ?? built('go');
}

/** The files of the package that an app with these protocols has in its folder. */
export function filesFor(protocols, tls) {
  const modules = protocols.flatMap((protocol) => [moduleFor(protocol, '3', tls), moduleFor(protocol, '2.5', tls)]);
  return [...ALWAYS, ...new Set(modules.filter(Boolean))];
}

/** Which phone can run a module's file: '2.5', '3', or null for both, and for what is no module. */
export function phoneOf(name) {
  const engine = buildInfo().files[name]?.engine;
  return engine ? (engine === 'js' ? '2.5' : '3') : null;
}

/** Where in an app's folder, if anywhere, the package's files are: '' or a path that ends in '/'. */
export function folderIn(paths) {
  const script = paths.find((path) => /(^|\/)kaiwire(\.classic)?\.js$/.test(path));
  return script === undefined ? null : script.replace(/[^/]*$/, '');
}
