// POP3 as an app has it, against Dovecot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as dovecot from '../servers/dovecot.mjs';
import { large, mixed, plain, sha256 } from './mail.mjs';
import { modesOf, openStage } from './stage.mjs';

test('POP3', { skip: missing('firefox-esr', 'dovecot', 'pop3-login', 'openssl') }, async (t) => {
  const server = await dovecot.start({ pop3: true });
  t.after(server.stop);
  const host = server.name;
  const stageOf = await openStage(t, {
    hosts: { [`${host}:110`]: `127.0.0.1:${server.ports.pop3}`, [`${host}:995`]: `127.0.0.1:${server.ports.pop3Tls}` },
    ca: server.ca,
  });

  for (const [i, { mode, worker, engine }] of modesOf('pop3').entries()) {
    await t.test(mode, async (t) => {
      const user = Object.keys(server.users)[i]; // the modes do not see each other's mail
      for (const message of [plain, mixed, large]) await server.deliver(user, 'INBOX', message);
      const page = await stageOf.open({ modules: ['pop3'], worker, engine });
      await page.run('helpers', (host, auth) => {
        stage.box = (more) => stage.wire.pop3.connect({ host, auth, ...more });
      }, [host, { user, pass: server.users[user] }]);

      for (const [how, security] of [['STLS', 'starttls'], ['TLS', 'tls'], ['no TLS', 'none']]) {
        await t.test(`what is there, by ${how}, ${mode}`, async () => {
          const got = await page.run('look', async (security) => {
            const session = await stage.box({ security });
            const [stat, list, uidl, size] = await Promise.all([session.stat(), session.list(), session.uidl(), session.size(2)]);
            await session.noop();
            await session.quit();
            return { stat, list, uidl, size, capabilities: session.capabilities };
          }, [security]);
          const sizes = [plain.length, mixed.length, large.length];
          assert.deepEqual(got.stat, { messages: 3, size: sizes.reduce((a, b) => a + b) });
          assert.deepEqual(got.list, sizes.map((size, i) => ({ message: i + 1, size })));
          assert.equal(got.size, mixed.length);
          assert.deepEqual(got.uidl.map(({ message }) => message), [1, 2, 3]);
          assert.equal(new Set(got.uidl.map(({ uid }) => uid)).size, 3);
          assert.ok(got.capabilities.includes('PIPELINING'), got.capabilities.join());
        });
      }

      await t.test(`headers of many at once, ${mode}`, async () => {
        const got = await page.run('top', async () => {
          const session = await stage.box();
          const all = await Promise.all([1, 2, 3].map((n) => session.top(n, n === 1 ? 1 : 0)));
          await session.quit();
          return all.map((bytes) => new TextDecoder().decode(bytes));
        });
        const header = (message) => message.toString().split('\r\n\r\n')[0] + '\r\n\r\n';
        assert.ok(got[0].startsWith(header(plain)) && got[0].length > header(plain).length, got[0]);
        assert.deepEqual(got.slice(1), [mixed, large].map(header));
      });

      await t.test(`a message of 1 MiB, byte for byte, ${mode}`, async () => {
        const got = await page.run('retr', async () => {
          const session = await stage.box();
          const download = await session.retr(3, { window: 100_000 });
          const waiting = session.noop(); // its turn comes when the message has been read
          const chunks = [];
          const sizes = [];
          for (let chunk; (chunk = await download.read()) !== null;) {
            chunks.push(chunk);
            sizes.push(chunk.length);
          }
          await waiting;
          const { size, received } = download;
          await session.quit();
          return { size, received, sizes, sha256: await stage.sha256(await new Blob(chunks).arrayBuffer()) };
        });
        assert.deepEqual([got.size, got.received, got.sha256], [large.length, large.length, sha256(large)]);
        assert.ok(got.sizes.slice(0, -1).every((size) => size === 100_000), got.sizes.join());
      });

      await t.test(`a small message that is closed gives the session back, ${mode}`, async () => {
        const { again, stat } = await page.run('close', async () => {
          const session = await stage.box();
          const download = await session.retr(1);
          await download.close();
          const stat = await session.stat();
          const again = await stage.outcome(download.read());
          await session.quit();
          return { again: again.error.code, stat };
        });
        assert.equal(again, 'ECLOSED');
        assert.equal(stat.messages, 3);
      });

      await t.test(`deleting, and thinking better of it, ${mode}`, async () => {
        const got = await page.run('dele', async () => {
          const session = await stage.box();
          await session.dele([1, 2, 3]);
          const marked = await session.stat();
          const gone = await stage.outcome(session.retr(1));
          await session.rset();
          await session.dele(2);
          await session.quit();
          const after = await stage.box();
          const list = await after.list();
          await after.quit();
          return { marked, gone: gone.error, list, closed: session.closed, noop: (await stage.outcome(session.noop())).error.code };
        });
        assert.deepEqual(got.marked.messages, 0);
        assert.deepEqual([got.gone.code, got.gone.protocol], ['EREJECTED', 'pop3']);
        assert.deepEqual(got.list.map(({ size }) => size), [plain.length, large.length]);
        assert.deepEqual([got.closed, got.noop], [true, 'ECLOSED']);
      });

      await t.test(`what goes wrong says why, ${mode}`, async () => {
        const got = await page.run('errors', async () => {
          const wrong = await stage.outcome(stage.box({ auth: { user: 'alice', pass: 'wrong' } }));
          const session = await stage.box();
          const number = await stage.outcome(session.retr(0));
          const dele = await stage.outcome(session.dele('1'));
          const closed = new Promise((resolve) => session.on('close', ({ error }) => resolve(error === undefined)));
          await session.close();
          return { wrong: wrong.error, number: number.error.code, dele: dele.error.code, closed: await closed };
        });
        assert.deepEqual([got.wrong.code, got.wrong.response, got.wrong.protocol], ['EAUTH', 'AUTH', 'pop3']);
        assert.deepEqual([got.number, got.dele, got.closed], ['EINVAL', 'EINVAL', true]);
      });

      await page.close();
    });
  }
});
