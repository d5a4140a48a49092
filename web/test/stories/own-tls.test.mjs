// TLS of our own in every engine that has it: what makes a phone with old
// roots, and one without WebAssembly, reach a server of today.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { missing } from '../requirements.mjs';
import { makeCertificate, makeSelfSigned } from '../servers/certificates.mjs';
import * as ngircd from '../servers/ngircd.mjs';
import { MODES, enginesOf, openStage } from './stage.mjs';

const STRANGER = 'other.kaiwire.test';
const EXPIRED = 'expired.kaiwire.test';
const SELF_SIGNED = 'self-signed.kaiwire.test';
const TIMEOUT = 30_000;

/** A server that has a certificate and nothing to say; resolves with its address. */
async function present(t, { certFile, keyFile }) {
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) });
  server.on('secureConnection', (socket) => socket.on('error', () => socket.destroy()));
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  t.after(() => new Promise((resolve) => { server.close(resolve); }));
  return `127.0.0.1:${server.address().port}`;
}

test('chat over TLS of our own', { skip: missing('firefox-esr', 'ngircd', 'openssl') }, async (t) => {
  const server = await ngircd.start();
  t.after(server.stop);
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-own-tls-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const expired = await makeCertificate(folder, [EXPIRED], { expired: true });
  const stageOf = await openStage(t, {
    hosts: {
      [`${server.name}:6697`]: `127.0.0.1:${server.tlsPort}`,
      [`${STRANGER}:6697`]: `127.0.0.1:${server.tlsPort}`,
      [`${EXPIRED}:6697`]: await present(t, expired),
      [`${SELF_SIGNED}:6697`]: await present(t, await makeSelfSigned(folder, SELF_SIGNED)),
    },
  });

  for (const engine of enginesOf('irc', 'own')) {
    for (const { mode, worker } of MODES) {
      await t.test(`${mode}, ${engine}`, async (t) => {
        // The phone trusts nobody: what works is ours.
        const page = await stageOf.open({ modules: ['irc'], tls: 'own', engine, worker });
        const outcome = (host, tls) => page.run(`connect to ${host}`, (host, tls, timeout) => (
          stage.outcome(stage.wire.irc.connect({ host, nick: 'anna', tls, timeout })).then(({ error }) => error && [error.code, error.trust && error.trust.cause])),
        [host, tls, TIMEOUT], { timeout: 2 * TIMEOUT });

        await t.test('a server whose authority the app brings', async () => {
          const heard = await page.run('talk', async (host, roots, timeout) => {
            const connect = (nick) => stage.wire.irc.connect({ host, nick, tls: { roots }, timeout });
            const [anna, ben] = [await connect('anna'), await connect('ben')];
            await anna.join('#kai');
            await ben.join('#kai');
            const next = new Promise((resolve) => ben.once('message', resolve));
            await anna.send('#kai', 'नमस्ते 🙏');
            const { nick, text } = await next;
            await anna.quit();
            await ben.quit();
            return [nick, text];
          }, [server.name, server.ca, TIMEOUT], { timeout: 2 * TIMEOUT });
          assert.deepEqual(heard, ['anna', 'नमस्ते 🙏']);
        });
        await t.test('one whose authority is not known', async () => {
          assert.deepEqual(await outcome(server.name), ['ECERT_UNTRUSTED', 'unknown-root']);
        });
        await t.test('one of another name', async () => {
          assert.deepEqual(await outcome(STRANGER, { roots: server.ca }), ['ECERT_HOST', 'wrong-host']);
        });
        await t.test('one whose certificate has expired', async () => {
          assert.deepEqual(await outcome(EXPIRED, { roots: expired.ca }), ['ECERT_EXPIRED', 'expired']);
        });
        await t.test('one that has signed its certificate itself', async () => {
          assert.deepEqual(await outcome(SELF_SIGNED, { roots: server.ca }), ['ECERT_UNTRUSTED', 'self-signed']);
        });
        await page.close();
      });
    }
  }
});
