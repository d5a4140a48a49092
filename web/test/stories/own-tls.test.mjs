// TLS of our own in every engine that has it: what makes a phone with old
// roots, and one without WebAssembly, reach a server of today.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as ngircd from '../servers/ngircd.mjs';
import { MODES, enginesOf, openStage } from './stage.mjs';

const STRANGER = 'other.kaiwire.test';
const TIMEOUT = 30_000;

test('chat over TLS of our own', { skip: missing('firefox-esr', 'ngircd', 'openssl') }, async (t) => {
  const server = await ngircd.start();
  t.after(server.stop);
  const stageOf = await openStage(t, {
    hosts: { [`${server.name}:6697`]: `127.0.0.1:${server.tlsPort}`, [`${STRANGER}:6697`]: `127.0.0.1:${server.tlsPort}` },
  });

  for (const engine of enginesOf('irc', 'own')) {
    for (const { mode, worker } of MODES) {
      await t.test(`${mode}, ${engine}`, async (t) => {
        // The phone trusts nobody: what works is ours.
        const page = await stageOf.open({ modules: ['irc'], tls: 'own', engine, worker });
        const outcome = (host, tls) => page.run(`connect to ${host}`, (host, tls, timeout) => (
          stage.outcome(stage.wire.irc.connect({ host, nick: 'anna', tls, timeout })).then(({ error }) => error && error.code)),
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
          assert.equal(await outcome(server.name), 'ECERT_UNTRUSTED');
        });
        await t.test('one of another name', async () => {
          assert.equal(await outcome(STRANGER, { roots: server.ca }), 'ECERT_HOST');
        });
        await page.close();
      });
    }
  }
});
