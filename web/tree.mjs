// The package around what build.mjs has built: what Node's and npm's side of it is, the entry of each protocol, and the
// list of all that is in it. The folder is then what the npm tarball and the zip of archive.mjs have.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { isShipped, packed, placeOf } from './documents.mjs';
import { moduleOf } from './src/files.js';

const web = dirname(fileURLToPath(import.meta.url));

/** What is no part of the package although it lies in its folder. */
export const BESIDE = /^self-test\//;
/** Folders that ship as they are, but for their tests and for what build.mjs makes of them. */
const SOURCES = { kit: /\.test\.mjs$|^testdata\/|^phone\/phone\.js$/, relay: /\.test\.mjs$|^testing\.mjs$/ };

/** The files below a folder, as paths with slashes, in the order of their bytes. */
export function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(join(folder, '/').length).replaceAll('\\', '/'))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** Each protocol's name, its interface in index.d.ts, and what can be called of that. */
export function protocolsOf(declarations) {
  const { statements } = ts.createSourceFile('index.d.ts', declarations, ts.ScriptTarget.Latest, false);
  const declared = (name) => statements.find((statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name);
  const methods = (name) => {
    const { members, heritageClauses = [] } = declared(name);
    const inherited = heritageClauses.flatMap(({ types }) => types).flatMap(({ expression }) => methods(expression.text));
    return [...new Set([...inherited, ...members.filter(ts.isMethodSignature).map((member) => member.name.text)])].sort();
  };
  return declared('Wire').members.filter(ts.isPropertySignature)
    .map((member) => ({ name: member.name.text, type: member.type.typeName.text, methods: methods(member.type.typeName.text) }));
}

/** `kaiwire/imap` and its like: a protocol whose module is loaded with the first call. */
function entry({ name, methods }, facade) {
  return `// kaiwire/${name}: the same as load({ modules: ['${name}'] }), with the first call.
import { load as loadModules } from '../${facade}';
let loading = null;
export function load(options) {
  if (!loading) {
    const begun = loadModules(Object.assign({}, options, { modules: ['${name}'] }));
    loading = begun;
    begun.catch(() => { if (loading === begun) loading = null; });
  }
  return loading.then(() => {});
}
export async function close() {
  const ended = loading;
  loading = null;
  if (ended) await (await ended).close();
}
async function call(method, parameters) {
  await load();
  const wire = await loading;
  return wire.${name}[method](...parameters);
}
${methods.map((method) => `export const ${method} = (...parameters) => call('${method}', parameters);\n`).join('')}`;
}

function entryTypes({ name, type, methods }) {
  return `import { ${type}, LoadOptions } from '../index.js';
/**
 * Loads the module, for who wants other options than the default, or wants it there before the first call: the others do
 * it by themselves. What it has been loaded with stays until \`close\`.
 */
export function load(options?: Omit<LoadOptions, 'modules'>): Promise<void>;
/** Closes every session of it and ends its worker. The next call loads it anew. */
export function close(): Promise<void>;
${methods.map((method) => `export const ${method}: ${type}['${method}'];\n`).join('')}`;
}

/** package.json as it ships: web/package.json as seen from inside of web/dist, without what only building needs. */
function manifest(source, protocols) {
  const { devDependencies, overrides, main, types, files, exports: own, private: _, ...rest } = source;
  const inside = (value) => (typeof value === 'string' ? value.replace('./dist/', './')
    : Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inside(inner)])));
  const { '.': facade, ...others } = inside(own);
  const subpaths = protocols.map(({ name }) => [`./${name}`,
    { types: `./esm/${name}.d.ts`, node: `./esm/${name}.node.js`, default: `./esm/${name}.js` }]);
  return { ...rest, main: inside(main), types: inside(types), exports: { '.': facade, ...Object.fromEntries(subpaths), ...others } };
}

/**
 * Completes the folder `dist`.
 * @param {string} dist
 * @param {{file: string, name: string, tls: string, engine: string}[]} modules
 * @param {object} toolchain what built it, for build-info.json
 */
export function finish(dist, modules, toolchain) {
  const put = (path, text) => {
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    writeFileSync(join(dist, path), text);
  };
  const copy = (from, path) => put(path, readFileSync(from));
  for (const [folder, not] of Object.entries(SOURCES)) {
    for (const path of filesOf(join(web, folder))) if (!not.test(path)) copy(join(web, folder, path), `${folder}/${path}`);
  }
  copy(join(web, '../LICENSE'), 'LICENSE');

  const protocols = protocolsOf(readFileSync(join(web, 'src/index.d.ts'), 'utf8'));
  for (const protocol of protocols) {
    put(`esm/${protocol.name}.js`, entry(protocol, 'kaiwire.js'));
    put(`esm/${protocol.name}.node.js`, entry(protocol, 'kaiwire.node.js'));
    put(`esm/${protocol.name}.d.ts`, entryTypes(protocol));
  }
  const source = JSON.parse(readFileSync(join(web, 'package.json'), 'utf8'));
  const shipped = manifest(source, protocols);
  put('package.json', `${JSON.stringify({ ...shipped, files: ['*', '!self-test'] }, null, 2)}\n`);

  // Once all is there that they may lead to.
  const root = dirname(web);
  const documents = ['README.md', 'CHANGELOG.md', ...filesOf(join(web, 'docs')).map((path) => `web/docs/${path}`)].filter(isShipped);
  const has = (place) => documents.some((path) => placeOf(path) === place) || existsSync(join(dist, place));
  for (const path of documents) put(placeOf(path), packed(readFileSync(join(root, path), 'utf8'), path, has));

  const made = Object.fromEntries(modules.map(({ file, ...of }) => [file, of]));
  const files = Object.fromEntries(filesOf(dist).filter((path) => !BESIDE.test(path)).map((path) => {
    const bytes = readFileSync(join(dist, path));
    return [path, { ...made[path], bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }];
  }));
  const inModules = Object.fromEntries(protocols.map(({ name }) => [name, moduleOf(name)]));
  put('build-info.json', `${JSON.stringify({ name: source.name, version: source.version, toolchain, protocols: inModules, files }, null, 2)}\n`);
}
