// Walks through the demo as somebody with a phone would: by keys, and by what
// can be read on the display.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { check } from '../kit/check.mjs';
import { asset, filesFor } from '../kit/package.mjs';
import { OUTPUT, launch, openPage } from '../test/browser.mjs';
import { watch } from '../test/servers/process.mjs';

const SCRIPT = fileURLToPath(new URL('serve.mjs', import.meta.url));
const APP = fileURLToPath(new URL('app/', import.meta.url));
const PATIENCE = 20_000;
const START_PATIENCE = 300_000; // Go may have to compile the servers

let demo;
let unwatch;
let browser;
let page;
let frame;

before(async () => {
  demo = spawn(process.execPath, [SCRIPT, '--port', '0', '--no-open', '--talk', '400ms'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true, // a group of its own, to be watched
  });
  unwatch = watch(demo.pid);
  const signal = AbortSignal.timeout(START_PATIENCE);
  const lines = createInterface(demo.stdout);
  const [line] = await Promise.race([
    once(lines, 'line', { signal }),
    once(demo, 'exit').then(([status]) => assert.fail(`the demo ended with status ${status}`)),
  ]);
  const [, url] = /^kaiwire demo: (http:\/\/127\.0\.0\.1:\d+\/)$/.exec(line) ?? assert.fail(line);
  browser = await launch();
  page = await openPage(browser, { url, width: 720, height: 720 });
  const handle = await page.puppeteer.waitForSelector('#screen');
  frame = await handle.contentFrame();
  await shows('Kaiwire', 'Mail', 'Chat', 'Lookup', 'Select');
});

after(async () => {
  try {
    await page?.close();
  } finally {
    await browser?.close();
    if (demo.exitCode === null) {
      demo.kill('SIGINT');
      assert.deepEqual(await once(demo, 'exit'), [0, null]);
    }
    unwatch();
  }
});

/** Resolves when the display shows all of these. */
async function shows(...texts) {
  try {
    await frame.waitForFunction((wanted) => {
      const text = document.body.innerText.toLowerCase();
      return wanted.every((part) => text.includes(part.toLowerCase()));
    }, { timeout: PATIENCE, polling: 50 }, texts);
  } catch (error) {
    const text = await frame.evaluate(() => document.body.innerText);
    throw new Error(`not on the display: ${texts.join(', ')}; there is:\n${text}`, { cause: error });
  }
}

async function press(...keys) {
  for (const key of keys) await page.puppeteer.keyboard.press(key);
}

/** Moves the focus down to the row with this text. */
async function moveTo(text) {
  await frame.waitForSelector('.row.focused', { timeout: PATIENCE });
  for (let steps = 0; steps < 30; steps++) {
    if (await read(() => document.querySelector('.focused').innerText).then((row) => row.includes(text))) return;
    await press('ArrowDown');
  }
  assert.fail(`no row with ${text}`);
}

/** What is on the display, and that nothing sticks out of it. */
async function look(name) {
  mkdirSync(OUTPUT, { recursive: true });
  const wide = await frame.evaluate(() => [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
    .map((element) => `${element.tagName}.${element.className}`));
  assert.deepEqual(wide, [], 'wider than the display');
  const box = await page.run('the display', () => {
    const { x, y, width, height } = document.getElementById('screen').getBoundingClientRect();
    return { x, y, width, height };
  });
  assert.deepEqual([box.width, box.height], [240, 320]);
  await page.puppeteer.screenshot({ path: join(OUTPUT, `demo-${name}.png`), clip: box });
}

const read = (body) => frame.evaluate(body);

test('home: the focus goes round', async () => {
  await look('home');
  const focused = () => read(() => document.querySelector('.focused .name').textContent);
  assert.equal(await focused(), 'Mail');
  await press('ArrowUp');
  assert.equal(await focused(), 'Lookup');
  await press('ArrowDown');
  assert.equal(await focused(), 'Mail');
  await page.screenshot('demo-frame');
});

test('mail: the newest messages, one of them, and one that arrives', async () => {
  await press('Enter');
  await shows('Corner Stores', 'Receipt 20977', 'Dev Patil', 'Can you read this on the small phone?', 'Open');
  await look('mail');
  const dots = await read(() => document.querySelectorAll('.unread').length);
  assert.ok(dots > 1);

  await press('ArrowDown', 'Enter');
  await shows('Message', 'From: Dev Patil', 'To: Asha Verma', 'Unread');
  await look('mail-message');
  await press('F1');
  await shows('Open', 'Dev Patil');
  await frame.waitForFunction((before) => document.querySelectorAll('.unread').length === before - 1, { timeout: PATIENCE }, dots);

  demo.stdin.write('\n');
  await shows('Noor', 'Dinner at eight?');
  demo.stdin.write('\n');
  await shows('صور من البحر 🌊');
  await look('mail-arrived');
  await press('Backspace');
  await shows('Select');
});

test('mail: attachments, another charset, and more than a phone will hold', async () => {
  await press('Enter');
  await shows('Open');
  await moveTo('Transcript of the last rehearsal');
  await press('Enter');
  await shows('From: Music School');
  assert.ok(await read(() => document.querySelector('.body').textContent.endsWith('[The rest of this message is not shown.]')));
  await press('F1');
  await shows('Open');
  await press('Enter', 'F1'); // and not waiting for it
  await shows('Open');
  await moveTo('Привет из Москвы');
  await press('Enter');
  await shows('Иван Петров', 'Unread');
  await look('mail-cyrillic');
  await press('F2');
  await shows('Open');
  await moveTo('The lake at seven');
  await press('Enter');
  await shows('From: Farid Qureshi', 'Unread');
  assert.ok(await read(() => document.querySelectorAll('.attachments li').length) > 0);
  await press(...Array(10).fill('ArrowDown'));
  await look('mail-attachments');
  await press('Backspace', 'Backspace');
  await shows('Select');
});

test('without a network: words, and another try', async () => {
  const network = () => page.puppeteer.click('#network');
  await network();
  await press('Enter');
  await shows('Mail does not work now', 'Retry');
  await look('mail-failed');
  await network();
  await press('Enter');
  await shows('Dinner at eight?', 'Open');
  await network();
  await shows('Mail does not work now', 'Retry');
  await network();
  await press('Enter');
  await shows('Dinner at eight?', 'Open');
  await press('Backspace');
  await shows('Select');
});

test('chat: channels, what is said in them, and what we say', async () => {
  await press('ArrowDown', 'Enter');
  await shows('#kaios', '#cooking', '#cricket', 'Phones with keys', 'Open');
  await frame.waitForFunction(() => document.querySelectorAll('.badge').length >= 2, { timeout: PATIENCE });
  await look('chat');

  await press('Enter');
  await shows('Send');
  await page.puppeteer.keyboard.type('Good morning 📱');
  await press('Enter');
  await shows('asha Good morning 📱');
  await page.puppeteer.keyboard.type('/me waves');
  await press('Enter');
  await shows('* asha waves');
  await frame.waitForFunction(() => document.querySelectorAll('.log p .nick').length >= 6, { timeout: PATIENCE });
  await look('chat-channel');
  // The key and the look at the list are one step: nobody says anything more in between.
  const badge = await read(() => {
    document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'SoftLeft', bubbles: true, cancelable: true }));
    return !!document.querySelector('.focused .badge');
  });
  await shows('#cricket', 'Open');
  assert.equal(badge, false, 'what was read counts no more');
  await press('Backspace');
  await shows('Select');
});

