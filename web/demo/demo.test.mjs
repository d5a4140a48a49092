// Walks through the demo as somebody with a phone would: by keys, and by what
// can be read on the display.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { refusals } from '../kit/gecko48.mjs';
import { check } from '../kit/check.mjs';
import { asset, filesFor } from '../kit/package.mjs';
import { OUTPUT, launch, openPage } from '../test/browser.mjs';
import { watch } from '../test/servers/process.mjs';

const SCRIPT = fileURLToPath(new URL('serve.mjs', import.meta.url));
const APP = fileURLToPath(new URL('app/', import.meta.url));
/** The screens that the README shows. With KAIWIRE_SCREENS=1 this walk takes them anew. */
const SCREENS = fileURLToPath(new URL('../docs/screens/', import.meta.url));
const SHOWN = ['home', 'mail-account', 'mail', 'mail-message', 'mail-attachments', 'mail-write', 'mail-attach', 'offline', 'chat', 'chat-channel', 'lookup',
  'lookup-bogus', 'certificate'];
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
  await shows('Kaiwire', 'Mail', 'Chat', 'Lookup', 'Certificates', 'Select');
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

/** Moves the focus to the item with this text, or of that element: down, or up from the end of a list that does not go round. */
async function moveTo(text, name = '') {
  const there = () => frame.evaluate((wanted, tag) => {
    const item = document.querySelector('main .focused');
    return !!item && item.innerText.includes(wanted) && (!tag || item.tagName === tag);
  }, text, name);
  await frame.waitForSelector('main .focused', { timeout: PATIENCE });
  for (const key of ['ArrowDown', 'ArrowUp']) {
    for (let steps = 0; steps < 50; steps++) {
      if (await there()) return;
      await press(key);
    }
  }
  assert.fail(`no row with ${text}`);
}

/** Opens a mailbox, and the focus is on that message of it. */
async function inMailbox(name, subject) {
  await press('F2');
  await shows('Mailboxes');
  await press('ArrowDown', 'Enter');
  await shows('Archive', 'Select');
  await moveTo(name);
  await press('Enter');
  await shows(name === 'INBOX' ? 'Mail' : name, subject, 'Open');
  await moveTo(subject);
}

/** How many new messages the list says there are; waits until it is `count`, if that is given. */
async function unread(count) {
  const told = () => parseInt(document.getElementById('note').textContent, 10);
  if (count === undefined) return read(told);
  await frame.waitForFunction((wanted) => parseInt(document.getElementById('note').textContent, 10) === wanted, { timeout: PATIENCE }, count);
  return count;
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
  const path = join(OUTPUT, `demo-${name}.png`);
  await page.puppeteer.screenshot({ path, clip: box });
  if (process.env.KAIWIRE_SCREENS && SHOWN.includes(name)) await copyFile(path, join(SCREENS, `${name}.png`));
}

const read = (body) => frame.evaluate(body);

test('home: the focus goes round', async () => {
  await look('home');
  const focused = () => read(() => document.querySelector('.focused .name').textContent);
  assert.equal(await focused(), 'Mail');
  await press('ArrowUp');
  assert.equal(await focused(), 'Certificates');
  await press('ArrowDown');
  assert.equal(await focused(), 'Mail');
  await page.screenshot('demo-frame');
});

test('mail: an account is found by its address, and a wrong password is said to be', async () => {
  await press('Enter');
  await shows('Mail account', 'Address', 'Password', 'Sign in');
  await look('mail-account');
  await press('ArrowDown');
  await page.puppeteer.keyboard.type('!');
  await press('Enter');
  await frame.waitForSelector('.problem', { timeout: PATIENCE });
  await look('mail-refused');
  await press('End', 'Backspace', 'Enter');
  await shows('Corner Stores', 'Receipt 20977', 'Dev Patil', 'Can you read this on the small phone?', 'Open', 'Options');
  assert.equal(await read(() => JSON.parse(localStorage.getItem('account mail')).smtp.port), 465);
});

test('mail: the newest messages, one of them, and one that arrives', async () => {
  await look('mail');
  const before = await unread();
  assert.ok(before > 1);
  await press('ArrowDown', 'Enter');
  await shows('Message', 'From: Dev Patil', 'To: Asha Verma', 'Options');
  await look('mail-message');
  await press('F1');
  await shows('Open', 'Dev Patil');
  await unread(before - 1);

  demo.stdin.write('\n');
  await shows('Noor', 'Dinner at eight?');
  demo.stdin.write('\n');
  await shows('صور من البحر 🌊');
  await look('mail-arrived');
});

