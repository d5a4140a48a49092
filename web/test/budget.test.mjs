// The phone's memory: what each module may weigh, and what it must not link.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { functionsOf, sumUp } from '../bypackage.mjs';
import { budgets, codeSection, forbidden, isBuilt, links, measure, report, smallBudgets } from '../sizes.mjs';

for (const module of Object.keys(budgets)) {
  test(`${module} keeps within its budget of code`, () => {
    const binary = readFileSync(new URL(`../dist/${module}.wasm`, import.meta.url));
    const code = codeSection(binary);
    assert.ok(code > 500_000, `${code} bytes is no Go program`);
    assert.ok(code <= budgets[module], `${code} bytes of code, ${budgets[module]} allowed`);
  });

  test(`${module} links nothing that is forbidden`, () => {
    const binary = readFileSync(new URL(`../dist/${module}.wasm`, import.meta.url));
    assert.ok(links(binary, 'kaiwire/bridge') && links(binary, 'strings'), 'the table of function names is not there');
    const wrong = Object.keys(forbidden[module]).filter((name) => links(binary, name));
    assert.deepEqual(wrong.map((name) => `${name}: ${forbidden[module][name]}`), []);
  });
}

for (const file of Object.keys(smallBudgets)) {
  test(`${file} keeps within its budget`, { skip: !isBuilt(file) && process.env.CI !== 'true' && 'there is no TinyGo' }, () => {
    const { raw, code } = measure(file);
    assert.ok((code ?? raw) > 100_000, `${code} bytes is no Go program`);
    assert.ok(raw <= smallBudgets[file], `${raw} bytes, ${smallBudgets[file]} allowed`);
  });
}

test('what is linked is seen', () => {
  const binary = readFileSync(new URL('../dist/mail-tls.wasm', import.meta.url));
  assert.ok(links(binary, 'crypto/tls'));
});

test('the report has the change since the last release, and what is over its budget', () => {
  const measured = {
    'irc.wasm': { raw: 9_000_000, code: budgets.irc + 1, gzip: 4, brotli: 3 },
    'irc.js': { raw: smallBudgets['irc.js'], code: null, gzip: 1, brotli: 1 },
  };
  const { lines: [, irc, script], over } = report(measured, { 'irc.wasm': { raw: 9_000_000, code: budgets.irc - 1, gzip: 5 } });
  assert.match(irc, /^irc.wasm +9,000,000 \(=\) +[\d,]+ \(\+2\) +4 \(−1\) +3 \(new\) +code [\d,]+$/);
  assert.match(script, /^irc.js +[\d,]+ \(new\) +1 \(new\) +1 \(new\) +raw [\d,]+$/);
  assert.deepEqual(over, ['irc.wasm: code is 1 bytes over its budget']);
});

test('what makes a module large is all of its code', () => {
  const binary = readFileSync(new URL('../dist/dns.wasm', import.meta.url));
  const functions = functionsOf(binary);
  const sum = functions.reduce((sum, [, bytes]) => sum + bytes, 0);
  assert.ok(functions.length > 1000 && codeSection(binary) - sum <= 5, `${codeSection(binary) - sum} bytes of code are missing`);
  assert.deepEqual(sumUp([['net_netip.Addr.String', 3], ['net.init', 1], ['net_netip.__Addr_.x', 4], ['main.main', 5], ['_rt0', 9]],
    ['net', 'net/netip', 'kaiwire/wasm/dns']), [['what the compiler makes', 9], ['net/netip', 7], ['main', 5], ['net', 1]]);
});
