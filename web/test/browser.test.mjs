import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, openPage, OUTPUT } from './browser.mjs';
import { missing } from './requirements.mjs';
import { POLICY, startSite } from './site.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

test('the site serves its folders and nothing else', async (t) => {
  const site = await startSite({ '/pages/': join(here, 'testdata/'), '/one.json': join(here, '../package.json') });
  t.after(site.close);
  const get = async (path, init) => {
    const response = await fetch(site.url(path), init);
    return [response.status, response.headers.get('content-type'), (await response.text()).length > 0];
  };
  assert.deepEqual(await get('/pages/empty.html?x=1'), [200, 'text/html; charset=utf-8', true]);
  assert.deepEqual(await get('/pages/empty.js'), [200, 'text/javascript; charset=utf-8', true]);
  assert.deepEqual(await get('/one.json'), [200, 'application/json', true]);
  assert.deepEqual(await get('/one.json', { method: 'HEAD' }), [200, 'application/json', false]);
  assert.equal((await get('/one.json', { method: 'POST' }))[0], 405);
  for (const path of ['/', '/pages/', '/pages/absent.js', '/pages/..%2fsite.mjs', '/pages/%2e%2e/site.mjs', '/site.mjs', '/pages/%00', '/%', '/toString']) {
    assert.equal((await get(path))[0], 404, path);
  }
  assert.equal((await fetch(site.url('/one.json'))).headers.get('content-security-policy'), POLICY);
});

test('Firefox', { skip: missing('firefox-esr') }, async (t) => {
  const site = await startSite({ '/': join(here, 'testdata/') });
  t.after(site.close);
  const browser = await launch();
  t.after(browser.close);
  const open = () => openPage(browser, { url: site.url('/empty.html') });

  await t.test('opens a page of the phone’s size and returns values', async () => {
    const page = await open();
    assert.deepEqual(await page.run('size', () => [innerWidth, innerHeight, document.title]), [240, 320, 'ready']);
    assert.equal(await page.run('promise', async (a, b) => a + b, [2, 3]), 5);
    await assert.rejects(page.run('throw', () => { throw new TypeError('no'); }), /TypeError: no|no/);
    await page.close();
  });

  await t.test('compiles WebAssembly, and evaluates no text', async () => {
    const page = await open();
    const emptyModule = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    assert.equal(await page.run('compile', async (bytes) =>
      String(await WebAssembly.compile(new Uint8Array(bytes))), [emptyModule]), '[object WebAssembly.Module]');
    page.expect(/policy: script-src|Content[- ]Security[- ]Policy/);
    await page.run('inline script', () => {
      const script = document.createElement('script');
      script.textContent = 'window.ran = true';
      document.head.append(script);
    });
    assert.equal(await page.run('did it run', () => 'ran' in window), false);
    await page.close();
  });

  await t.test('fails a page with an error that nobody expects', async () => {
    const page = await open();
    await page.run('error', () => new Promise((resolve) => {
      console.error('first');
      setTimeout(() => { setTimeout(resolve); throw new Error('second'); });
    }));
    page.expect(/first/);
    await assert.rejects(page.close(), (error) => /second/.test(error.message) && !/first/.test(error.message));
  });

  await t.test('names what hung, and works on', async () => {
    const page = await open();
    await assert.rejects(page.run('the long wait', () => new Promise(() => {}), [], { timeout: 300 }), /“the long wait” hung for 300 ms/);
    assert.equal(await page.run('again', () => 1), 1);
    await page.close();
  });

  await t.test('takes screenshots', async () => {
    const file = join(OUTPUT, 'self-test.png');
    rmSync(file, { force: true });
    const page = await open();
    await page.screenshot('self-test');
    assert.ok(existsSync(file));
    await page.close();
  });
});
