// The tables of web/docs say which test shows what: each has to be there, and
// none may skip itself.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../', import.meta.url);
const files = (folder, ending) => readdirSync(new URL(folder, root)).filter((name) => name.endsWith(ending))
  .map((name) => readFileSync(new URL(folder + name, root), 'utf8'));

/** The cells of those tables of a document whose last column says what shows it, without their heads. */
function rows(document) {
  const tables = readFileSync(new URL(`web/docs/${document}`, root), 'utf8').split(/\n\n/).filter((part) => /^\|.*\| shown by \|\n/.test(part));
  return tables.flatMap((table) => table.trim().split('\n').slice(2)).map((line) => line.split('|').map((cell) => cell.trim()).slice(1, -1));
}

const DNS = ['', 'dnssec/', 'mdns/', 'transfer/'].map((folder) => `protocols/dns/${folder}`);

for (const { document, go, stories } of [
  { document: 'irc.md', go: ['protocols/irc/', 'protocols/reconnect/'], stories: /^irc/ },
  { document: 'dns.md', go: DNS, stories: /^dns/ },
  { document: 'mail.md', go: ['imap', 'imap/wire', 'mime', 'reconnect', 'sasl', 'smtp', 'pop3'].map((folder) => `protocols/${folder}/`), stories: /^(imap|mime|smtp|pop3)/ },
]) {
  const native = go.flatMap((folder) => files(folder, '_test.go')).join('\n');
  const browser = readdirSync(new URL('web/test/stories/', root)).filter((name) => stories.test(name) && name.endsWith('.test.mjs'))
    .map((name) => readFileSync(new URL(`web/test/stories/${name}`, root), 'utf8')).join('\n');

  test(`each row of ${document} is shown by tests that are there and run`, () => {
    let named = 0;
    for (const [feature, ...cells] of rows(document)) {
      for (const [, name] of cells[cells.length - 1].matchAll(/`([^`]+)`/g)) {
        named++;
        if (/^(Test|Fuzz)[A-Z]/.test(name)) {
          const begin = native.indexOf(`func ${name}(`);
          assert.ok(begin >= 0, `${feature}: there is no ${name}`);
          const body = native.slice(begin, native.indexOf('\n}\n', begin));
          assert.doesNotMatch(body, /\.Skip/, `${feature}: ${name} may skip itself`);
        } else {
          assert.match(browser, new RegExp(`t\\.test\\(['\`]${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?:, \\$\\{mode\\})?['\`], async`), `${feature}: no step "${name}"`);
        }
      }
    }
    assert.ok(named > 30, `${named} tests are named`);
  });
}
