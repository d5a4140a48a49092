// Modules and workers that break down: what was open fails with a code, nothing
// of them stays, and the next call finds a fresh one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { findEngines } from '../../engines.mjs';
import { moduleFile } from '../../src/files.js';
import { missing } from '../requirements.mjs';
import * as hostile from './hostile.mjs';
import { EVENTS } from '../../../wasm/call/call.js';
import { dist, enginesOf, modesOf, openStage } from './stage.mjs';

const nonsense = fileURLToPath(new URL('../testdata/nonsense-worker.js', import.meta.url));
const { load, runGo } = await import(pathToFileURL(join(dist, 'kaiwire.node.js')));
const folder = mkdtempSync(join(tmpdir(), 'kaiwire-breakdown-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const engines = findEngines(enginesOf('dns'));
before(async () => {
  for (const { name, build, toScript } of engines) {
    const file = join(folder, moduleFile('dns', 'phone', name));
    if (build) build('./web/test/breakdown', file);
    else writeFileSync(file, await toScript(join(folder, moduleFile('dns', 'phone', 'tinygo')), 'dns'));
  }
  engines[0].build('./web/test/testdata/ends.go', join(folder, 'ends.wasm'));
});

/** Each way to end, and what is told of it. */
const ENDS = {
  panic: /^panic: .*assignment to entry in nil map$/m,
  text: /^panic: one line\n[^]*and another: é 漢$/m,
  goroutine: /^panic: of nobody's$/m,
  read: /^panic: it spoke$/m,
  timer: /^panic: too late$/m,
  exit: /^exit status 3$/,
};

test('Node', async (t) => {
  const server = await hostile.start(hostile.answers('', 'something\n'));
  t.after(server.stop);
  const wire = await load({ modules: ['dns'], engine: 'go', base: folder });
  t.after(() => wire.close());
  for (const [name, detail] of Object.entries(ENDS)) {
    const resolver = await wire.dns.resolver({ servers: [`127.0.0.1:${server.port}`] });
    let told;
    await assert.rejects(resolver.query(name, 'A', { timeout: 500 }), (error) => {
      told = error.detail;
      return error.name === 'KaiwireError' && error.code === 'EPANIC' && detail.test(told);
    });
    assert.equal(resolver.closed, true);
    if (name !== 'exit') assert.match(told, /\ngoroutine \d+ \[running\]:\n/);
  }
});

test('a program of one’s own', async () => {
  const run = async (...argv) => (await runGo({ wasm: join(folder, 'ends.wasm'), argv: ['ends', ...argv] })).exited;
  assert.equal(await run('0'), 0);
  assert.equal(await run('2'), 2);
  await assert.rejects(run('panic'), { name: 'KaiwireError', code: 'EPANIC', detail: /^panic: as it was told\n/ });
});

test('a module breaks down', { skip: missing('firefox-esr') }, async (t) => {
  const server = await hostile.start(hostile.answers('', 'something\n'));
  t.after(server.stop);
  const stageOf = await openStage(t, {
    hosts: { 'server.test:1': `127.0.0.1:${server.port}` },
    mounts: { '/breakdown/': folder, '/breakdown/kaiwire-worker.js': join(dist, 'kaiwire-worker.js') },
  });

  for (const { mode, worker, engine } of modesOf('dns')) {
    for (const [name, detail] of Object.entries(ENDS)) {
      await t.test(`${name}, ${mode}`, async () => {
        const page = await stageOf.open({ modules: ['dns'], engine, worker, base: '/breakdown/' });
        const seen = await page.run(name, async (name) => {
          const servers = ['server.test:1'];
          const [resolver, other] = [await stage.wire.dns.resolver({ servers }), await stage.wire.dns.resolver({ servers })];
          const open = stage.phone.sockets.size;
          const closed = new Promise((resolve) => other.on('close', ({ error }) => resolve(error.code)));
          const waits = stage.outcome(other.resolve4('wait'));
          const ends = stage.outcome(resolver.query(name, 'A', { timeout: 1000 }));
          const [{ error }, waited] = await Promise.all([ends, waits]);
          // At once, from the handler as it were.
          const again = await stage.outcome(stage.wire.dns.resolver({ servers }).then((fresh) => stage.outcome(fresh.query('nothing', 'A'))));
          return { open, error, waited: waited.error, closed: await closed, handles: [resolver.closed, other.closed],
            used: (await stage.outcome(resolver.query('nothing', 'A'))).error.code, again };
        }, [name]);
        const { code, retry, message, protocol } = seen.error;
        assert.deepEqual([code, retry, protocol], ['EPANIC', 'now', undefined]);
        assert.match(message, /crashed/);
        assert.match(seen.error.detail, detail);
        assert.deepEqual([seen.open, seen.waited.code, seen.closed, seen.handles, seen.used], [2, 'EPANIC', 'EPANIC', [true, true], 'ECLOSED']);
        assert.deepEqual(seen.again.value, { value: null });
        await page.run('the sockets of the old one close', async () => {
          while (stage.phone.sockets.size > 1) await new Promise((resolve) => setTimeout(resolve, 10));
        });
        await page.close();
      });
    }
  }
});

test('a worker that talks nonsense', { skip: missing('firefox-esr') }, async (t) => {
  const stageOf = await openStage(t, { hosts: {}, mounts: { '/nonsense/kaiwire-worker.js': nonsense } });
  const page = await stageOf.open({ modules: ['dns', 'irc'], worker: true, base: '/nonsense/' });
  const good = ['deliver', 'dns', [[0, 'ID', '{"handle":7}', null]]];
  const resolver = (say, fail) => page.run(JSON.stringify(say), (say, fail) =>
    stage.outcome(stage.wire.dns.resolver({ servers: [], say, fail, timeout: 20_000 }).then((resolver) => {
      stage.held.resolver = resolver;
      return resolver.closed;
    })), [say, fail]);

  for (const [what, ...say] of [
    ['an answer that is not JSON', ['deliver', 'dns', [[0, 'ID', '{"handle":', null]]]],
    ['an answer that is no text', ['deliver', 'dns', [[0, 'ID', null, null]]]],
    ['an answer that is missing', ['deliver', 'dns', [[0, 'ID']]]],
    ['a result that is no handle', ['deliver', 'dns', [[0, 'ID', 'null', null]]]],
    ['a handle without a number', ['deliver', 'dns', [[0, 'ID', '{"handle":{}}', null]]]],
    ['an error that is none', ['deliver', 'dns', [[2, 'ID', 'null', null]]]],
    ['an error without a code', ['deliver', 'dns', [[2, 'ID', '{"message":"x"}', null]]]],
    ['an answer that is no list', ['deliver', 'dns', [7]]],
    ['no list', ['deliver', 'dns', null]],
    ['nothing at all', ['deliver', 'dns']],
    ['an answer of no kind', ['deliver', 'dns', [[9, 'ID', '{}', null]]]],
    ['an end', ['exit', 'dns', { not: 'text' }]],
    ['events that are not JSON', ['deliver', 'dns', [[EVENTS, 7, '[["x",']]], good],
    ['events of nobody', ['deliver', {}, [[EVENTS, [], 'x']]], good],
  ]) {
    await t.test(what, async () => {
      const { error } = await resolver(say);
      assert.deepEqual([error?.name, error?.code, error?.retry], ['KaiwireError', 'EPANIC', 'now']);
      assert.deepEqual((await resolver([good])).value, false, 'the next call');
    });
  }

  for (const [what, events] of [
    ['no list', '{}'], ['nothing', 'null'], ['no pairs', '[5]'], ['a close without a value', '[["close"]]'],
    ['a close with no error', '[["close",{"error":5}]]'],
  ]) {
    await t.test(`events that are ${what}, early and late`, async () => {
      const event = ['deliver', 'dns', [[EVENTS, 8, events]]];
      const opens = ['deliver', 'dns', [[0, 'ID', '{"handle":8}', null]]];
      for (const say of [[event, opens], [opens, event]]) {
        const code = await page.run('close', async (say) => {
          const resolver = await stage.wire.dns.resolver({ servers: [], say });
          return new Promise((resolve) => resolver.on('close', ({ error }) => resolve(error.code)));
        }, [say]);
        assert.equal(code, 'EPANIC');
      }
    });
  }

  await t.test('what is for nobody changes nothing', async () => {
    const say = [[], ['x'], ['deliver', 'dns', []], ['deliver', 'dns', [[0, 'nobody', '{', null]]], ['exit', 'imap', ''], ['exit'],
      ['loaded', 'dns', null], ['loaded', null, 5], ['deliver', 'dns', [[EVENTS, 99, '[]']]], good];
    assert.equal((await resolver(say)).value, false);
  });

  await t.test('an exception that nobody catches ends all that the worker has', async () => {
    assert.equal((await resolver([good])).value, false);
    const ends = await page.run('fail', async () => {
      const closed = new Promise((resolve) => stage.held.resolver.on('close', ({ error }) => resolve(error.code)));
      const waits = stage.outcome(stage.wire.irc.connect({ nick: 'x', host: 'x', say: [] }));
      const { error } = await stage.outcome(stage.wire.dns.resolver({ servers: [], say: [], fail: true }));
      return [error.code, error.detail, (await waits).error.code, await closed];
    });
    assert.match(ends[1], /nobody catches this/);
    assert.deepEqual([ends[0], ends[2], ends[3]], ['EPANIC', 'EPANIC', 'EPANIC']);
    assert.equal((await resolver([good])).value, false);
  });
  await page.close();

  await t.test('the name servers of load() are asked by a fresh resolver', async () => {
    const page = await stageOf.open({ modules: ['dns', 'irc'], worker: true, base: '/nonsense/', nameServers: ['ns.test'] });
    const seen = await page.run('ask, break down, ask', async () => {
      const connect = async () => (await stage.outcome(stage.wire.irc.connect({ host: 'nobody.test', nick: 'x' }))).error.code;
      const before = await connect();
      const { error } = await stage.outcome(stage.wire.dns.resolver({ servers: [], say: [['deliver', 'dns', [[0, 'ID', '{', null]]]] }));
      return [before, error.code, await connect()];
    });
    assert.deepEqual(seen, ['ENOTFOUND', 'EPANIC', 'ENOTFOUND']);
    await page.close();
  });
});
