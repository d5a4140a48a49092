// The package as those see it who install it: its exports, and the syntax of its classic scripts. Each gate also refuses
// what it should.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { filesOf } from '../tree.mjs';

const web = fileURLToPath(new URL('..', import.meta.url));
const dist = process.env.KAIWIRE_DIST ?? join(web, 'dist/');
const scratch = mkdtempSync(join(tmpdir(), 'kaiwire-package-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

/** A copy of the package without its modules, to be spoiled. */
function copyOf(name, change = () => {}) {
  const folder = join(scratch, name);
  for (const path of filesOf(dist)) {
    if (/^self-test\/|\.wasm$/.test(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(dist, path), join(folder, path));
  }
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  change(manifest, folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  return folder;
}

test('publint', async () => {
  const lint = async (folder) => {
    const { messages, pkg } = await publint({ pkgDir: folder, pack: false, strict: true });
    return messages.map((message) => formatMessage(message, pkg, { color: false }));
  };
  assert.deepEqual(await lint(copyOf('linted')), []);
  assert.notDeepEqual(await lint(copyOf('no file', (m) => { m.exports['./node'].default = './nothing.js'; })), []);
});

/** The scripts that are loaded by elements, for KaiOS 2.5 as for 3. */
const CLASSIC = ['kaiwire.classic.js', 'kaiwire-hosts.js', 'kaiwire-worker.js', 'kit/template/app.js', 'kit/template/config.js'];

test('es-check: the classic scripts are ES2015', () => {
  const check = (...files) => spawnSync(process.execPath, [join(web, 'node_modules/es-check/lib/cli/index.js'), 'es6', ...files], { encoding: 'utf8' });
  const right = check(...CLASSIC.map((name) => join(dist, name)));
  assert.equal(right.status, 0, right.stdout + right.stderr);
  const newer = join(scratch, 'newer.js');
  writeFileSync(newer, 'async function newer() { await 1; }');
  assert.equal(check(newer).status, 1);
});
