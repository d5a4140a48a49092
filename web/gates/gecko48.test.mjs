// What ships for KaiOS 2.5 parses there; and the linter that says so refuses
// what it should, one small file for each construct.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import compatibility from '@mdn/browser-compat-data' with { type: 'json' };
import { refusals } from '../kit/gecko48.mjs';
import { newerThan } from './compatibility.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const dist = process.env.KAIWIRE_DIST ?? fileURLToPath(new URL('../dist/', import.meta.url));

/** The scripts of dist that are not for KaiOS 2.5, which has no modules. */
const MODERN = /^(kaiwire\.js|kaiwire\.node\.js|kaiwire-mock\.js|esm\/.*|kit\/phone\/.*)$/;
/** Those that run in a page only; a module's script runs where the app wants it. */
const PAGE = ['kaiwire.classic.js', 'kaiwire-hosts.js', 'self-test/app.js', 'kit/template/app.js', 'kit/template/config.js'];
const SHIPPED = readdirSync(dist, { recursive: true }).filter((name) => name.endsWith('.js') && !MODERN.test(name));

/** In MDN's data newer than 48, and nothing that a classic script's parser would meet. */
const NO_SYNTAX = [
  'statements.for_of.closing_iterators', // what break does, to generators of one's own alone
  'statements.import.', 'statements.export.', 'operators.import.', 'operators.import_meta.', // parts of what is refused
  'grammar.trailing_commas.trailing_commas_in_dynamic_import',
  'regular_expressions.named_capturing_group.',
  'regular_expressions.buffer_boundary_assertion', // in no Firefox yet, and before that another spelling of the letters
];

const cases = readdirSync(here + 'testdata/refused').map((name) => {
  const source = readFileSync(`${here}testdata/refused/${name}`, 'utf8');
  const [, rule, line, features] = /^\/\/ (\S+) at line (\d+):(.*)$/m.exec(source);
  return { name, source, rule, line: Number(line), features: features.split(' ').filter(Boolean), worker: name.endsWith('.worker.js') };
});

for (const { name, source, rule, line, worker } of cases) {
  test(`refused: ${name}`, () => {
    assert.deepEqual(refusals(source, { worker }).map((refusal) => [refusal.rule, refusal.line]), [[rule, line]]);
    if (worker) assert.deepEqual(refusals(source), [], 'a page may');
  });
}

for (const name of readdirSync(here + 'testdata/accepted')) {
  test(`accepted: ${name}`, () => {
    assert.deepEqual(refusals(readFileSync(`${here}testdata/accepted/${name}`, 'utf8'), { worker: name !== 'page.js' }), []);
  });
}

test('there is a case for all syntax that MDN knows to be newer', () => {
  const { builtins, ...syntax } = compatibility.javascript;
  const known = new Set(cases.flatMap(({ features }) => features));
  const newer = newerThan(48, syntax);
  assert.ok(newer.length > 50, 'the data are read');
  const unknown = newer.filter((feature) => !known.has(feature) && !NO_SYNTAX.some((start) => feature.startsWith(start)));
  assert.deepEqual(unknown, []);
});

test('there are scripts for KaiOS 2.5', () => {
  for (const name of ['kaiwire.classic.js', 'kaiwire-worker.js']) assert.ok(SHIPPED.includes(name), name);
});

for (const name of SHIPPED) {
  test(`shipped: ${name}`, () => {
    const found = refusals(readFileSync(dist + name, 'utf8'), { worker: !PAGE.includes(name) });
    assert.deepEqual(found.slice(0, 20), [], `${found.length} in all`);
  });
}