test('mail: another charset, and more than a phone will hold', async () => {
  await moveTo('Transcript of the last rehearsal');
  await press('Enter');
  await shows('From: Music School');
  await frame.waitForFunction(() => document.querySelector('.body').textContent.endsWith('[The rest of this message is not shown.]'), { timeout: PATIENCE });
  await press('F1');
  await shows('Open');
  await press('Enter', 'F1'); // and not waiting for it
  await shows('Open');
  await moveTo('Привет из Москвы');
  await press('Enter');
  await shows('Иван Петров', 'Options');
  await look('mail-cyrillic');
  await press('F2');
  await shows('Reply', 'Mark as unread', 'Delete', 'Select');
  await look('mail-options');
  await press('ArrowDown', 'Enter');
  await frame.waitForSelector('.row.unread.focused', { timeout: PATIENCE });
});

test('mail: an attachment is looked at, kept, and given to another app', async () => {
  await moveTo('The lake at seven');
  await press('Enter');
  await shows('From: Farid Qureshi', 'Options');
  for (let steps = 0; steps < 20 && !await read(() => document.querySelector('li.focused')); steps++) await press('ArrowDown');
  await look('mail-attachments');
  await read(() => {
    window.kept = [];
    navigator.b2g.getDeviceStorage = (type) => ({
      addNamed(blob, name) {
        const request = {};
        new Response(blob).arrayBuffer().then((bytes) => {
          window.kept.push([type, name.replace(/\d+/, 'N'), blob.type, bytes.byteLength, new Uint8Array(bytes)[1]]);
          request.result = name;
          request.onsuccess();
        });
        return request;
      },
    });
    window.WebActivity = class {
      constructor(name, { type, filename }) { this.asked = [name, type, filename]; }

      start() {
        window.kept.push(this.asked);
        return Promise.resolve();
      }
    };
  });
  await press('Enter');
  await frame.waitForFunction(() => document.querySelector('.picture') && document.querySelector('.picture').naturalWidth > 0, { timeout: PATIENCE });
  await look('mail-picture');
  await press('F2');
  await shows('Saved as downloads/', 'OK');
  await look('mail-saved');
  await press('Enter');
  await shows('Save');
  await press('Enter');
  await frame.waitForFunction(() => window.kept.length === 2, { timeout: PATIENCE });
  const [kept, opened] = await read(() => window.kept);
  assert.deepEqual(kept.slice(0, 3), ['sdcard', 'downloads/N-lake.png', 'image/png']);
  assert.equal(kept[4], 0x50, 'PNG');
  assert.deepEqual(opened, ['open', 'image/png', 'lake.png']);
  await read(() => { delete window.WebActivity; });
  await press('F1');
  await shows('From: Farid Qureshi');
  await press('F1');
  await shows('Open');
});

test('mail: what is written is sent, arrives, and is kept; a refusal is shown', async () => {
  const before = await unread();
  await press('F2');
  await shows('Write', 'Mailboxes', 'Remove the account');
  await press('Enter');
  await shows('To', 'Subject', 'Message', 'Send');
  await page.puppeteer.keyboard.type('nobody@kaiwire.example');
  await press('ArrowDown');
  await page.puppeteer.keyboard.type('Grüße vom Berg');
  await press('ArrowDown');
  await page.puppeteer.keyboard.type('Oben ist es kalt.');
  await look('mail-write');
  await press('F2');
  await shows('Send');
  await frame.waitForSelector('.problem', { timeout: PATIENCE });
  await look('mail-not-sent');
  // What was begun is there again.
  await press('F1');
  await shows('Open');
  await press('F2');
  await shows('Write');
  await press('Enter');
  await shows('Send');
  assert.equal(await read(() => document.querySelector('textarea').value), 'Oben ist es kalt.');
  await read(() => { document.querySelector('input').value = 'asha@kaiwire.example'; });
  await press('F2');
  await unread(before + 1);
  await shows('Open');
  await moveTo('Grüße vom Berg');
  await press('Enter');
  await shows('Oben ist es kalt.', 'Options');
  await press('F2');
  await shows('Reply');
  await press('Enter');
  await shows('Send');
  assert.deepEqual(await read(() => [...document.querySelectorAll('input')].map((input) => input.value)), ['asha@kaiwire.example', 'Re: Grüße vom Berg']);
  assert.match(await read(() => document.querySelector('textarea').value), /:\n> Oben ist es kalt\.$/);
  await look('mail-reply');
  await press('F1', 'F1');
  await shows('Open');
});