test('lookup: a type by the arrows, answers, and what is not there', async () => {
  await press('ArrowDown', 'Enter');
  await shows('Look up');
  await press('Enter');
  await shows('192.0.2.10', 'A, for 5 min');
  await press('ArrowDown', 'ArrowRight', 'ArrowRight', 'Enter');
  await shows('10 mx1.kaiwire.example', '20 mx2.kaiwire.example');
  await press('ArrowDown');
  await look('lookup');

  await press('ArrowUp', 'ArrowUp');
  await page.puppeteer.keyboard.down('Control');
  await press('a');
  await page.puppeteer.keyboard.up('Control');
  await page.puppeteer.keyboard.type('nobody.kaiwire.example');
  await press('Enter');
  await shows('There is no such name.');
  await look('lookup-nothing');
  await page.puppeteer.click('#network');
  await press('Enter');
  await shows('ECONN', 'Retry');
  await page.puppeteer.click('#network');
  await press('Enter');
  await shows('There is no such name.', 'Look up');
  await press('F1');
  await shows('Select');
});

test('the buttons write letters as a keypad does', async () => {
  await press('Enter');
  await shows('Look up');
  const click = (key) => page.puppeteer.click(`[data-key="${key}"]`);
  const value = () => read(() => document.querySelector('input').value);
  for (let left = (await value()).length; left > 0; left--) await click('Backspace');
  assert.equal(await value(), '');
  for (const key of ['5', '2', '4', '4', '4']) await click(key);
  assert.equal(await value(), 'jai');
  for (let left = 4; left > 0; left--) await click('Backspace');
  await shows('Select');
});

test('the app as it is packaged knows nothing of the mock', async () => {
  const { origin } = new URL(page.puppeteer.url());
  const html = await (await fetch(`${origin}/index.html`)).text();
  const packaged = await readFile(join(APP, 'index.html'), 'utf8');
  assert.equal(html.replace(/<script src="\/\.phone\/phone\.js"[^>]*><\/script>/, ''), packaged);
  assert.notEqual(html, packaged);
  for (const name of await readdir(APP, { recursive: true })) {
    if (!/\.(js|html|css|webapp|webmanifest)$/.test(name)) continue;
    const text = await readFile(join(APP, name), 'utf8');
    assert.doesNotMatch(text, /\bmock|tunnel|relay|127\.0\.0\.1/i, name);
    assert.doesNotMatch(text, /<script(?![^>]*\ssrc=)|\son\w+=/, name);
    const response = await fetch(`${origin}/${name}`);
    assert.equal(response.status, 200, name);
    assert.match(response.headers.get('content-security-policy'), /script-src 'self'/);
  }
  assert.equal((await fetch(`${origin}/%2e%2e/serve.mjs`)).status, 404);
  assert.equal((await fetch(`${origin}/%2e%2e%2fserve.mjs`)).status, 404);
  assert.equal((await fetch(`${origin}/manifest.webapp`)).status, 404, 'of the other phone');
});

test('a port that is taken is said to be', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address();
  const second = spawn(process.execPath, [SCRIPT, '--port', String(port), '--no-open'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const said = [];
  second.stderr.on('data', (text) => said.push(text));
  const [status] = await once(second, 'close');
  other.close();
  assert.equal(status, 1);
  assert.match(said.join(''), new RegExp(`Port ${port} is taken`));
});

test('nothing is wrong with the app, once the package’s files are in it', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'kaiwire-demo-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(APP, folder, { recursive: true });
  await mkdir(join(folder, 'lib'));
  for (const name of filesFor(['imap', 'irc', 'dns'])) await copyFile(asset(name), join(folder, 'lib', name));
  // A build without TinyGo has no module for KaiOS 2.5.
  assert.deepEqual(check(folder).filter(({ rule }) => rule !== 'kaiwire-kaios25'), []);
});
