// The package as those see it who install it: resolvers, compilers of yesterday, and the engines it says that it runs in.
// Each gate also refuses what it should.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ESLint } from 'eslint';
import compat from 'eslint-plugin-compat';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { archive } from '../archive.mjs';
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

/** Classic scripts and files, which nobody imports, have no types. */
const UNTYPED = ['./classic', './hosts', './worker', './package.json'];

test('are the types wrong', () => {
  const attw = (folder, name) => {
    const { tarball } = archive(folder, join(scratch, name));
    return spawnSync(process.execPath, [join(web, 'node_modules/@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only',
      '--no-color', '--exclude-entrypoints', ...UNTYPED], { encoding: 'utf8' });
  };
  const right = attw(copyOf('typed'), 'right');
  assert.equal(right.status, 0, right.stdout + right.stderr);
  const wrong = attw(copyOf('untyped', (m) => { delete m.exports['./mock'].types; }), 'wrong');
  assert.equal(wrong.status, 1, wrong.stdout);
});

test('TypeScript 4.9 takes the types', () => {
  const folder = join(scratch, 'typescript');
  cpSync(copyOf('for typescript'), join(folder, 'node_modules/kaiwire'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const compile = (text) => {
    writeFileSync(join(folder, 'app.ts'), text);
    return spawnSync(process.execPath, [join(web, 'node_modules/typescript-old/bin/tsc'), '--noEmit', '--strict', '--target', 'es2017',
      '--lib', 'es2017,dom', '--module', 'nodenext', '--moduleResolution', 'nodenext', 'app.ts'], { cwd: folder, encoding: 'utf8' });
  };
  const app = `import { load, KaiwireError } from 'kaiwire';
    import { connect } from 'kaiwire/imap';
    import { compose } from 'kaiwire/mime';
    import { connect as collect } from 'kaiwire/pop3';
    import { connect as submit } from 'kaiwire/smtp';
    import { install, Tunnel } from 'kaiwire/mock';
    import { nodeHost } from 'kaiwire/node';
    import { startRelay } from 'kaiwire/relay';
    export async function main(): Promise<string> {
      const relay = await startRelay({ allow: ['localhost:993'] });
      install({}, { network: new Tunnel(relay.url) });
      const wire = await load({ modules: ['irc'], sockets: nodeHost() });
      await wire.close();
      const mail = await compose({ from: 'a@example.org', to: 'b@example.org', text: 'One' });
      const { accepted } = await (await submit({ host: 'localhost' })).send({ envelope: mail.envelope, raw: mail });
      const { messages } = await (await collect({ host: 'localhost', auth: { user: accepted[0] } })).stat();
      if (messages === 0) return '';
      const inbox = await connect({ host: 'localhost', port: 993, security: 'tls', auth: { user: 'a', pass: 'b' } });
      try { return (await inbox.fetch('1', { envelope: true }))[0].envelope!.subject; } catch (e) { return (e as KaiwireError).code; }
    }`;
  const right = compile(app);
  assert.equal(right.status, 0, right.stdout);
  assert.match(compile(app.replace('port: 993', "port: 'imaps'")).stdout, /error TS2322/);
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

/** What an engine lacks and a script asks for first: name → why it may. */
const ASKED_FOR = {
  WebAssembly: 'load() takes scripts where it is missing',
};

for (const [browser, names, newer] of [
  ['firefox 48', CLASSIC, 'Promise.allSettled([]);'],
  ['firefox 84', [...CLASSIC, 'kaiwire.js', 'esm/imap.js'], 'structuredClone(1);'],
]) {
  test(`eslint-plugin-compat: ${browser}`, async () => {
    const eslint = new ESLint({
      cwd: dist,
      overrideConfigFile: true,
      overrideConfig: [{
        files: ['**/*.js'],
        plugins: { compat },
        languageOptions: { globals: { window: 'readonly', self: 'readonly', document: 'readonly' } },
        linterOptions: { noInlineConfig: true },
        settings: { browsers: [browser], polyfills: Object.keys(ASKED_FOR) },
        rules: { 'compat/compat': 'error' },
      }],
    });
    // A warning says that a script's own settings are not followed.
    const problems = (results) => results.flatMap(({ messages }) => messages.filter(({ severity }) => severity === 2).map(({ message }) => message));
    const found = await Promise.all(names.map(async (name) => problems(await eslint.lintText(readFileSync(join(dist, name), 'utf8'), { filePath: name }))));
    assert.deepEqual(found.flat(), []);
    assert.equal(problems(await eslint.lintText(newer, { filePath: 'newer.js' })).length, 1);
  });
}
