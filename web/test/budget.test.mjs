// The phone's memory: what each module may weigh, and what it must not link.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { budgets, codeSection, forbidden, isBuilt, links, measure, smallBudgets } from '../sizes.mjs';

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
