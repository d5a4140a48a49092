// IMAP as an app has it, against Dovecot, over Gecko's own sockets: what the
// stories show on the mock holds where no mock is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launchGecko, openSystemPage } from '../test/gecko.mjs';
import { missing } from '../test/requirements.mjs';
import * as dovecot from '../test/servers/dovecot.mjs';
import { large, plain, sha256 } from '../test/stories/mail.mjs';

/** The package under test: web/dist, or what the environment's KAIWIRE_DIST names. */
const dist = process.env.KAIWIRE_DIST ?? fileURLToPath(new URL('../dist/', import.meta.url));

test('IMAP over Gecko’s own sockets', { skip: missing('firefox-esr', 'dovecot', 'openssl') }, async (t) => {
  const server = await dovecot.start();
  t.after(server.stop);
  const browser = await launchGecko();
  t.after(browser.close);
  const page = await openSystemPage(browser, {
    mounts: { dist, conformance: fileURLToPath(new URL('.', import.meta.url)) }, path: 'conformance/frame.html',
  });
  const auth = { user: server.user, pass: server.pass };
  for (const message of [plain, large]) await server.deliver(server.user, 'INBOX', message);
  await page.run('load', async () => {
    const base = new URL('../dist/', document.URL).href;
    const { load } = await import(`${base}kaiwire.js`);
    window.wire = await load({ modules: ['imap'], worker: false, base });
  });

  await t.test('reading mail', async () => {
    const got = await page.run('read', async (options) => {
      const session = window.session = await window.wire.imap.connect(options);
      const messages = await session.fetch('1:*', { envelope: true, size: true });
      const download = await session.download(2);
      const chunks = [];
      for (let chunk; (chunk = await download.read()) !== null;) chunks.push(chunk);
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob(chunks).arrayBuffer()));
      return {
        exists: session.mailbox.exists,
        sizes: messages.map(({ size }) => size),
        messageId: messages[0].envelope.messageId,
        sha256: Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join(''),
      };
    }, [{ host: '127.0.0.1', port: server.port, security: 'none', auth }], { timeout: 60_000 });
    assert.deepEqual(got, {
      exists: 2, sizes: [plain.length, large.length], messageId: 'plain@kaiwire.test', sha256: sha256(large),
    });
  });

  await t.test('IDLE wakes at a delivery, and logout', async () => {
    await page.run('idle', async () => {
      window.woken = new Promise((resolve) => { window.session.once('exists', resolve); });
      window.idle = await window.session.idle();
    });
    await server.deliver(server.user, 'INBOX', plain);
    assert.deepEqual(await page.run('wake', () => window.woken), { count: 3 });
    const closed = await page.run('logout', async () => {
      await window.idle.stop();
      const end = new Promise((resolve) => { window.session.once('close', resolve); });
      await window.session.logout();
      await end;
      return window.session.closed;
    });
    assert.equal(closed, true);
  });

  const connect = (security, port) => page.run(security, async (options) => {
    try {
      const session = await window.wire.imap.connect(options);
      await session.logout();
      return 'ok';
    } catch (error) {
      return error.code;
    }
  }, [{ host: '127.0.0.1', port, security, auth }]);

  await t.test('the phone’s TLS refuses an authority that it does not know, and takes it once it does', async () => {
    assert.equal(await connect('tls', server.tlsPort), 'ECERT');
    assert.equal(await connect('starttls', server.port), 'ECERT');
    await page.run('trust', (ca) => {
      const base64 = ca.replace(/-----[^-]+-----|\s/g, '');
      Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).addCertFromBase64(base64, 'CT,C,C');
    }, [server.ca]);
    assert.equal(await connect('tls', server.tlsPort), 'ok');
    assert.equal(await connect('starttls', server.port), 'ok');
  });

  await page.run('close', () => window.wire.close());
  await page.close();
});