test('mail: files are attached, weighed, sent piece by piece, and arrive as they were', async (t) => {
  const before = await unread();
  const folder = await mkdtemp(join(tmpdir(), 'kaiwire-files-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = async (name, bytes) => {
    await writeFile(join(folder, name), bytes);
    return join(folder, name);
  };
  const noise = randomBytes(300_001);
  const paths = [await file('Lärm.bin', noise), await file('list.txt', 'milk, bread')];
  const huge = await file('film.mp4', Buffer.alloc(7_000_000));
  await read(() => {
    window.dialogues = [];
    // The test answers in place of the browser's own dialogue.
    window.noDialogue = (event) => {
      if (event.target.type !== 'file') return;
      event.preventDefault();
      window.dialogues.push(navigator.userActivation.isActive);
    };
    addEventListener('click', window.noDialogue, true);
  });
  const choose = async (pressing, ...chosen) => {
    await pressing;
    await (await frame.waitForSelector('input[type=file]')).uploadFile(...chosen);
  };

  await press('F2');
  await shows('Write');
  await press('Enter');
  await shows('To', 'Attach a file', 'Send');
  await page.puppeteer.keyboard.type('asha@kaiwire.example');
  await press('ArrowDown');
  await page.puppeteer.keyboard.type('Noise');
  await moveTo('Attach a file');
  await shows('Attach');
  await choose(press('Enter'), ...paths);
  await shows('Lärm.bin', '300 kB', 'list.txt', '11 B', 'By mail that is 411 kB. The server takes 8.4 MB.', 'Remove');
  await moveTo('Attach a file');
  await look('mail-attach');
  await choose(page.puppeteer.click('[data-key="Enter"]'), huge);
  await shows('film.mp4', '7.0 MB', 'By mail that is 10.0 MB, and the server takes 8.4 MB. Remove a file.');
  await press('F2');
  await frame.waitForFunction(() => document.querySelector('.form > .problem:first-child'), { timeout: PATIENCE });
  await look('mail-attach-too-large');
  await moveTo('film.mp4');
  await press('Enter');
  await shows('By mail that is 411 kB.');
  assert.deepEqual(await read(() => window.dialogues), [true, true], 'a browser opens none but for somebody who has just pressed a key');

  // What was begun is there again.
  await press('F1');
  await shows('Open');
  await press('F2');
  await shows('Write');
  await press('Enter');
  await shows('Lärm.bin', 'list.txt', 'By mail that is 411 kB. The server takes 8.4 MB.');

  // By another app of the phone, which gives a picture without a name; and by one that the person has left.
  await read(() => {
    window.WebActivity = class {
      constructor(name, { type }) { this.asked = [name, type.includes('image/*')]; }

      start() {
        window.picked = this.asked;
        return window.leave ? Promise.reject(new DOMException('left', 'AbortError')) : Promise.resolve({ blob: new Blob(['not a picture'], { type: 'image/jpeg' }) });
      }
    };
  });
  await read(() => { document.querySelector('input').value = 'asha@kaiwire.example'; });
  await moveTo('Attach a file');
  await press('Enter');
  await shows('file.jpeg', '13 B');
  assert.deepEqual(await read(() => window.picked), ['pick', true]);
  await read(() => { window.leave = true; });
  await moveTo('Attach a file');
  await press('Enter');
  assert.equal(await read(() => document.querySelectorAll('.attachments li').length), 4);
  await read(() => { document.querySelectorAll('input')[1].value = 'Noise'; });

  // The rest of the first file is held back, so that there is something to stop.
  await read(() => {
    const { readAsArrayBuffer } = FileReader.prototype;
    const held = [];
    let reads = 0;
    window.reads = () => reads;
    FileReader.prototype.readAsArrayBuffer = function hold(blob) {
      if (++reads > 3) held.push(() => readAsArrayBuffer.call(this, blob));
      else readAsArrayBuffer.call(this, blob);
    };
    window.release = () => {
      FileReader.prototype.readAsArrayBuffer = readAsArrayBuffer;
      for (const go of held) go();
    };
  });
  await press('F2');
  await shows('Sending…', '%', 'Stop');
  await frame.waitForFunction(() => window.reads() === 4, { timeout: PATIENCE });
  await look('mail-sending');
  await press('F1');
  await shows('Stopped: it was not sent.', 'Lärm.bin', 'Send');
  await read(() => window.release());
  await press('F2');
  await unread(before + 1);
  await shows('Open');

  await moveTo('Noise');
  await press('Enter');
  await shows('From: asha@kaiwire.example', 'Lärm.bin', 'list.txt', 'file.jpeg');
  await read(() => {
    delete window.WebActivity;
    removeEventListener('click', window.noDialogue, true);
  });
  for (const [name, bytes] of [['Lärm.bin', noise], ['list.txt', 'milk, bread']]) {
    for (let steps = 0; steps < 20 && !await frame.evaluate((wanted) => document.querySelector('li.focused')?.innerText.includes(wanted), name); steps++) await press('ArrowDown');
    await press('Enter');
    await shows('Save');
    await read(() => {
      window.saved = null;
      navigator.b2g.getDeviceStorage = () => ({
        addNamed(blob) {
          const request = {};
          new Response(blob).arrayBuffer()
            .then((buffer) => crypto.subtle.digest('SHA-256', buffer))
            .then((digest) => {
              window.saved = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
              request.onsuccess();
            });
          return request;
        },
      });
    });
    await press('F2');
    await shows('Saved as');
    assert.equal(await read(() => window.saved), createHash('sha256').update(bytes).digest('hex'), name);
    await press('Enter', 'F1');
    await shows('From: asha@kaiwire.example');
  }
  await press('F1');
  await shows('Open');
  // Of a large message the copy has the words alone.
  await inMailbox('Sent', 'Noise');
  await press('Enter');
  await shows('[Sent with Lärm.bin, 300 kB; list.txt, 11 B; file.jpeg, 13 B]');
  await press('F1');
  await shows('Open');
  await inMailbox('INBOX', 'Noise');
});

test('mail: a mailbox of any length, of which few rows are elements', async () => {
  await press('F2');
  await shows('Mailboxes');
  await press('ArrowDown', 'Enter');
  await shows('Archive', 'Sent');
  await look('mail-mailboxes');
  await moveTo('Sent');
  await press('Enter');
  await shows('Sent', 'Grüße vom Berg');
  await press('F2');
  await shows('Mailboxes');
  await press('ArrowDown', 'Enter');
  await shows('Archive');
  await moveTo('Archive');
  await press('Enter');
  await shows('Meter reading 1200');
  const most = await frame.evaluate(async () => {
    const down = () => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true, cancelable: true }));
    let most = 0;
    for (let at = 0; at < 300; at++) {
      const before = document.querySelector('.row.focused').innerText;
      down();
      most = Math.max(most, document.querySelectorAll('.row').length);
      // The next page may be on its way.
      while (document.querySelector('.row.focused').innerText === before) {
        await new Promise((resolve) => { requestAnimationFrame(resolve); });
        down();
      }
    }
    return most;
  });
  assert.ok(most < 20, `${most} rows`);
  await shows('Meter reading 900');
  await look('mail-long');
  await press('Enter');
  await shows('Your meter reads', 'Options');
  await press('F1');
  await shows('Meter reading 900');
  await press('Backspace');
  await shows('Select');
});

