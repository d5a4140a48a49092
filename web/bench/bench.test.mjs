// That the benchmarks run and compare what they say; how fast anything is, is no test's business.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findEngines } from '../engines.mjs';
import { missing } from '../test/requirements.mjs';

const run = promisify(execFile);
const script = fileURLToPath(new URL('run.mjs', import.meta.url));
const written = new URL('out/quick.json', import.meta.url);

const MODES = ['page', 'worker'];
const ENGINES = findEngines().map(({ name }) => name);
/** Of what is compared with another library. */
const SIDES = ENGINES.includes('tinygo') ? [...MODES, 'page-tinygo', 'worker-tinygo'] : MODES;
const each = (...lists) => lists.reduce((titles, list) => titles.flatMap((title) => list.map((word) => `${title}/${word}`)));
const CHUNKS = ['1KiB', '16KiB', '64KiB', '384KiB'];

const RATIOS = [
  ...each(['receive'], MODES, CHUNKS), ...each(['send'], MODES, CHUNKS), ...each(['echo'], MODES, ['1B', '1KiB']),
  ...each(['datagrams'], MODES, ['receive', 'send']),
  ...each(['names'], ['bare', ...SIDES], ['udp', 'tcp'], ['1', '10']), ...each(['names'], SIDES, ['kept']),
  ...each(['tls'], MODES, ['receive', 'send', 'handshake', 'handshake/resumed']), ...each(['envelopes'], SIDES), ...each(['mail'], ['flags', 'attachment', 'list'], SIDES),
  ...each(['chat', 'members'], SIDES),
  // Each beside the first.
  ...each(['engines'], ['start', 'irc', 'dns', 'receive'], ENGINES.slice(1)),
  ...each(['engines-tls'], ['start', 'handshake', 'resumed', 'irc'], ENGINES.slice(1)),
].sort();

test('the benchmarks write every ratio by its name', { skip: missing('firefox-esr', 'openssl'), timeout: 900_000 }, async () => {
  rmSync(written, { force: true });
  const { stdout } = await run(process.execPath, [script, '--quick']);
  const report = JSON.parse(readFileSync(written, 'utf8'));

  assert.deepEqual(Object.keys(report.ratios).sort(), RATIOS);
  for (const [name, value] of Object.entries(report.ratios)) {
    assert.ok(Number.isFinite(value) && value > 0, `${name} is ${value}`);
    assert.ok(stdout.includes(name), `${name} is not printed`);
    for (const title of [name, `${name}/blocked`, `${name}/ratio`]) assert.ok(title in report.figures, `there is no ${title}`);
  }
  for (const [app, other] of [['mail', 'imapflow'], ['chat', 'irc-framework']]) {
    for (const title of each([`memory/${app}`], [other, ...ENGINES], ['peak', 'after'])) {
      assert.ok(title in report.figures, `there is no ${title}`);
    }
  }
  for (const [name, { unit, value, runs }] of Object.entries(report.figures)) {
    assert.ok(unit && runs.length > 0, name);
    // What a tab has more than before is less than nothing where the browser has tidied up meanwhile.
    const least = /\/tab\/|^memory\//.test(name) ? -Infinity : 0;
    assert.ok([value, ...runs].every((figure) => Number.isFinite(figure) && figure >= least), `${name}: ${value} of ${runs}`);
  }
  assert.match(report.firefox, /firefox/i);
  assert.ok(!Number.isNaN(Date.parse(report.date)) && report.host);
});

test('a benchmark that there is not is refused by name', async () => {
  await assert.rejects(run(process.execPath, [script, 'upload']), { code: 2, stderr: /no such benchmark: upload; there are receive, send, echo, datagrams, tls, envelopes, mail, names, chat, engines, engines-tls, memory/ });
});
