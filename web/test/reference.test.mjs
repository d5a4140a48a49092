// The reference of the API has all of index.d.ts, and its links lead to it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';
import { reference } from '../reference.mjs';

const declarations = readFileSync(new URL('../src/index.d.ts', import.meta.url), 'utf8');
const text = reference(declarations);

test('each declaration has a heading, and each member is under it', () => {
  const source = ts.createSourceFile('index.d.ts', declarations, ts.ScriptTarget.Latest, true);
  const parts = new Map(text.split(/^### /m).slice(1).map((part) => [part.slice(0, part.indexOf('\n')), part]));
  for (const statement of source.statements.filter(({ name }) => name)) {
    const part = parts.get(statement.name.text);
    assert.ok(part, statement.name.text);
    for (const { name } of (statement.members || []).filter((member) => member.name)) {
      assert.ok(part.includes(`\`${name.getText()}`), `${statement.name.text}.${name.getText()}`);
    }
  }
  assert.equal(parts.size, new Set(parts.keys()).size);
});

test('its links lead to headings', () => {
  const headings = new Set([...text.matchAll(/^### (\w+)$/gm)].map(([, name]) => name.toLowerCase()));
  const links = [...text.matchAll(/\]\(#(\w+)\)/g)].map(([, target]) => target);
  assert.ok(links.length > 100);
  assert.deepEqual(links.filter((target) => !headings.has(target)), []);
});

test('what is said of an option, a method and a function is beside it', () => {
  const made = reference(`
/** All of it. */
export interface Options extends Base {
  /** How many. Default 5. */
  count?: number; size?: number;
  other: 'a' | 'b';
}
export interface Base {
  /** Does it
   *  twice. */
  run(options?: Options): Promise<void>;
}
/* ---- Words ---- */
export type Word = 'x' | 'y';
`);
  assert.match(made, /### Options\n\nAll of it\.\n\nWith all of `Base`\.\n\n→ \[Base\]\(#base\)/);
  assert.ok(made.includes("| `count?` | `number` | How many. Default 5. |\n| `size?` | `number` | How many. Default 5. |\n| `other` | `'a' \\| 'b'` |  |"));
  assert.ok(made.includes('- `run(options?: Options): Promise<void>` → [Options](#options)  \n  Does it twice.'));
  assert.ok(made.includes("## Words\n\n### Word\n\n`'x' | 'y'`"));
});
