// The package does its work in SpiderMonkey 78; what that engine does not know fails in it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing } from '../test/requirements.mjs';
import { startLines } from '../test/servers/lines.mjs';
import { runInShell } from './js78.mjs';
import { maskScript } from './mask.mjs';
import { unbuilt } from './unbuilt.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = process.env.KAIWIRE_DIST ?? fileURLToPath(new URL('../dist/', import.meta.url));
const skip = missing('js78');

/** What plays which engine's modules: js is for what has no WebAssembly. */
const ENGINE_MASKS = { go: '', tinygo: '', js: maskScript(48) };

for (const [engine, mask] of Object.entries(ENGINE_MASKS)) {
  // With the mask nothing is named: load() is to choose what runs there.
  const run = (program, options) => runInShell(`${here}js78/${program}.js`,
    { scripts: [`${dist}kaiwire.classic.js`], mask, options: { base: dist, engine: mask ? undefined : engine, ...options } });

  test(`js78: IRC, ${engine}`, { skip: skip || unbuilt(dist, 'irc', engine) }, async () => {
    const { said, ...rest } = await run('irc', { answer: 'you said' });
    const essential = ['CAP LS 302', 'NICK anna', 'USER anna 0 * Anna', 'CAP REQ multi-prefix server-time', 'JOIN #kai',
      'PRIVMSG #kai namaste 🙏', 'QUIT good night'];
    assert.deepEqual(said.filter((line) => essential.includes(line)), essential);
    assert.deepEqual(rest, {
      names: ['anna', '@ben'],
      heard: { nick: 'ben', target: '#kai', text: 'you said namaste 🙏', time: '2020-02-02T20:20:20.000Z' },
      pinged: true,
    });
  });

  test(`js78: DNS, ${engine}`, { skip: skip || unbuilt(dist, 'dns', engine) }, async () => {
    const { ttl, ...rest } = await run('dns', { address: [192, 0, 2, 53] });
    assert.deepEqual(rest, { one: ['192.0.2.53'], many: true, unknown: { code: 'ENOTFOUND', response: 'NXDOMAIN' } });
    assert.ok(ttl > 0 && ttl <= 300, `ttl ${ttl}`); // it may come from the resolver's cache
  });
}

for (const [engine, mask] of Object.entries(ENGINE_MASKS)) {
  test(`js78: TLS of our own, ${engine}`, { skip: skip || missing('openssl') || unbuilt(dist, 'irc', engine, 'own') }, async (t) => {
    const [host, lines] = ['irc.kaiwire.test', 20_000];
    const { port, ca, text, stop } = await startLines(host, lines);
    t.after(stop);
    const { handshake, bulk, ...rest } = await runInShell(`${here}js78/tls.js`, { scripts: [`${dist}kaiwire.classic.js`], mask, port,
      options: { base: dist, engine: mask ? undefined : engine, host, roots: ca, lines, timeout: 60_000 } });
    assert.deepEqual(rest, { refused: 'ECERT_UNTRUSTED', count: lines, last: text(lines - 1) });
    t.diagnostic(`handshake ${Math.round(handshake)} ms, ${Math.round(lines / bulk * 1000)} lines/s`);
  });
}

test('js78 without WebAssembly: what needs it fails', { skip }, async () => {
  await assert.rejects(runInShell(`${here}js78/irc.js`, { scripts: [`${dist}kaiwire.classic.js`], mask: maskScript(48),
    options: { base: dist, engine: 'go' } }), /no WebAssembly/);
});

test('js78 refuses what is newer', { skip }, async (t) => {
  const fails = async (program, o, message) => {
    await assert.rejects(runInShell(`${here}testdata/js78/${program}.js`, { scripts: o.scripts?.map((name) => `${here}testdata/js78/${name}`), ...o.rest }), message);
  };

  await t.test('but nothing else', async () => {
    assert.equal(await runInShell(`${here}testdata/js78/nothing.js`), null);
  });
  await t.test('syntax', () => fails('nothing', { scripts: ['newer-syntax.js'] }, /SyntaxError/));
  await t.test('names', () => fails('nothing', { scripts: ['newer-name.js'] }, /at is not a function/));

  const empty = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const type = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00]; // one type: no parameters, no results
  const one = [0x03, 0x02, 0x01, 0x00]; // one function, of that type
  const code = (...body) => [0x0a, body.length + 4, 0x01, body.length + 2, 0x00, ...body, 0x0b];
  const compile = (...sections) => runInShell(`${here}testdata/js78/compile.js`, { options: { bytes: [...empty, ...sections.flat()] } });
  await t.test('WebAssembly', async () => {
    assert.equal(await compile(type, one, code(0x41, 0x00, 0xc0, 0x1a)), null); // i32.extend8_s, which Gecko 84 has
    await assert.rejects(compile(type, one, code(0x12, 0x00)), /CompileError/); // return_call, of Firefox 121
    await assert.rejects(compile(type, one, code(0xfd, 0x0c, ...new Array(16).fill(0), 0x1a)), /CompileError/); // v128.const, of 89
  });
  await t.test('a program that waits for nothing', () => fails('endless', {}, /nothing more will happen/));
  await t.test('a program that is stuck', () => fails('stuck', { rest: { timeout: 2000 } }, /Command failed/));
});
