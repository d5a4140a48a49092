// The package as npm and as a zip have it: complete, the same, and the same again wherever it is packed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { anchorsOf, packed as packedDocument, targetsOf } from '../documents.mjs';
import { filesOf, protocolsOf } from '../tree.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dist = join(root, 'web/dist');
const scratch = mkdtempSync(join(tmpdir(), 'kaiwire-archives-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

const info = JSON.parse(readFileSync(join(dist, 'build-info.json'), 'utf8'));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Packs a copy of the package elsewhere, as another person would at another time. */
function packed(name, umask, zone) {
  const folder = join(scratch, name, 'web');
  execFileSync('sh', ['-c', `umask ${umask} && mkdir -p "$1" && cp -R "$2/dist" "$2/kit" "$2/src" "$1" && cp "$2/archive.mjs" "$2/documents.mjs" "$2/tree.mjs" "$2/package.json" "$1" && ln -s "$2/node_modules" "$1/node_modules"`,
    'sh', folder, join(root, 'web')]);
  for (const path of filesOf(join(folder, 'dist'))) utimesSync(join(folder, 'dist', path), umask * 1e6, umask * 1e6);
  execFileSync(process.execPath, ['archive.mjs'], { cwd: folder, env: { ...process.env, TZ: zone }, stdio: ['ignore', 'ignore', 'inherit'] });
  return join(folder, 'out', `kaiwire-${info.version}`);
}

let archives;
before(() => { archives = packed('one', '022', 'UTC'); });

test('build-info.json has each file of the package, as it is', () => {
  const files = filesOf(dist).filter((path) => !path.startsWith('self-test/') && path !== 'build-info.json');
  assert.deepEqual(Object.keys(info.files), files);
  for (const path of files) {
    const bytes = readFileSync(join(dist, path));
    assert.deepEqual([info.files[path].bytes, info.files[path].sha256], [bytes.length, sha256(bytes)], path);
  }
  assert.match(info.toolchain.engines.go.version, /^go1\.\d+/);
  assert.ok(info.toolchain.engines.go.flags.includes('-trimpath'));
  for (const [name, { version, flags }] of Object.entries(info.toolchain.engines)) assert.ok(version && flags.length, name);
  const text = JSON.stringify(info);
  assert.ok(!text.includes(root) && !/\d{4}-\d\d-\d\d/.test(text), 'where or when');
});

test('the tarball and the zip have the same files', () => {
  const unpacked = join(scratch, 'unpacked');
  execFileSync('sh', ['-c', 'mkdir -p "$1" && tar -xzf "$2" -C "$1"', 'sh', unpacked, `${archives}.tgz`]);
  const zipped = unzipSync(readFileSync(`${archives}.zip`));
  const paths = [...Object.keys(info.files), 'build-info.json'].sort();
  assert.deepEqual(filesOf(join(unpacked, 'package')), paths);
  assert.deepEqual(Object.keys(zipped).sort(), paths.map((path) => `kaiwire/${path}`).sort());
  for (const path of paths) {
    const hash = sha256(readFileSync(join(dist, path)));
    assert.equal(sha256(readFileSync(join(unpacked, 'package', path))), hash, path);
    assert.equal(sha256(zipped[`kaiwire/${path}`]), hash, path);
  }
});

test('its documents lead to what is in it', () => {
  const paths = Object.keys(info.files);
  const documents = paths.filter((path) => path.endsWith('.md'));
  const has = (path) => paths.includes(path) || paths.some((file) => file.startsWith(`${path}/`));
  let known = 0;
  for (const document of documents) {
    for (const { path, anchor } of targetsOf(readFileSync(join(dist, document), 'utf8'))) {
      const file = path ? posix.join(posix.dirname(document), path) : document;
      assert.ok(has(file), `${document}: ${path}`);
      if (anchor) assert.ok(anchorsOf(readFileSync(join(dist, file), 'utf8')).includes(anchor), `${document}: ${path}#${anchor}`);
      known++;
    }
  }
  assert.ok(known > 300, `${known} links`);
  for (const path of ['README.md', 'CHANGELOG.md', 'api.md', 'docs/README.md', 'docs/kit.md', 'docs/guides/start.md']) assert.ok(documents.includes(path), path);
});

test('a document’s links in the package', () => {
  const has = (place) => ['README.md', 'index.d.ts', 'docs/kit.md', 'docs/guides/start.md', 'kit/template'].includes(place);
  const of = (text, path) => packedDocument(text, path, has);
  assert.equal(of('[a](web/docs/kit.md#pack) and [`b`](web/src/index.d.ts), [c](#here), [d](https://example.org/)', 'README.md'),
    '[a](docs/kit.md#pack) and [`b`](index.d.ts), [c](#here), [d](https://example.org/)');
  assert.equal(of('[a](../../../README.md#use-it), [b](../kit.md), [c](../../kit/template)', 'web/docs/guides/start.md'),
    '[a](../../README.md#use-it), [b](../kit.md), [c](../../kit/template)');
  assert.equal(of('see [the demo](web/demo/README.md), [all `of[it]`](CONTRIBUTING.md).', 'README.md'), 'see the demo, all `of[it]`.');
  assert.equal(of('one\n\n<!-- repository -->\nmake\n\ndemo\n<!-- end -->\n\ntwo\n', 'README.md'), 'one\n\ntwo\n');
  const code = '```js\nconst [a](web/demo)\n```';
  assert.equal(of(code, 'README.md'), code);
  assert.deepEqual(targetsOf('[a](b.md#c) `[d](e)` <img src="f.png"> [g](https://example.org)\n```\n[h](i)\n```\n[j](#k)'),
    [{ path: 'b.md', anchor: 'c' }, { path: 'f.png', anchor: '' }, { path: '', anchor: 'k' }]);
  assert.deepEqual(anchorsOf('# The `first`, one\n```sh\n# none\n```\n## KaiOS 2.5\n'), ['the-first-one', 'kaios-25']);
});

test('packed in another folder, at another time, by another person, they are the same bytes', () => {
  const others = packed('elsewhere/two', '077', 'Asia/Kolkata');
  for (const extension of ['.tgz', '.zip']) {
    assert.equal(sha256(readFileSync(others + extension)), sha256(readFileSync(archives + extension)), extension);
  }
});

test('a module that is built in another folder is the same', () => {
  const other = join(scratch, 'checkout');
  const tracked = execFileSync('git', ['ls-files', '-z', '--', '*.go', '*.mod', '*.sum', '*.zone', 'bridge', 'protocols', 'wasm'], { cwd: root });
  for (const path of tracked.toString().split('\0').filter(Boolean)) cpSync(join(root, path), join(other, path));
  const build = (folder, name) => {
    const file = join(scratch, `${name}.wasm`);
    execFileSync('go', ['build', ...info.toolchain.engines.go.flags, '-tags=', '-o', file, './wasm/irc'],
      { cwd: folder, env: { ...process.env, GOOS: 'js', GOARCH: 'wasm' } });
    return sha256(readFileSync(file));
  };
  assert.equal(build(other, 'there'), build(root, 'here'));
});

test('each protocol has an entry of its own, and types for it', async () => {
  const shipped = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'));
  assert.ok(!('devDependencies' in shipped) && !('private' in shipped));
  for (const { name, methods } of protocolsOf(readFileSync(join(dist, 'index.d.ts'), 'utf8'))) {
    const { node, types } = shipped.exports[`./${name}`];
    const entry = await import(join(dist, node));
    assert.deepEqual(Object.keys(entry).sort(), [...methods, 'close', 'load'].sort(), name);
    for (const method of methods) assert.ok(readFileSync(join(dist, types), 'utf8').includes(`export const ${method}: `), method);
  }
});

test('an entry loads its module with the first call, and again after close', async () => {
  writeFileSync(join(scratch, 'first.mjs'), `
    import assert from 'node:assert/strict';
    import net from 'node:net';
    import { once } from 'node:events';
    import { close, connect, load } from ${JSON.stringify(join(dist, 'esm/irc.node.js'))};
    import * as mime from ${JSON.stringify(join(dist, 'esm/mime.node.js'))};
    import * as pop3 from ${JSON.stringify(join(dist, 'esm/pop3.node.js'))};
    import * as smtp from ${JSON.stringify(join(dist, 'esm/smtp.node.js'))};
    await assert.rejects(load({ tls: 'nobody’s' }), { code: 'EINVAL' });
    const server = net.createServer((socket) => socket.on('error', () => {}).end('ERROR :closed\\r\\n')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    for (let turn = 0; turn < 2; turn++) {
      await assert.rejects(connect({ host: '127.0.0.1', port: server.address().port, security: 'none', nick: 'asha' }), { name: 'KaiwireError', protocol: 'irc' });
      await close();
    }
    await close();
    for (const [protocol, entry] of Object.entries({ pop3, smtp })) {
      const auth = { user: 'asha', pass: 'kaiwire' };
      await assert.rejects(entry.connect({ host: '127.0.0.1', port: server.address().port, security: 'none', auth }), { name: 'KaiwireError', protocol });
      await entry.close();
    }
    const composed = await mime.compose({ from: 'asha@example.org', to: 'ben@example.org', subject: 'Grüße', text: 'Oben ist es kalt.' });
    assert.equal((await mime.parse(composed)).subject, 'Grüße');
    await mime.close();
    server.close();`);
  execFileSync(process.execPath, [join(scratch, 'first.mjs')], { stdio: ['ignore', 'ignore', 'inherit'], timeout: 60_000 });
});
