// The mask takes away what is newer, in pages and workers, and nothing else;
// a script that needs it fails there, and the failure is seen.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, openPage } from '../test/browser.mjs';
import { missing } from '../test/requirements.mjs';
import { startSite } from '../test/site.mjs';
import { maskScript } from './mask.mjs';

const here = fileURLToPath(new URL('testdata/mask/', import.meta.url));

/** What the probes say, by engine; those that are not named work. */
const EXPECTED = {
  none: {},
  84: {
    'Array.at': /\.at is not a function/,
    'Object.hasOwn': /hasOwn is not a function/,
    structuredClone: /structuredClone is not defined/,
    'crypto.randomUUID': /randomUUID is undefined/,
  },
  48: {
    'Array.at': /\.at is not a function/,
    'Object.hasOwn': /hasOwn is not a function/,
    structuredClone: /structuredClone is not defined/,
    'crypto.randomUUID': /randomUUID is undefined/,
    globalThis: /globalThis is not defined/,
    WebAssembly: /WebAssembly is not defined/,
    'Array.flat': /\.flat is not a function/,
    'Promise.allSettled': /allSettled is not a function/,
    'Intl.PluralRules': /PluralRules is not a constructor/,
    AbortController: /AbortController is not defined/,
    queueMicrotask: /queueMicrotask is not defined/,
    'Blob.text': /\.text is not a function/,
  },
};

test('the mask', { skip: missing('firefox-esr') }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-mask-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const mounts = { '/': here };
  for (const version of Object.keys(EXPECTED)) {
    const mask = version === 'none' ? '' : maskScript(Number(version));
    writeFileSync(join(folder, `mask-${version}.js`), mask);
    writeFileSync(join(folder, `worker-${version}.js`), mask + readFileSync(join(here, 'probe.js'), 'utf8'));
    mounts[`/${version}/`] = here;
    mounts[`/${version}/mask.js`] = join(folder, `mask-${version}.js`);
    mounts[`/${version}/worker.js`] = join(folder, `worker-${version}.js`);
  }
  const site = await startSite(mounts);
  t.after(site.close);
  const browser = await launch();
  t.after(browser.close);

  for (const [version, failures] of Object.entries(EXPECTED)) {
    await t.test(version === 'none' ? 'without it, all works' : `Gecko ${version}`, async () => {
      const page = await openPage(browser, { url: site.url(`/${version}/page.html`) });
      const results = {
        page: await page.run('probe the page', () => result),
        worker: await page.run('probe a worker', () => new Promise((resolve, reject) => {
          const worker = new Worker('worker.js');
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = ({ message }) => reject(new Error(message));
        })),
      };
      for (const [where, { outcomes, mask }] of Object.entries(results)) {
        for (const [name, message] of Object.entries(outcomes)) {
          if (name in failures) assert.match(message ?? 'it works', failures[name], `${name}, ${where}`);
          else assert.equal(message, null, `${name}, ${where}`);
        }
        assert.deepEqual(Object.keys(failures).filter((name) => !(name in outcomes)), []);
        if (version === 'none') continue;
        assert.equal(mask.version, Number(version));
        assert.ok(mask.deleted.length > 200, `${mask.deleted.length} deleted`);
        assert.deepEqual(mask.kept.filter((name) => !/^(Symbol|Function)\./.test(name)), [], `cannot be deleted, ${where}`);
      }
      await page.close();
    });
  }

  for (const path of ['mistake.html', 'frame.html']) {
    await t.test(`a script that is too new is a problem of the page: ${path}`, async () => {
      const page = await openPage(browser, { url: site.url(`/48/${path}`) });
      await page.run('settle', () => new Promise((resolve) => { setTimeout(resolve, 0); }));
      await assert.rejects(page.close(), /globalThis is not defined/);
    });
  }
});
