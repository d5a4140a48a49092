// The demo's mail when its server goes away while somebody looks at the list: what is said, and what the list has when the
// server is there again.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { asset, filesFor } from '../kit/package.mjs';
import { startPhone } from '../kit/serve.mjs';
import { launch, openPage, OUTPUT } from '../test/browser.mjs';
import { missing } from '../test/requirements.mjs';
import { startServers } from './servers.mjs';

const APP = fileURLToPath(new URL('app/', import.meta.url));
const skip = missing('firefox-esr');
const PATIENCE = 30_000;

let servers;
let browser;

before(async () => {
  if (skip) return;
  servers = await startServers('1h', new Promise(() => {}));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await servers?.stop();
});

/** A way to a server that can be cut: then what goes through it ends, and nothing new gets in until it is mended. */
async function startLine(t, address) {
  const [host, port] = address.split(':');
  const ends = new Set();
  let whole = true;
  const line = net.createServer((from) => {
    const to = net.connect({ host, port: Number(port) });
    for (const [one, other] of [[from, to], [to, from]]) {
      ends.add(one);
      one.on('error', () => {}).on('close', () => { ends.delete(one); other.destroy(); }).pipe(other);
    }
    if (!whole) from.destroy();
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  const cut = () => {
    whole = false;
    for (const end of ends) end.destroy();
  };
  t.after(() => {
    cut();
    line.close();
  });
  return { address: `127.0.0.1:${line.address().port}`, cut, mend: () => { whole = true; } };
}

/** Somebody reads the same mailbox elsewhere, and removes the newest message but one. Resolves with its subject. */
async function removeElsewhere({ address, host, user, password }, ca) {
  const [ip, port] = address.split(':');
  const socket = tls.connect({ host: ip, port: Number(port), ca, servername: host });
  const lines = createInterface(socket)[Symbol.asyncIterator]();
  const until = async (pattern) => {
    for (;;) {
      const { value, done } = await lines.next();
      assert.ok(!done, `no ${pattern}`);
      const match = pattern.exec(value);
      if (match) return match;
    }
  };
  const command = async (tag, text, pattern) => {
    socket.write(`${tag} ${text}\r\n`);
    const match = pattern && await until(pattern);
    await until(new RegExp(`^${tag} OK`));
    return match;
  };
  await until(/^\* OK/);
  await command('a', `LOGIN ${user} ${password}`);
  const [, count] = await command('b', 'SELECT INBOX', /^\* (\d+) EXISTS/);
  const [, subject] = await command('c', `FETCH ${count - 1} BODY.PEEK[HEADER.FIELDS (SUBJECT)]`, /^Subject: (.+)$/i);
  await command('d', `STORE ${count - 1} +FLAGS.SILENT (\\Deleted)`);
  await command('e', 'EXPUNGE');
  socket.destroy();
  return subject;
}

test('a connection that the server cuts while the list is open comes back, with what has happened meanwhile', { skip }, async (t) => {
  const { imap, ca } = servers.places;
  const line = await startLine(t, imap.address);
  const phone = await startPhone({
    folder: APP,
    relay: { allow: [line.address], hosts: { [`${imap.host}:993`]: line.address }, ca },
    files: Object.fromEntries(filesFor(['imap', 'smtp', 'mime']).map((name) => [`/lib/${name}`, asset(name)])),
  });
  t.after(phone.close);
  const page = await openPage(browser, { url: phone.address, width: 720, height: 720 });
  const frame = await (await page.puppeteer.waitForSelector('#screen')).contentFrame();
  const until = async (what, condition, ...args) => {
    try {
      await frame.waitForFunction(condition, { timeout: PATIENCE, polling: 50 }, ...args);
    } catch (error) {
      throw new Error(`${what}; there is:\n${await frame.evaluate(() => document.body.innerText)}`, { cause: error });
    }
  };
  const shows = (...texts) => until(texts.join(', '), (wanted) => wanted.every((text) => document.body.innerText.includes(text)), texts);
  const press = async (...keys) => { for (const key of keys) await page.puppeteer.keyboard.press(key); };
  const rows = () => frame.evaluate(() => [...document.querySelectorAll('.row')]
    .sort((a, b) => parseInt(a.style.top, 10) - parseInt(b.style.top, 10))
    .map((row) => row.querySelector('.sub').textContent));
  const focused = () => frame.evaluate(() => document.querySelector('.row.focused .sub').textContent);

  await shows('Lookup');
  await frame.evaluate((account) => localStorage.setItem('account mail', JSON.stringify(account)),
    { address: imap.user, imap: { host: imap.host, port: 993, security: imap.security, auth: { user: imap.user, pass: imap.password } } });
  await press('Enter');
  await shows('Receipt 20977', 'OPEN');
  await press('ArrowDown', 'ArrowDown');
  const held = await focused();
  const before = await rows();

  line.cut();
  await shows('The server closed the connection unexpectedly. Trying again…', held);
  assert.deepEqual(await rows(), before, 'what was there can be read on');
  mkdirSync(OUTPUT, { recursive: true });
  await (await page.puppeteer.$('#screen')).screenshot({ path: join(OUTPUT, 'demo-lost.png') });
  const removed = await removeElsewhere(imap, ca);
  assert.equal(removed, before[1]);
  servers.deliver();

  line.mend();
  await until('no status any more', () => document.getElementById('status').textContent === '');
  await until('the message that came', () => /Dinner at eight/.test(document.body.innerText));
  const now = await rows();
  assert.deepEqual(now.slice(0, before.length), ['Dinner at eight?', ...before.filter((subject) => subject !== removed)]);
  assert.equal(await focused(), held, 'the focus stays with its message');

  // It is told of what happens, as before.
  servers.deliver();
  await shows('صور من البحر');
  await press('Enter');
  await shows('From:', 'Options');
  await page.close();
});
