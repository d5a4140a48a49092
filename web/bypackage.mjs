// What makes a module large: how much of its code each package is, by the names that a build which keeps them has. Of Go's
// compiler, before wasm-opt has shrunk it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importedFunctions, section, sectionsOf } from '../wasm/binary.mjs';
import { tighten } from '../wasm/go/tighten.mjs';
import { SINGLE } from './src/files.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const FUNCTION_NAMES = 1;

/** A binary's functions: [name, bytes of code], in their order; those that are imported have no code. */
export function functionsOf(binary) {
  let imported = 0;
  const sizes = [];
  const names = new Map();
  for (const { id, piece } of sectionsOf(binary)) {
    if (id === section.IMPORT) imported = importedFunctions(piece);
    else if (id === section.CODE) {
      for (let left = piece.number(); left > 0; left--) {
        const begin = piece.at;
        piece.piece();
        sizes.push(piece.at - begin);
      }
    } else if (id === section.CUSTOM && piece.piece().text() === 'name') {
      while (piece.more) {
        const kind = piece.byte();
        const list = piece.piece();
        if (kind === FUNCTION_NAMES) for (let left = list.number(); left > 0; left--) names.set(list.number(), list.piece().text());
      }
    }
  }
  return sizes.map((bytes, i) => [names.get(imported + i) || '', bytes]);
}

/**
 * How much of a module's code each package is. Its linker writes `kaiwire_protocols_irc.__Session_.Say` for a method.
 * @param {[string, number][]} functions
 * @param {string[]} packages their import paths
 * @returns {[string, number][]} package and bytes of code, the largest first
 */
export function sumUp(functions, packages) {
  const known = new Map(packages.map((path) => [path.replace(/[^\w.]/g, '_'), path]));
  const packageOf = (name) => {
    for (let end = name.indexOf('.'); end > 0; end = name.indexOf('.', end + 1)) {
      const path = known.get(name.slice(0, end));
      if (path) return path;
    }
    return name.startsWith('main.') ? 'main' : 'what the compiler makes';
  };
  const all = new Map();
  for (const [name, bytes] of functions) {
    const path = packageOf(name);
    all.set(path, (all.get(path) || 0) + bytes);
  }
  return [...all].sort((a, b) => b[1] - a[1]);
}

/** What a module, such as `irc` or `irc-tls`, is made of: it is built with its names. */
export function packagesOf(module) {
  const name = module.replace(/-tls$/, '');
  const tags = `-tags=${module !== name || SINGLE.includes(name) ? 'owntls' : ''}`;
  const go = (...args) => execFileSync('go', args, {
    cwd: root, env: { ...process.env, GOOS: 'js', GOARCH: 'wasm' }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'],
  });
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-names-'));
  try {
    const file = join(folder, 'module.wasm');
    go('build', '-trimpath', '-buildvcs=false', '-ldflags=-w', tags, '-o', file, `./wasm/${name}`);
    return sumUp(functionsOf(tighten(readFileSync(file))), go('list', '-deps', tags, `./wasm/${name}`).trim().split('\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
