// What makes a module large: how much of its code each package is, by the names that a build which keeps them has. Of Go's
// compiler, before wasm-opt has shrunk it.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SINGLE } from './src/files.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const IMPORTS = 2;
const CODE = 10;
const FUNCTION_NAMES = 1;

/** Reads what a WebAssembly binary is made of. */
class Reader {
  constructor(bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  number() {
    let value = 0;
    for (let shift = 1, byte = 0x80; byte & 0x80; shift *= 128) value += ((byte = this.bytes[this.at++]) & 0x7f) * shift;
    return value;
  }

  text() {
    const length = this.number();
    this.at += length;
    return this.bytes.toString('utf8', this.at - length, this.at);
  }

  limits() {
    if (this.number() & 1) this.number();
    this.number();
  }
}

/** A binary's functions: [name, bytes of code], in their order; those that are imported have no code. */
export function functionsOf(binary) {
  const r = new Reader(binary, 8);
  let imported = 0;
  const sizes = [];
  const names = new Map();
  while (r.at < binary.length) {
    const id = binary[r.at++];
    const end = r.number() + r.at;
    if (id === IMPORTS) {
      for (let n = r.number(); n > 0; n--) {
        r.text();
        r.text();
        const kind = binary[r.at++];
        if (kind === 0) {
          imported++;
          r.number();
        } else if (kind === 1) {
          r.at++;
          r.limits();
        } else if (kind === 2) r.limits();
        else r.at += 2;
      }
    } else if (id === CODE) {
      for (let n = r.number(); n > 0; n--) {
        const begin = r.at;
        const length = r.number();
        r.at += length;
        sizes.push(r.at - begin);
      }
    } else if (id === 0 && r.text() === 'name') {
      while (r.at < end) {
        const kind = binary[r.at++];
        const over = r.number() + r.at;
        if (kind === FUNCTION_NAMES) for (let n = r.number(); n > 0; n--) names.set(r.number(), r.text());
        r.at = over;
      }
    }
    r.at = end;
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
    return sumUp(functionsOf(readFileSync(file)), go('list', '-deps', tags, `./wasm/${name}`).trim().split('\n'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
