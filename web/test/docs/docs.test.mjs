// What the documentation says works: every block of JavaScript runs in Firefox on the phone's sockets, against servers that
// stand for those of the examples; every command is there; every link leads somewhere.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { anchorsOf, targetsOf } from '../../documents.mjs';
import { refusals } from '../../kit/gecko48.mjs';
import { startRelay } from '../../relay/relay.mjs';
import { launch, openPage } from '../browser.mjs';
import { missing } from '../requirements.mjs';
import { makeCertificate } from '../servers/certificates.mjs';
import { startSite } from '../site.mjs';
import { blocksOf, isModule, scriptOf } from './examples.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const dist = process.env.KAIWIRE_DIST ?? join(root, 'web/dist');
const read = (file) => readFileSync(join(root, file), 'utf8');
const within = (folder) => readdirSync(join(root, folder)).filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`);
const documents = ['README.md', 'CONTRIBUTING.md', ...within('web/docs'), ...within('web/docs/guides')];
const blocks = Object.fromEntries(documents.map((file) => [file, blocksOf(read(file))]));

/** Each block has to end in so many milliseconds. */
const TIMEOUT = 60_000;

/** The servers of the examples, each by the name that they have there. */
async function startServers(t) {
  const child = spawn('go', ['run', './web/test/docs/servers'], { cwd: root, stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const closed = once(child, 'close');
  t.after(async () => {
    child.stdin.end();
    await closed;
  });
  const line = once(createInterface(child.stdout), 'line');
  const [text] = await Promise.race([line, closed.then(() => { throw new Error('the servers did not start'); })]);
  const ports = JSON.parse(text);
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-docs-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const { ca, certFile, keyFile } = await makeCertificate(folder, ['mail.example.org', 'irc.example.org']);
  const secured = async (port) => {
    const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (from) => {
      const to = connect(port, '127.0.0.1');
      for (const [one, other] of [[from, to], [to, from]]) one.on('error', () => other.destroy()).pipe(other);
    });
    server.on('tlsClientError', () => {}); // the examples have servers refused
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    return `127.0.0.1:${server.address().port}`;
  };
  return {
    ca,
    folder,
    hosts: {
      'mail.example.org:993': await secured(ports.imap),
      'mail.example.org:465': await secured(ports.smtp),
      'mail.example.org:995': await secured(ports.pop3),
      'irc.example.org:6697': await secured(ports.irc),
      '192.0.2.53:53': `127.0.0.1:${ports.dns}`,
    },
  };
}

test('the examples run', { skip: missing('firefox-esr', 'openssl') }, async (t) => {
  const { ca, folder, hosts } = await startServers(t);
  await build({ entryPoints: [join(root, 'bridge/mock/index.js')], bundle: true, format: 'iife', globalName: 'mock', keepNames: true,
    outfile: join(folder, 'mock.js'), logLevel: 'warning' });
  const file = (name, text) => writeFileSync(join(folder, name), text);
  const site = await startSite({ '/kaiwire/': dist, '/page.js': fileURLToPath(new URL('page.js', import.meta.url)), '/': folder });
  t.after(site.close);
  const relay = await startRelay({ allow: Object.values(hosts), hosts, ca, origins: [site.origin] });
  t.after(() => relay.close());
  const browser = await launch();
  t.after(browser.close);
  file('relay.js', `var relayUrl = ${JSON.stringify(relay.url)};\n`);
  const HEAD = '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>an example</title>\n<link rel="icon" href="data:,">\n'
    + ['relay', 'mock', 'page'].map((name) => `<script src="/${name}.js"></script>\n`).join('');

  /** A page with kaiwire and these scripts. */
  const pageOf = async (name, scripts) => {
    file(`${name}.html`, `${HEAD}<script src="kaiwire/kaiwire.classic.js"></script>\n${scripts.map((src) => `<script src="${src}"></script>\n`).join('')}`);
    return openPage(browser, { url: site.url(`/${name}.html`) });
  };
  /** Runs a block that scriptOf() has made a script of; resolves with what went wrong, or null. */
  const run = (page, where, { notes }) => page.run(where, async (name, modules, text) => {
    try {
      if (modules) await withWire(modules);
      await runBlock(name, text);
      return null;
    } catch (error) {
      return `${error.code || error.name}: ${error.message} ${error.detail || ''}`;
    }
  }, [where, notes['with wire'] && notes['with wire'].split(', '), notes['until shown']], { timeout: TIMEOUT });

  for (const [document, all] of Object.entries(blocks)) {
    const name = document.replace(/\W/g, '-');
    const plain = [];
    let known = ['wire'];
    let page = null; // the author's own, which the next block is the script of
    for (const block of all) {
      const where = `${document}:${block.line}`;
      if ('not run' in block.notes) {
        await t.test(where, (t) => t.diagnostic(`not run: ${block.notes['not run']}`));
      } else if (block.language === 'html') {
        page = block;
      } else if (block.language === 'js' && page) {
        const path = `${name}-${page.line}.html`;
        const { code } = page;
        page = null;
        await t.test(`${where}, a page of its own`, async () => {
          file(path, HEAD + code.replace('<!DOCTYPE html>\n<meta charset="utf-8">\n', '').replace('app.js', `${name}-app.js`));
          file(`${name}-app.js`, block.code);
          const opened = await openPage(browser, { url: site.url(`/${path}`) });
          await opened.puppeteer.waitForFunction((text) => document.body.innerText.includes(text), { timeout: TIMEOUT }, block.notes['until shown']);
          await opened.close();
        });
      } else if (block.language === 'js' && isModule(block.code)) {
        await t.test(`${where}, a module`, async () => {
          file(`${name}-${block.line}.js`, block.code.replace('ws://127.0.0.1:8081/', relay.url));
          file(`${name}-${block.line}.html`, `<!doctype html>\n<link rel="icon" href="data:,">\n<script type="module" src="${name}-${block.line}.js"></script>`);
          const opened = await openPage(browser, { url: site.url(`/${name}-${block.line}.html`) });
          await opened.close();
        });
      } else if (block.language === 'js') {
        const { script, declared } = scriptOf(where, block.code, known);
        known = [...new Set([...known, ...declared])];
        file(`${name}-${block.line}.js`, script);
        plain.push({ where, block, src: `${name}-${block.line}.js` });
      }
    }
    if (plain.length === 0) continue;
    await t.test(document, async (t) => {
      const opened = await pageOf(name, plain.map(({ src }) => src));
      opened.expect(/(can’t establish a connection to the server at|The connection to) ws:/); // one is cancelled while it is made
      for (const { where, block } of plain) await t.test(where, async () => assert.equal(await run(opened, where, block), null));
      await opened.close();
    });
  }

  await t.test('one with a mistake in it does not', async () => {
    const wrong = [
      ["await wire.irc.conect({ host: 'irc.example.org', nick: 'asha' });", /^TypeError/],
      ["show((await wire.irc.connect({ host: 'irc.example.org', nick: 'asha' })).nickname);", /^Error: shown/],
      ["await wire.irc.connect({ host: 'irc.example.com', nick: 'asha' });", /^ECONNREFUSED/],
    ];
    wrong.forEach(([code], i) => file(`wrong-${i}.js`, scriptOf(`wrong ${i}`, code, ['wire']).script));
    const page = await pageOf('wrong', wrong.map((_, i) => `wrong-${i}.js`));
    page.expect(/can’t establish a connection to the server at ws:/);
    for (const [i, [, expected]] of wrong.entries()) {
      assert.match(await run(page, `wrong ${i}`, { notes: i === 0 ? { 'with wire': 'irc' } : {} }), expected);
    }
    await page.close();
  });
});

test('blocks are found, with what is said of them, and what is newer than the phone is refused', () => {
  const markdown = '<!-- until shown: 1 -->\n```js\nconst { a, b: [c] } = await f();\nshow(c);\n```\n\n<!-- not run: it is a picture -->\n\n```js\nasync function g() {}\n```\n';
  const [first, second] = blocksOf(markdown);
  assert.deepEqual([first.line, first.notes, second.notes], [3, { 'until shown': '1' }, { 'not run': 'it is a picture' }]);
  assert.deepEqual(scriptOf('x', first.code, []).declared, ['a', 'c']);
  assert.deepEqual(scriptOf('x', second.code, ['c', 'g']).declared, ['g']);
  assert.throws(() => scriptOf('x', 'const a = ;', []), SyntaxError);
  assert.throws(() => scriptOf('x', 'a ??= 1;', []), SyntaxError, 'newer than Gecko 84');
});

test('what is for KaiOS 2.5 is what that reads', () => {
  const old = Object.entries(blocks).flatMap(([document, all]) => all.filter(({ notes }) => notes.for === 'Gecko 48').map((block) => ({ document, ...block })));
  assert.ok(old.length > 0);
  for (const { document, line, code } of old) assert.deepEqual(refusals(code), [], `${document}:${line}`);
});

test('the commands are there', () => {
  const targets = [...read('Makefile').matchAll(/^([a-z-]+):/gm)].map((m) => m[1]);
  const { bin } = JSON.parse(read('web/package.json'));
  let known = 0;
  for (const [document, all] of Object.entries(blocks)) {
    for (const { language, code, line, notes } of all) {
      if (language !== 'sh' || 'not run' in notes) continue;
      for (const command of code.split('\n').filter((text) => text && !text.startsWith('#'))) {
        const [program, name, ...words] = command.replace(/ #.*/, '').trim().split(/\s+/);
        const where = `${document}:${line}: ${command}`;
        known++;
        if (program === 'make') {
          assert.ok(name === undefined || targets.includes(name), where);
        } else if (program === 'npx') {
          assert.ok(bin[name], where);
          const source = read(join('web', bin[name]));
          for (const option of words.filter((word) => word.startsWith('--'))) assert.ok(source.includes(`${option} `), `${where}: ${option}`);
          if (name === 'kaiwire') assert.ok(source.includes(`kaiwire ${words[0]} `), where);
        } else if (program === 'npm') {
          assert.equal(name, 'install', where);
        } else if (program === 'node') {
          assert.ok(existsSync(join(root, name)), where);
        } else {
          assert.fail(`${where}: what is ${program}?`);
        }
      }
    }
  }
  assert.ok(known > 2);
});

test('the pieces of JSON can be read', () => {
  for (const [document, all] of Object.entries(blocks)) {
    for (const { code, line } of all.filter(({ language }) => language === 'json')) {
      const text = code.startsWith('{') ? code : `{${code}}`; // members of a manifest
      assert.doesNotThrow(() => JSON.parse(text), `${document}:${line}`);
    }
  }
});

test('the links lead somewhere', () => {
  for (const document of documents) {
    for (const { path, anchor } of targetsOf(read(document))) {
      const file = path ? join(dirname(document), path) : document;
      assert.ok(existsSync(join(root, file)), `${document}: ${path}`);
      if (anchor) assert.ok(anchorsOf(read(file)).includes(anchor), `${document}: ${path}#${anchor}`);
    }
  }
});
