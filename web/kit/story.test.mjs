// A stranger's first quarter of an hour: the package from npm, an app of it in a phone, and a mail read; and the same from
// the zip, by a script element alone.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { archive } from '../archive.mjs';
import { startServers } from '../demo/servers.mjs';
import { startRelay } from '../relay/relay.mjs';
import { launch, openPage } from '../test/browser.mjs';
import { missing } from '../test/requirements.mjs';
import { watch } from '../test/servers/process.mjs';
import { startSite } from '../test/site.mjs';

const skip = missing('firefox-esr');
const PATIENCE = 30_000;
const scratch = mkdtempSync(join(tmpdir(), 'kaiwire-story-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

let archives;
let servers;
let browser;
let mail;

before(async () => {
  if (skip) return;
  archives = archive(fileURLToPath(new URL('../dist/', import.meta.url)), join(scratch, 'archives'));
  servers = await startServers('1h', new Promise(() => {}));
  mail = servers.places.imap;
  writeFileSync(join(scratch, 'ca.pem'), servers.places.ca);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await servers?.stop();
});

const account = () => ({ host: mail.host, port: 993, security: mail.security, auth: { user: mail.user, pass: mail.password } });

async function shows(frame, ...texts) {
  try {
    await frame.waitForFunction((wanted) => wanted.every((part) => document.body && document.body.innerText.includes(part)),
      { timeout: PATIENCE, polling: 50 }, texts);
  } catch (error) {
    throw new Error(`not on the display: ${texts.join(', ')}; there is:\n${await frame.evaluate(() => document.body.innerText)}`, { cause: error });
  }
}

test('npm install, init, check, pack, serve, and a mail is read', { skip }, async (t) => {
  const folder = join(scratch, 'new');
  mkdirSync(folder);
  const run = (command, ...words) => execFileSync(command, words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  run('npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', archives.tarball);
  run('npx', '--no-install', 'kaiwire', 'init', '--name', 'Asha’s mail');
  writeFileSync(join(folder, 'app/config.js'), `var config = ${JSON.stringify(account())};\n`);
  const { findings } = JSON.parse(run('npx', '--no-install', 'kaiwire', 'check', '--json'));
  assert.deepEqual(findings.filter(({ rule }) => rule !== 'kaiwire-kaios25'), []);
  const { packages } = JSON.parse(run('npx', '--no-install', 'kaiwire', 'pack', '--json', '--out', 'packages'));
  assert.deepEqual(packages.map(({ kaios, file }) => [kaios, file]), [
    ['2.5', 'packages/asha-s-mail-0.1.0-kaios2.5.zip'], ['3', 'packages/asha-s-mail-0.1.0-kaios3.zip']]);

  // npx would keep the signal to itself.
  const phone = spawn(process.execPath, ['node_modules/kaiwire/kit/cli.mjs', 'serve', '--port', '0', '--allow', mail.address,
    '--map', `${mail.host}:993=${mail.address}`, '--ca', join(scratch, 'ca.pem')], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  t.after(watch(phone.pid));
  const [url] = await once(createInterface(phone.stdout), 'line');
  assert.match(url, /^http:\/\/asha-s-mail\.localhost:\d+\/$/);
  const page = await openPage(browser, { url, width: 720, height: 720 });
  const frame = await (await page.puppeteer.waitForSelector('#screen')).contentFrame();
  await shows(frame, 'Asha’s mail', 'Receipt 20977', 'Read');
  await page.screenshot('kit-list');
  await page.puppeteer.keyboard.press('ArrowDown');
  await page.puppeteer.keyboard.press('Enter');
  await shows(frame, 'Can you read this on the small phone?', 'Back');
  await page.screenshot('kit-mail');
  await page.close();
  phone.kill('SIGINT');
  assert.deepEqual(await once(phone, 'exit'), [0, null]);
});

test('the zip and a script element', { skip }, async (t) => {
  const folder = join(scratch, 'unpacked');
  for (const [path, bytes] of Object.entries(unzipSync(readFileSync(archives.zip)))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
  const site = await startSite({ '/': `${folder}/` });
  t.after(site.close);
  const relay = await startRelay({
    allow: [mail.address], hosts: { [`${mail.host}:993`]: mail.address }, ca: servers.places.ca, origins: [site.origin],
  });
  t.after(() => relay.close());
  writeFileSync(join(folder, 'index.html'), `<!DOCTYPE html><meta charset="utf-8"><link rel="icon" href="data:,">
    <script src="kaiwire/kaiwire.classic.js"></script><script src="kaiwire/kaiwire-hosts.js"></script><body><script src="app.js"></script>`);
  writeFileSync(join(folder, 'app.js'), `
    const show = (text) => { document.body.textContent += text + ' '; };
    kaiwire.load({ modules: ['imap'], sockets: ${JSON.stringify(relay.url)} })
      .then((wire) => wire.imap.connect(${JSON.stringify(account())})
        .then((inbox) => inbox.fetch('*', { envelope: true, uid: true })
          .then(([{ uid, envelope }]) => { show(envelope.subject); return inbox.download(uid, '1', { uid: true }); })
          .then((download) => download.read()))
        .then((bytes) => show(new TextDecoder().decode(bytes)))
        .then(() => wire.close()))
      .then(() => show('done'), (error) => show(error.code + ' ' + error.message));`);
  const page = await openPage(browser, { url: site.url('/index.html') });
  await shows(page.puppeteer.mainFrame(), 'Receipt 20977', 'done');
  await page.close();
});
