// From TinyGo's WebAssembly to a classic script for an engine that has none,
// Gecko 48 first of all; see README.md.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const web = fileURLToPath(new URL('../../web/', import.meta.url));
// The packages are the web folder's.
const require = createRequire(web);
const { parse } = require('acorn');
const { transform } = require('esbuild');

/** What TinyGo's module uses, and what of it wasm2js knows how to write in JavaScript. */
const BEFORE = ['--mvp-features', '--enable-mutable-globals', '--enable-bulk-memory', '--enable-bulk-memory-opt',
  '--enable-sign-ext', '--enable-nontrapping-float-to-int'];
const AFTER = BEFORE.slice(0, 4);

/** Pages of 64 KB. A program begins with so many, which IRC takes to connect: each time its memory grows, all of it is copied. */
const FIRST_PAGES = 32;
/** And so many it may have: the phone has 256 MB for all that runs on it. */
const MOST_PAGES = 512;

/**
 * A function of more characters is not for the optimizing compiler. That of SpiderMonkey 45 has no bound of its own: on
 * what TinyGo makes of a parser it took gigabytes, and came out slower. It leaves a function alone that has a
 * try…finally, which costs nothing where nothing is thrown.
 */
const GIANT = 12_000;

const binaryen = (tool, args) => promisify(execFile)(process.execPath, [join(web, 'node_modules/binaryen/bin', tool), ...args]);

/**
 * Turns a module into a script, which puts one function into the object `kaiwireModules` of the global scope, under the
 * name: called with the imports it returns the exports.
 * @param {string} wasm the module's file
 * @param {string} name
 * @param {{pages?: number}} [options] `pages` is the most memory that it may have, in pages of 64 KB
 * @returns {Promise<string>} the script
 */
export async function toScript(wasm, name, { pages = MOST_PAGES } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-js-'));
  try {
    const [low, es] = [join(folder, 'low.wasm'), join(folder, 'module.js')];
    await binaryen('wasm-opt', [...BEFORE, wasm, '--signext-lowering', '--llvm-nontrapping-fptoint-lowering', '-Oz', '-o', low]);
    await binaryen('wasm2js', [...AFTER, '-O', low, '-o', es]);
    const script = bounded(unmoduled(readFileSync(es, 'utf8'), name), pages);
    const { code } = await transform(script, { minify: true, target: 'es2015', legalComments: 'none' });
    return sparing(code);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** text with its one occurrence of each of the patterns replaced; an error if that is not how it is. */
function replaced(text, replacements) {
  return replacements.reduce((before, [pattern, by]) => {
    const found = before.match(new RegExp(pattern, pattern.flags + 'g')) || [];
    if (found.length !== 1) throw new Error(`wasm2js writes otherwise than it did: ${pattern} is there ${found.length} times`);
    return before.replace(pattern, by);
  }, text);
}

/** wasm2js writes a module that imports its imports. */
function unmoduled(source, name) {
  const body = source.replace(/^import \* as \w+ from '\w+';\n/gm, '');
  return replaced(body, [
    [/^/, `(self.kaiwireModules = self.kaiwireModules || {})[${JSON.stringify(name)}] = function (imports) {\n`],
    [/\nvar retasmFunc = asmFunc\(\{[^}]*\}\);\n(export var \w+ = retasmFunc\.\w+;\n?)+$/, '\nreturn asmFunc(imports);\n};\n'],
  ]);
}

/** Sets the bounds of the memory; wasm2js's own memory.grow does not say that it has failed. */
function bounded(source, pages) {
  return replaced(source, [
    [/\bvar buffer = new ArrayBuffer\(\d+\);/, `var buffer = new ArrayBuffer(${FIRST_PAGES << 16});`],
    [/\bvar newPages = oldPages \+ pagesToAdd \| 0;/, `$& if (newPages < oldPages || newPages > ${pages}) return -1;`],
  ]);
}

/** Keeps the giant functions from the optimizing compiler. */
export function sparing(source, giant = GIANT) {
  const places = [];
  // Whether there is a function in the node, which then is not what runs long.
  const search = (node) => {
    let found = false;
    for (const value of Object.values(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (child && typeof child.type === 'string') found = search(child) || found;
      }
    }
    if (!/Function/.test(node.type)) return found;
    if (!found && node.body.type === 'BlockStatement' && node.end - node.start > giant) places.push(node.body.start + 1);
    return true;
  };
  search(parse(source, { ecmaVersion: 2015 }));
  return places.sort((a, b) => b - a).reduce((text, at) => `${text.slice(0, at)}try{}finally{}${text.slice(at)}`, source);
}