test('without a network: words, and it goes on by itself', async () => {
  const network = () => page.puppeteer.click('#network');
  await press('Enter');
  await shows('Open');
  await network();
  // The list stays, and a message is opened once that can be done.
  await shows('no network', 'There is no network. It goes on when there is one again.', 'Meter reading 900', 'Open');
  await look('offline');
  await press('Enter');
  await shows('Message', 'Opening…', 'There is no network.');
  await network();
  await shows('Your meter reads', 'Options');
  assert.equal(await read(() => document.getElementById('status').textContent), '');
  await press('F1');
  await shows('Meter reading 900', 'Open');
  await press('F2');
  await shows('Mailboxes');
  await press('ArrowDown', 'Enter');
  await shows('INBOX');
  await press('Enter');
  await shows('Dinner at eight?', 'Open');
  await press('Backspace');
  await shows('Select');
});

test('chat: channels, what was said in them, and what we say', async () => {
  await press('ArrowDown', 'Enter');
  await shows('Chat account', 'Network', 'Connect');
  await look('chat-account');
  await press('Enter');
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
});

test('chat: a channel is joined, with its history, and left; a lost connection comes again', async () => {
  await press('F2');
  await shows('Join a channel', 'Leave #kaios', 'Remove the account');
  await press('ArrowDown', 'Enter');
  await frame.waitForFunction(() => !/#kaios/.test(document.body.innerText) && /#cricket/.test(document.body.innerText), { timeout: PATIENCE });
  await press('F2');
  await shows('Join a channel');
  await press('Enter');
  await shows('Channel', 'Join');
  await page.puppeteer.keyboard.type('kaios');
  await look('chat-join');
  await press('Enter');
  await shows('#kaios', '#cricket', 'Open');
  await moveTo('#kaios');
  await press('Enter');
  // From before we came back: nobody else says this.
  await shows('asha Good morning 📱', '* asha waves', 'Send');
  await look('chat-history');

  await page.puppeteer.click('#network');
  await shows('no network');
  await page.puppeteer.click('#network');
  await shows('Connected again');
  await page.puppeteer.keyboard.type('back again');
  await press('Enter');
  await shows('asha back again');
  await press('F1');
  await shows('#cricket', 'Open');
  await press('Backspace');
  await shows('Select');
});

test('lookup: a type by the arrows, answers with their verdicts, and what is not there', async () => {
  await press('ArrowDown', 'Enter');
  await shows('Look up');
  await press('Enter');
  await shows('Signed, and right', '192.0.2.10', 'A, for 5 min');
  await press('ArrowDown', 'ArrowRight', 'ArrowRight', 'Enter');
  await shows('10 mx1.kaiwire.example', '20 mx2.kaiwire.example');
  await press('ArrowDown');
  await look('lookup');

  const ask = async (name) => {
    await moveTo('', 'INPUT');
    await page.puppeteer.keyboard.down('Control');
    await press('a');
    await page.puppeteer.keyboard.up('Control');
    await page.puppeteer.keyboard.type(name);
    await press('Enter');
  };
  await press('ArrowLeft', 'ArrowLeft'); // A again
  await ask('nobody.kaiwire.example');
  await shows('There is no such name.', 'Signed, and right');
  await look('lookup-nothing');
  await ask('unsigned.example');
  await shows('192.0.2.80', 'Not signed', 'the zone has no signatures');
  await ask('expired.example');
  await shows('192.0.2.90', 'Wrong: do not use it', 'the signature has run out');
  await look('lookup-bogus');
  await page.puppeteer.click('#network');
  await press('Enter');
  await shows('ECONN', 'Retry');
  await page.puppeteer.click('#network');
  await press('Enter');
  await shows('Wrong: do not use it', 'Look up');
  await press('F1');
  await shows('Select');
});

test('certificates: what this phone thinks of a server, what we do, and why', async () => {
  await press('ArrowDown', 'Enter');
  await shows('Certificates', 'Server', 'Port', 'Check');
  await press('ArrowDown', 'End', 'Backspace', 'Backspace', 'Backspace');
  await page.puppeteer.keyboard.type('993');
  await look('certificate-ask');
  await press('Enter');
  // The phone on the page trusts the demo's authority; our own roots don't have it.
  await shows('This phone', 'It trusts this server.', 'Our own TLS', 'It does not trust this server.', 'It vouches for itself', 'mail.kaiwire.example');
  await look('certificate');
  await press('F1', 'F1');
  await shows('Select');
});

test('the buttons write letters as a keypad does', async () => {
  await press('ArrowUp', 'Enter');
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

test('the README shows each screen, of the display’s size', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const shown = [...readme.matchAll(/web\/docs\/screens\/([\w-]+)\.png/g)].map(([, name]) => name);
  assert.deepEqual(shown, SHOWN);
  assert.deepEqual((await readdir(SCREENS)).sort(), SHOWN.map((name) => `${name}.png`).sort());
  for (const name of SHOWN) {
    const header = await readFile(join(SCREENS, `${name}.png`));
    assert.deepEqual([header.readUInt32BE(16), header.readUInt32BE(20)], [240, 320], name);
  }
});

test('the app’s scripts are what the engine of KaiOS 2.5 takes', async () => {
  const scripts = (await readdir(APP, { recursive: true })).filter((name) => name.endsWith('.js'));
  assert.ok(scripts.length > 8);
  for (const name of scripts) assert.deepEqual(refusals(await readFile(join(APP, name), 'utf8')), [], name);
  // As one script, for those of a page share what they declare.
  const html = await readFile(join(APP, 'index.html'), 'utf8');
  const page = [...html.matchAll(/src="((?:js\/|config)[^"]+)"/g)].map(([, name]) => join(APP, name));
  const text = (await Promise.all(page.map((name) => readFile(name, 'utf8')))).join('\n');
  assert.deepEqual(refusals(text), []);
  // What Gecko 48 has not, and what no linter of syntax sees.
  assert.doesNotMatch(text, /(?<!session)\.(append|prepend|replaceWith|replaceChildren|padStart|flatMap|matchAll)\(|Object\.(values|entries)\(|URLSearchParams|finally\(/);
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
  for (const name of filesFor(['imap', 'smtp', 'mime', 'irc', 'dns', 'dnssec', 'trust'])) await copyFile(asset(name), join(folder, 'lib', name));
  // Not every module is there for KaiOS 2.5, and without TinyGo none.
  assert.deepEqual(check(folder).filter(({ rule }) => rule !== 'kaiwire-kaios25'), []);
});
