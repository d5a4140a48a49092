// The example as its README says: built by its Makefile, loaded by its page.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { capabilities, nodeHost, runGo } from '../../dist/kaiwire.node.js';
import { startRelay } from '../../relay/relay.mjs';
import { launch, openPage } from '../../test/browser.mjs';
import { missing } from '../../test/requirements.mjs';
import { startSite } from '../../test/site.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const bridge = fileURLToPath(new URL('../../../bridge/', import.meta.url));
const limit = { timeout: 120_000 };
const app = mkdtempSync(join(tmpdir(), 'kaiwire-finger-'));
before(() => promisify(execFile)('make', ['-C', here, `OUT=${join(app, 'app')}`]));
after(() => rmSync(app, { recursive: true, force: true }));
const file = (name) => join(app, 'app', name);

/** A finger server of 127.0.0.1, which tells who was asked for. */
async function fingerServer(t) {
  const server = createServer((socket) => {
    socket.once('data', (query) => socket.end(`Login: ${String(query).trim()}\r\nNever logged in.\r\n`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return server.address().port;
}

test('the page, with the phone’s sockets', { ...limit, skip: missing('firefox-esr') }, async (t) => {
  const site = await startSite({ '/': join(app, 'app/'), '/bridge/': bridge });
  t.after(site.close);
  const browser = await launch();
  t.after(browser.close);
  const page = await openPage(browser, { url: site.url('/index.html') });
  const replies = await page.run('finger', async () => {
    const { install, MemoryNetwork } = await import('/bridge/mock/index.js');
    const network = new MemoryNetwork();
    network.listen('plan.test:79', (peer) => {
      peer.ondata = (query) => {
        peer.write(new TextEncoder().encode(`Login: ${new TextDecoder().decode(query).trim()}\r\nNo plan — yet.\r\n`));
        peer.end();
      };
    });
    install(window, { network });
    const ask = (query) => new Promise((resolve) => {
      const reply = document.getElementById('reply');
      const watch = new MutationObserver(() => {
        if (reply.textContent === '…') return;
        watch.disconnect();
        resolve(reply.textContent);
      });
      watch.observe(reply, { childList: true });
      document.getElementById('query').value = query;
      document.getElementById('form').requestSubmit();
    });
    return [await ask('alice@plan.test'), await ask('@plan.test'), await ask('bob@nowhere.test')];
  }, [], { timeout: 60_000 });
  assert.equal(replies[0], 'Login: alice\r\nNo plan — yet.\r\n');
  assert.equal(replies[1], 'Login: \r\nNo plan — yet.\r\n');
  assert.match(replies[2], /^That did not work: .*connection refused|^That did not work: .*ConnectionRefused/);
  await page.close();
});

test('the program, by way of the relay', { ...limit, skip: missing('firefox-esr') }, async (t) => {
  const port = await fingerServer(t);
  const site = await startSite({ '/': join(app, 'app/') });
  t.after(site.close);
  const relay = await startRelay({ origins: [site.origin], allow: [`127.0.0.1:${port}`], hosts: { 'plan.test:79': `127.0.0.1:${port}` } });
  t.after(relay.close);
  const browser = await launch();
  t.after(browser.close);
  const page = await openPage(browser, { url: site.url('/index.html') });
  const seen = await page.run('finger', async (sockets) => {
    const none = kaiwire.capabilities();
    await new Promise((resolve) => {
      const script = document.createElement('script');
      script.src = 'kaiwire-hosts.js';
      script.onload = resolve;
      document.head.append(script);
    });
    const program = await kaiwire.runGo({ wasm: 'finger.wasm', sockets });
    const text = await new Promise((resolve, reject) => {
      program.host.finger('plan.test', 'carol', (text, error) => (error ? reject(new Error(error)) : resolve(text)));
    });
    program.stop();
    const refused = await kaiwire.runGo({ wasm: 'finger.wasm' }).catch(({ code, name }) => `${name} ${code}`);
    return { none, text, refused, relayed: kaiwire.capabilities({ sockets }) };
  }, [relay.url], { timeout: 60_000 });
  assert.equal(seen.text, 'Login: carol\r\nNever logged in.\r\n');
  assert.equal(seen.refused, 'KaiwireError EPERM');
  assert.deepEqual(seen.none, {
    host: null, tcp: false, listen: false, udp: false, multicast: false, tls: false, worker: true, webAssembly: true, missing: ['tcp-socket'],
  });
  assert.deepEqual(seen.relayed, {
    host: 'tunnel', tcp: true, listen: true, udp: true, multicast: true, tls: true, worker: true, webAssembly: true, missing: [],
  });
  await page.close();
});

test('the program in Node, over sockets of one’s own', limit, async (t) => {
  const port = await fingerServer(t);
  const node = nodeHost();
  const sockets = { ...node, name: 'elsewhere', open: (host, number, options) => node.open('127.0.0.1', port, options) };
  assert.equal(capabilities({ sockets }).host, 'elsewhere');
  const program = await runGo({ wasm: readFileSync(file('finger.wasm')), sockets });
  t.after(() => program.stop());
  const finger = (user) => new Promise((resolve, reject) => {
    program.host.finger('plan.test', user, (text, error) => (error ? reject(new Error(error)) : resolve(text)));
  });
  assert.equal(await finger('dave'), 'Login: dave\r\nNever logged in.\r\n');
  await assert.rejects(finger('a\r\nb'), /line ends/);
});
