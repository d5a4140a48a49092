// Widgets on the home screen of the phone: what theirs show, and what a frame of one does and refuses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
const LIBRARY = ['imap', 'smtp', 'mime', 'irc'];
const scratch = mkdtempSync(join(tmpdir(), 'kaiwire-widgets-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

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

/** A phone with the demo's app, or another, on its home screen. */
async function openHome(t, { folder = APP, locale } = {}) {
  const { imap, irc, ca } = servers.places;
  const accounts = {
    mail: { address: imap.user, imap: { host: imap.host, port: 993, security: imap.security, auth: { user: imap.user, pass: imap.password } } },
    chat: { server: { host: irc.host, port: 6697, security: irc.security, nick: 'asha' }, channels: ['#kaios'] },
  };
  const phone = await startPhone({
    folder,
    locale,
    relay: { allow: [imap.address, irc.address], hosts: { [`${imap.host}:993`]: imap.address, [`${irc.host}:6697`]: irc.address }, ca },
    files: {
      ...Object.fromEntries(filesFor(LIBRARY).map((name) => [`/lib/${name}`, asset(name)])),
    },
  });
  t.after(phone.close);
  const page = await openPage(browser, { url: phone.url, width: 720, height: 720 });
  const screen = await (await page.puppeteer.waitForSelector('#screen')).contentFrame();
  await screen.waitForSelector('body', { timeout: PATIENCE });
  await screen.evaluate((kept) => {
    for (const [name, account] of Object.entries(kept)) localStorage.setItem(`account ${name}`, JSON.stringify(account));
  }, accounts);
  return { page, screen };
}

const press = async (page, ...keys) => { for (const key of keys) await page.puppeteer.keyboard.press(key); };
const end = (page) => page.puppeteer.click('[data-key="EndCall"]');

async function shows(frame, pattern) {
  try {
    await frame.waitForFunction((source) => document.body && new RegExp(source).test(document.body.innerText),
      { timeout: PATIENCE, polling: 50 }, pattern.source);
  } catch (error) {
    throw new Error(`not shown: ${pattern}; there is:\n${await frame.evaluate(() => document.body.innerText)}`, { cause: error });
  }
}

async function widgetFrame(screen, name) {
  const element = await screen.waitForSelector(`iframe[name="${name}"]`, { timeout: PATIENCE });
  return element.contentFrame();
}

/** Somebody else in the chat says something. */
async function say(channel, text) {
  const [host, port] = servers.places.irc.address.split(':');
  const socket = tls.connect({ host, port: Number(port), ca: servers.places.ca, servername: servers.places.irc.host });
  await once(socket, 'secureConnect');
  const lines = createInterface(socket);
  socket.write('NICK meera\r\nUSER meera 0 * :Meera\r\n');
  for await (const line of lines) {
    const [, command] = /^(?::\S+ )?(\S+)/.exec(line);
    if (command === 'PING') socket.write(line.replace('PING', 'PONG') + '\r\n');
    if (command === '001') socket.write(`JOIN ${channel}\r\n`);
    if (command === '366') socket.write(`PRIVMSG ${channel} :${text}\r\nPING said\r\n`);
    if (command === 'PONG') break;
  }
  socket.destroy();
}

async function screenshot(page, name) {
  mkdirSync(OUTPUT, { recursive: true });
  const box = await page.run('the display', () => {
    const { x, y, width, height } = document.getElementById('screen').getBoundingClientRect();
    return { x, y, width, height };
  });
  assert.deepEqual([box.width, box.height], [240, 320]);
  await page.puppeteer.screenshot({ path: join(OUTPUT, `widgets-${name}.png`), clip: box });
}

test('new mail and mentions on the home screen', { skip }, async (t) => {
  const { page, screen } = await openHome(t);
  await shows(screen, /Lookup/);
  await end(page);
  const unread = await widgetFrame(screen, 'unread');
  const mentions = await widgetFrame(screen, 'mentions');
  await shows(unread, /^\d+\s+new messages$/);
  await shows(mentions, /^0\s+Nobody has asked for you$/);
  const before = Number(await unread.evaluate(() => document.getElementById('figure').textContent));
  await screenshot(page, 'home');

  // The chat has to run to hear of it; in a room that is open it is read at once.
  await press(page, 'Enter');
  await shows(screen, /Lookup/);
  await press(page, 'ArrowDown', 'Enter');
  await shows(screen, /#kaios/);
  await say('#kaios', 'asha: the 8110 has arrived');
  await screen.waitForFunction(() => localStorage.getItem('mentions'), { timeout: PATIENCE });
  servers.deliver();
  await end(page);
  await shows(await widgetFrame(screen, 'mentions'), /^1\s+meera: asha: the 8110 has arrived$/);
  await shows(await widgetFrame(screen, 'unread'), new RegExp(`^${before + 1}\\s+new messages$`));
  await screenshot(page, 'mention');

  await press(page, 'Enter');
  await shows(screen, /Lookup/);
  await press(page, 'ArrowDown', 'Enter');
  await shows(screen, /#kaios/);
  await press(page, 'Enter');
  await shows(screen, /SEND/);
  await screen.waitForFunction(() => localStorage.getItem('mentions') === '[]', { timeout: PATIENCE });
  await page.close();
});

test('each language has its own pages', { skip }, async (t) => {
  const { page, screen } = await openHome(t, { locale: 'hi-IN' });
  await shows(screen, /Lookup/);
  await end(page);
  await shows(await widgetFrame(screen, 'unread'), /^\d+\s+नए संदेश$/);
  await shows(screen, /मेल\n+चैट\n+काईवायर/);
  await screenshot(page, 'hindi');
  await page.close();
});

/** An app that embeds widgets of its own, as a home screen would. */
function embedder(permissions) {
  const folder = mkdtempSync(join(scratch, 'embedder-'));
  cpSync(APP, folder, { recursive: true });
  const file = join(folder, 'manifest.webmanifest');
  const source = JSON.parse(readFileSync(file, 'utf8'));
  source.start_url = '/embedder.html';
  source.b2g_features.permissions = Object.fromEntries(permissions.map((name) => [name, { description: 'To show widgets.' }]));
  source.webapp.widgetPages.push('/quiet.html');
  writeFileSync(file, JSON.stringify(source));
  writeFileSync(join(folder, 'embedder.html'), '<!DOCTYPE html><head><title>Embedder</title></head><body>Embedder</body>');
  writeFileSync(join(folder, 'quiet.html'), '<!DOCTYPE html><head><title>Quiet</title><script defer src="quiet.js"></script></head><body>Quiet</body>');
  writeFileSync(join(folder, 'quiet.js'), `document.title = 'Loud';
    window.said = [window.open('/other.html'), confirm('?'), prompt('?')];`);
  writeFileSync(join(folder, 'other.html'), '<!DOCTYPE html><head></head><body>Other</body>');
  return folder;
}

/** In the embedder: puts a frame up and resolves with the events that came, once one of these has. */
function embed({ attributes, until }) {
  return new Promise((resolve) => {
    const frame = document.createElement('iframe');
    window.frame = frame;
    window.events = [];
    for (const name of ['loadstart', 'loadend', 'error', 'close', 'firstpaint', 'documentfirstpaint', 'visibilitychange', 'titlechange',
      'locationchange', 'iconchange', 'securitychange', 'contextmenu', 'showmodalprompt', 'openwindow', 'metachange', 'scroll', 'opensearch',
      'manifestchange', 'resize', 'activitydone', 'usernameandpasswordrequired']) {
      frame.addEventListener(`mozbrowser${name}`, ({ detail }) => {
        window.events.push(detail && detail.type ? `${name} ${detail.type}` : name);
        if (name === until) resolve(window.events);
      });
    }
    for (const [name, value] of Object.entries(attributes)) frame.setAttribute(name, value);
    document.body.append(frame);
    if (!until) setTimeout(() => resolve(window.events), 0);
  });
}

const WIDGET = { mozbrowser: 'true', mozwidget: '/manifest.webmanifest', remote: 'true' };
const EMBED = ['embed-widgets', 'homescreen-webapp-manage'];

test('a widget shows listed pages only', { skip }, async (t) => {
  const { page, screen } = await openHome(t, { folder: embedder(EMBED) });
  await shows(screen, /Embedder/);
  for (const src of ['/other.html', '/missing.html', 'http://elsewhere.invalid/']) {
    const events = await screen.evaluate(embed, { attributes: { ...WIDGET, src }, until: 'error' });
    assert.deepEqual(events, ['loadstart', 'error invalid-widget'], src);
    await screen.waitForFunction(() => window.frame.contentDocument && /NS_ERROR_MALFORMED_URI/.test(window.frame.contentDocument.body.textContent), { timeout: PATIENCE });
  }
  const other = await screen.evaluate(embed, { attributes: { ...WIDGET, mozwidget: '/another.webmanifest', src: '/quiet.html' }, until: 'error' });
  assert.deepEqual(other, ['loadstart', 'error invalid-widget'], 'of an app that is not installed');

  const shown = await screen.evaluate(embed, { attributes: { ...WIDGET, src: '/quiet.html?query' }, until: 'documentfirstpaint' });
  assert.deepEqual(shown, ['loadstart', 'loadend', 'firstpaint', 'documentfirstpaint'], 'a query is no other page');
  // What it leads to afterwards is held to the list as well, by whomever, and whatever the attributes are by then.
  const then = await screen.evaluate(() => new Promise((resolve) => {
    window.frame.removeAttribute('mozwidget');
    window.frame.addEventListener('mozbrowsererror', ({ detail }) => resolve(detail.type), { once: true });
    window.frame.contentWindow.location.href = '/other.html';
  }));
  assert.equal(then, 'invalid-widget');
  const again = await screen.evaluate(() => new Promise((resolve) => {
    window.frame.addEventListener('mozbrowserloadend', () => resolve(window.frame.contentDocument.body.textContent), { once: true });
    window.frame.src = '/quiet.html';
  }));
  assert.match(again, /Quiet/);
  page.expect(/elsewhere\.invalid|missing\.html|404/);
  await page.close();
});

test('safe methods and events, and no others', { skip }, async (t) => {
  const { page, screen } = await openHome(t, { folder: embedder(EMBED) });
  await shows(screen, /Embedder/);
  await screen.evaluate(embed, { attributes: { ...WIDGET, src: '/quiet.html' }, until: 'documentfirstpaint' });
  const result = await screen.evaluate(async () => {
    const { frame } = window;
    const quiet = frame.contentWindow;
    const hidden = new Promise((resolve) => { quiet.document.addEventListener('visibilitychange', () => resolve(quiet.document.hidden), { once: true }); });
    frame.setVisible(false);
    const painted = new Promise((resolve) => { frame.addNextPaintListener(() => resolve(true)); });
    const never = () => { throw new Error('it was removed'); };
    frame.addNextPaintListener(never);
    frame.removeNextPaintListener(never);
    frame.setActive(false);
    quiet.close();
    const request = frame.getVisible();
    const before = request.readyState;
    return { visible: await request, before, hidden: await hidden, painted: await painted, active: frame.getActive(), said: quiet.said, events: window.events,
      sensitive: ['reload', 'goBack', 'getScreenshot', 'sendMouseEvent', 'zoom', 'purgeHistory'].map((name) => typeof frame[name]) };
  });
  assert.deepEqual(result, {
    visible: false, before: 'pending', hidden: true, painted: true, active: false, said: [null, false, null],
    events: ['loadstart', 'loadend', 'firstpaint', 'documentfirstpaint', 'visibilitychange', 'close'],
    sensitive: Array(6).fill('undefined'),
  });
  await page.close();
});

test('with “browser” as well, the sensitive methods are there and refuse', { skip }, async (t) => {
  const { page, screen } = await openHome(t, { folder: embedder([...EMBED, 'browser']) });
  await shows(screen, /Embedder/);
  await screen.evaluate(embed, { attributes: { ...WIDGET, src: '/quiet.html' }, until: 'loadend' });
  const errors = await screen.evaluate(() => ['reload', 'goBack', 'getScreenshot', 'sendTouchEvent', 'zoom', 'stop'].map((name) => {
    try {
      return String(window.frame[name]());
    } catch (error) {
      return `${error.name} ${error.code}`;
    }
  }));
  assert.deepEqual(errors, Array(6).fill('InvalidNodeTypeError 24'));
  await page.close();
});

test('mozapp with mozwidget is neither, and without the permission there is nothing', { skip }, async (t) => {
  const both = await openHome(t, { folder: embedder(EMBED) });
  await shows(both.screen, /Embedder/);
  await both.screen.evaluate(embed, { attributes: { ...WIDGET, mozapp: '/manifest.webmanifest', src: '/quiet.html' } });
  assert.deepEqual(await both.screen.evaluate(() => [typeof window.frame.setVisible, window.frame.hasAttribute('src'), window.events]), ['undefined', false, []]);
  await both.page.close();
  const none = await openHome(t, { folder: embedder(['tcp-socket']) });
  await shows(none.screen, /Embedder/);
  await none.screen.evaluate(embed, { attributes: { ...WIDGET, src: '/other.html' } });
  assert.deepEqual(await none.screen.evaluate(() => [typeof window.frame.setVisible, window.events, typeof navigator.mozTCPSocket]), ['undefined', [], 'object']);
  await none.page.close();
});

test('a permission that is missing makes the API absent', { skip }, async (t) => {
  const { page, screen } = await openHome(t, { folder: embedder(EMBED) });
  await shows(screen, /Embedder/);
  assert.deepEqual(await screen.evaluate(() => ['mozTCPSocket' in navigator, 'TCPSocket' in window]), [false, false]);
  await page.close();
});
