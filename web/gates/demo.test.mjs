// The demo out of its package for KaiOS 2.5, in a Firefox that has forgotten what came after Gecko 48: it starts, and does
// its work with the modules that are JavaScript.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { startServers } from '../demo/servers.mjs';
import { asset, filesFor } from '../kit/package.mjs';
import { pack } from '../kit/pack.mjs';
import { startRelay } from '../relay/relay.mjs';
import { launch, openPage } from '../test/browser.mjs';
import { missing } from '../test/requirements.mjs';
import { startSite } from '../test/site.mjs';
import { maskScript } from './mask.mjs';
import { unbuilt } from './unbuilt.mjs';

const web = fileURLToPath(new URL('..', import.meta.url));
const skip = missing('firefox-esr') || unbuilt(join(web, 'dist/'), 'mail', 'js');
const PATIENCE = 60_000;
const scratch = mkdtempSync(join(tmpdir(), 'kaiwire-demo48-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));

/** The demo as it is packed for KaiOS 2.5, with what it is to suggest, unpacked again: its folder. */
function unpackedDemo({ imap, irc, dns, anchor }) {
  const folder = join(scratch, 'app');
  cpSync(join(web, 'demo/app'), folder, { recursive: true });
  mkdirSync(join(folder, 'lib'));
  for (const name of filesFor(['imap', 'smtp', 'mime', 'irc', 'dns', 'dnssec', 'trust'])) copyFileSync(asset(name), join(folder, 'lib', name));
  writeFileSync(join(folder, 'config.js'), `var config = ${JSON.stringify({
    nameServers: [`${dns.host}:53`],
    anchors: [anchor],
    suggest: { address: imap.user, password: imap.password, network: 'kaiwire.example', nick: 'asha', channels: ['#kaios'], name: 'kaiwire.example', server: imap.host },
  })};`);
  const { findings, packages } = pack(folder, scratch);
  assert.deepEqual(findings, []);
  const unpacked = join(scratch, 'unpacked');
  for (const [path, bytes] of Object.entries(unzipSync(readFileSync(packages.find(({ kaios }) => kaios === '2.5').file)))) {
    mkdirSync(dirname(join(unpacked, path)), { recursive: true });
    writeFileSync(join(unpacked, path), bytes);
  }
  return unpacked;
}

/** Puts the mask before all that runs in page and worker, and the phone's sockets behind it, which the page around has. */
function maskIn(folder) {
  const script = maskScript(48);
  writeFileSync(join(folder, 'mask.js'), `${script}parent.putSockets(window);\n`);
  const page = join(folder, 'index.html');
  writeFileSync(page, readFileSync(page, 'utf8').replace('<head>', '<head><script src="mask.js"></script>'));
  const worker = join(folder, 'lib/kaiwire-worker.js');
  writeFileSync(worker, script + readFileSync(worker, 'utf8'));
}

test('the demo on KaiOS 2.5', { skip }, async (t) => {
  const servers = await startServers('1h', new Promise(() => {}));
  t.after(() => servers.stop());
  const { imap, smtp, irc, dns, ca } = servers.places;
  const folder = unpackedDemo(servers.places);
  const { permissions, launch_path: start } = JSON.parse(readFileSync(join(folder, 'manifest.webapp'), 'utf8'));
  maskIn(folder);

  writeFileSync(join(scratch, 'around.html'), '<!DOCTYPE html><meta charset="utf-8"><title>A phone</title><link rel="icon" href="data:,"><script type="module" src="around.js"></script>');
  const site = await startSite({ '/mock.js': asset('kaiwire-mock.js'), '/around.html': join(scratch, 'around.html'), '/around.js': join(scratch, 'around.js'), '/': `${folder}/` });
  t.after(site.close);
  const relay = await startRelay({
    allow: [imap, smtp, irc, dns].map(({ address }) => address),
    hosts: { [`${imap.host}:993`]: imap.address, [`${smtp.host}:465`]: smtp.address, [`${irc.host}:6697`]: irc.address, [`${dns.host}:53`]: dns.address },
    ca,
    origins: [site.origin],
  });
  t.after(() => relay.close());
  writeFileSync(join(scratch, 'around.js'), `import { install, Tunnel } from '/mock.js';
    window.putSockets = (phone) => install(phone, ${JSON.stringify({ profile: 'kaios25', permissions: Object.keys(permissions) })
    .replace('{', `{ network: new Tunnel(${JSON.stringify(relay.url)}),`)});
    const frame = Object.assign(document.createElement('iframe'), { id: 'screen', width: 240, height: 320, src: ${JSON.stringify(start)} });
    document.body.append(frame);`);
  const browser = await launch();
  t.after(browser.close);
  const page = await openPage(browser, { url: site.url('/around.html'), width: 400, height: 400 });
  const frame = await (await page.puppeteer.waitForSelector('#screen')).contentFrame();
  const shows = async (...texts) => {
    try {
      await frame.waitForFunction((wanted) => wanted.every((text) => document.body && document.body.innerText.includes(text)), { timeout: PATIENCE, polling: 50 }, texts);
    } catch (error) {
      throw new Error(`not on the display: ${texts.join(', ')}; there is:\n${await frame.evaluate(() => document.body.innerText)}`, { cause: error });
    }
  };
  const press = (...keys) => frame.evaluate((names) => {
    for (const key of names) document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  }, keys);

  await shows('Mail', 'Chat', 'Lookup', 'Certificates');
  assert.deepEqual(await frame.evaluate(() => [window.mask.version, 'WebAssembly' in window, 'AbortController' in window, !!navigator.mozTCPSocket]), [48, false, false, true]);

  // An account by discovery, its messages, one of them.
  await press('Enter');
  await shows('Mail account', 'SIGN IN');
  await press('Enter');
  await shows('Receipt 20977', 'Dev Patil', 'OPEN');
  await press('ArrowDown', 'Enter');
  await shows('From: Dev Patil', 'To: Asha Verma', 'Options');
  await press('SoftLeft');
  await shows('Receipt 20977', 'OPEN');

  // A message with a picture, which an app of the phone gives as KaiOS 2.5 has it.
  await frame.evaluate(() => {
    window.MozActivity = function MozActivity({ name, data }) {
      setTimeout(() => {
        this.result = { blob: new Blob([`${name} ${data.type[0]}`], { type: 'image/jpeg' }), name: '/sdcard/DCIM/lake.jpg' };
        this.onsuccess();
      });
    };
  });
  await press('SoftRight');
  await shows('Write');
  await press('Enter');
  await shows('Attach a file', 'Send');
  await frame.evaluate(() => {
    const [to, subject] = Array.from(document.querySelectorAll('input'));
    to.value = 'asha@kaiwire.example';
    subject.value = 'The lake';
  });
  await press('ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter');
  await shows('lake.jpg', '12 B', 'The server takes 8.4 MB.');
  await press('SoftRight');
  await shows('The lake', 'OPEN');
  await press('ArrowUp', 'ArrowUp', 'Enter');
  await shows('From: asha@kaiwire.example', 'lake.jpg');
  await press('SoftLeft', 'Backspace');

  await shows('Lookup');
  await press('ArrowDown', 'Enter');
  await shows('Chat account', 'CONNECT');
  await press('Enter');
  await shows('#kaios', 'OPEN');
  await press('Backspace', 'ArrowDown', 'Enter');
  await shows('LOOK UP');
  await press('Enter');
  await shows('192.0.2.10');
  await press('SoftLeft', 'ArrowDown', 'Enter');
  await shows('Certificates', 'CHECK');
  await frame.evaluate(() => { document.querySelector('[type=tel]').value = '993'; });
  await press('Enter');
  // The phone trusts the demo's authority; our own roots don't have it.
  await shows('It trusts this server.', 'It does not trust this server.', 'It vouches for itself');
  await page.screenshot('demo-kaios25');
  await page.close();
});
