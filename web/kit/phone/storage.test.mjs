// What an app keeps on the card of the phone on a page is a file on the computer; and the card refuses what the phone's does.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launch, openPage } from '../../test/browser.mjs';
import { missing } from '../../test/requirements.mjs';
import { init } from '../init.mjs';
import { startPhone } from '../serve.mjs';

const skip = missing('firefox-esr');
const PATIENCE = 30_000;
const CARD = 'device-storage:sdcard';
const scratch = mkdtempSync(join(tmpdir(), 'kaiwire-card-'));
const downloads = mkdtempSync(join(scratch, 'downloads-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

let browser;

before(async () => {
  if (skip) return;
  browser = await launch({ preferences: {
    'browser.download.folderList': 2,
    'browser.download.dir': downloads,
    'browser.download.useDownloadDir': true,
    'browser.download.alwaysOpenPanel': false,
  } });
});

after(() => browser?.close());

let made = 0;
/** An app, which has nothing but the card, in a phone: its frame. */
async function openApp(t, kaios, permissions) {
  const folder = join(scratch, String(made++));
  init(folder);
  const file = join(folder, 'manifest.webmanifest');
  const source = JSON.parse(readFileSync(file, 'utf8'));
  source.b2g_features.permissions = permissions;
  writeFileSync(file, JSON.stringify(source));
  writeFileSync(join(folder, 'app.js'), `
    window.card = () => (navigator.b2g && navigator.b2g.getDeviceStorage ? navigator.b2g : navigator).getDeviceStorage;
    window.add = (name, text) => new Promise((resolve) => {
      const request = card().call(null, 'sdcard').addNamed(new Blob([text]), name);
      const before = request.readyState;
      request.onsuccess = request.onerror = ({ type, target }) => resolve(
        { type, before, after: request.readyState, same: target === request, result: request.result, error: request.error && request.error.name });
    });`);
  const phone = await startPhone({ folder, kaios });
  t.after(phone.close);
  const page = await openPage(browser, { url: phone.address, width: 720, height: 720 });
  const frame = await (await page.puppeteer.waitForSelector('#screen')).contentFrame();
  await frame.waitForFunction(() => 'card' in window, { timeout: PATIENCE });
  return { page, add: (...words) => frame.evaluate((name, text) => window.add(name, text), ...words), evaluate: (body) => frame.evaluate(body) };
}

/** Resolves with the text of a download, once it is there in full: Firefox writes under another name until then. */
async function downloaded(name) {
  const signal = AbortSignal.timeout(PATIENCE);
  const watcher = watch(downloads);
  try {
    while (!existsSync(join(downloads, name)) || readFileSync(join(downloads, name)).length === 0
      || readdirSync(downloads).some((other) => other.endsWith('.part'))) await once(watcher, 'change', { signal });
  } finally {
    watcher.close();
  }
  return readFileSync(join(downloads, name), 'utf8');
}

for (const kaios of ['2.5', '3']) {
  test(`KaiOS ${kaios}: a file is kept, once`, { skip }, async (t) => {
    const { page, add, evaluate } = await openApp(t, kaios, { [CARD]: { description: 'To keep files.', access: 'readcreate' } });
    assert.equal(await evaluate(() => 'getDeviceStorage' in navigator), kaios === '2.5');
    assert.deepEqual(await evaluate(() => ['sdcard', 'pictures', 'apps'].map((type) => window.card()(type) !== null)), [true, false, false]);
    const name = `list-${kaios}.txt`;
    const done = { before: 'pending', after: 'done', same: true };
    assert.deepEqual(await add(`downloads/${name}`, 'milk, bread'), { ...done, type: 'success', result: `/sdcard/downloads/${name}`, error: null });
    assert.equal(await downloaded(name), 'milk, bread');
    const refused = (error) => ({ ...done, type: 'error', result: undefined, error });
    assert.deepEqual(await add(`downloads/${name}`, 'more'), refused('NoModificationAllowedError'), 'what is there stays');
    for (const unsafe of ['../list.txt', 'a/./b', 'a//b', '/list.txt', '~/list.txt', '~', '']) {
      assert.deepEqual(await add(unsafe, 'more'), refused('SecurityError'), unsafe);
    }
    assert.equal(readFileSync(join(downloads, name), 'utf8'), 'milk, bread');
    await page.close();
  });

  test(`KaiOS ${kaios}: no card without the permission, and nothing kept with one to read`, { skip }, async (t) => {
    const without = await openApp(t, kaios, {});
    assert.equal(await without.evaluate(() => window.card()), undefined);
    await without.page.close();
    const reading = await openApp(t, kaios, { [CARD]: { description: 'To read files.', access: 'readonly' } });
    assert.equal((await reading.add('list.txt', 'milk')).error, 'SecurityError');
    assert.deepEqual(readdirSync(downloads).filter((name) => name === 'list.txt'), []);
    await reading.page.close();
  });
}
