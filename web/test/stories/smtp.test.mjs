// SMTP as an app has it: against Dovecot's submission service, which hands on to the server of the native tests, and against that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as dovecot from '../servers/dovecot.mjs';
import * as post from '../servers/post.mjs';
import { large, plain, sha256 } from './mail.mjs';
import { modesOf, openStage } from './stage.mjs';

const envelope = { from: 'alice@kaiwire.test', to: ['bob@kaiwire.test'] };

test('SMTP', { skip: missing('firefox-esr', 'dovecot', 'submission-login', 'openssl') }, async (t) => {
  const box = await post.start({ MaxSize: 8 << 20 });
  t.after(box.stop);
  const server = await dovecot.start({ submission: { port: box.relay } });
  t.after(server.stop);
  const host = server.name;
  const stageOf = await openStage(t, {
    hosts: {
      [`${host}:587`]: `127.0.0.1:${server.ports.submission}`, [`${host}:465`]: `127.0.0.1:${server.ports.submissionTls}`,
      'box.test:587': `127.0.0.1:${box.smtp}`, 'box.test:110': `127.0.0.1:${box.pop3}`, 'box.test:143': `127.0.0.1:${box.imap}`,
    },
    ca: server.ca,
  });

  for (const { mode, worker, engine } of modesOf('smtp')) {
    await t.test(mode, async (t) => {
      const page = await stageOf.open({ modules: ['smtp', 'pop3', 'imap', 'mime'], worker, engine });
      const auth = { user: server.user, pass: server.pass };
      const own = { host: 'box.test', security: 'none', auth: { user: box.user, pass: box.pass } };
      await page.run('helpers', (host, auth, own) => {
        stage.own = own;
        stage.post = (more) => stage.wire.smtp.connect({ host, auth, security: 'none', ...more });
        stage.box = (more) => stage.wire.smtp.connect({ ...own, ...more });
        /** Takes all that has come out of the box. */
        stage.collect = async () => {
          const session = await stage.wire.pop3.connect(own);
          const all = [];
          for (const { message } of await session.list()) {
            const download = await session.retr(message);
            const chunks = [];
            for (let chunk; (chunk = await download.read()) !== null;) chunks.push(chunk);
            all.push(new Blob(chunks));
            await session.dele(message);
          }
          await session.quit();
          return Promise.all(all.map(async (blob) => ({ size: blob.size, sha256: await stage.sha256(await blob.arrayBuffer()), text: await blob.slice(0, 2000).text() })));
        };
      }, [host, auth, own]);

      for (const [how, security] of [['STARTTLS', 'starttls'], ['TLS', 'tls'], ['no TLS', 'none']]) {
        await t.test(`a message by ${how}, ${mode}`, async () => {
          const { result, got, capabilities, closed } = await page.run('send', async (security, envelope, raw) => {
            const session = await stage.post({ security });
            const closed = new Promise((resolve) => session.on('close', resolve));
            const result = await session.send({ envelope, raw });
            await session.noop();
            await session.quit();
            return { result, got: await stage.collect(), capabilities: session.capabilities, closed: await closed };
          }, [security, envelope, plain.toString()]);
          assert.deepEqual([result.accepted, result.rejected, result.rejectedErrors], [envelope.to, [], []]);
          assert.equal(result.size, plain.length);
          assert.ok(capabilities.includes('CHUNKING'), capabilities.join());
          assert.deepEqual(closed, {});
          assert.equal(got.length, 1);
          assert.ok(got[0].text.endsWith(plain.toString()), got[0].text);
        });
      }

      await t.test(`a large message, window by window, ${mode}`, async () => {
        for (const chunking of [true, false]) {
          for (const kind of ['bytes', 'blob', 'stream']) {
            const { result, steps, got } = await page.run(`send ${kind}`, async (envelope, base64, chunking, kind) => {
              const session = await stage.box({ chunking });
              const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
              const raw = kind === 'bytes' ? bytes : kind === 'blob' ? new Blob([bytes]) : new Blob([bytes]).stream();
              const steps = [];
              const result = await session.send({ envelope, raw, onProgress: ({ sent, size }) => steps.push([sent, size]) });
              await session.quit();
              return { result, steps, got: await stage.collect() };
            }, [envelope, large.toString('base64'), chunking, kind]);
            assert.deepEqual(got.map(({ sha256 }) => sha256), [sha256(large)], `${kind}, ${chunking}`);
            assert.equal(result.size, large.length);
            assert.ok(steps.length >= large.length / 65536, `${steps.length} steps`);
            assert.deepEqual(steps[steps.length - 1], [large.length, kind === 'stream' ? undefined : large.length]);
          }
        }
      });

      await t.test(`what is sent can be read by IMAP, ${mode}`, async () => {
        const subjects = await page.run('read', async (own, envelope) => {
          const session = await stage.box();
          await session.send({ envelope, raw: 'Subject: for IMAP\n\nHello\n' });
          await session.quit();
          await stage.collect();
          const inbox = await stage.wire.imap.connect(own);
          const list = await inbox.fetch('*', { envelope: true });
          await inbox.logout();
          return list.map((m) => m.envelope.subject);
        }, [own, envelope]);
        assert.deepEqual(subjects, ['for IMAP']);
      });

      await t.test(`send with attachment, ${mode}`, async () => {
        const { progress, ...shown } = await page.run('send with attachment', async () => {
          const photo = new Blob([new Uint8Array(300_000).map((_, i) => i * i)]);
          const mail = await stage.wire.mime.compose({
            from: 'Asha <alice@kaiwire.test>', to: 'Bob <bob@kaiwire.test>', bcc: 'carol@kaiwire.test', subject: 'धूप', text: 'From the balcony.',
            attachments: [{ filename: 'sun.jpg', content: photo }],
          });
          const { envelope, size } = mail;
          const session = await stage.box();
          const progress = [];
          const { accepted, size: sent } = await session.send({ envelope, raw: mail, size, onProgress: (told) => progress.push(told.sent / told.size) });
          await session.quit();
          const inbox = await stage.wire.imap.connect(stage.own);
          const [{ uid }] = await inbox.fetch('*', { uid: true });
          const message = await inbox.open(uid);
          const download = await message.attachments[0].download();
          const pieces = [];
          for (let piece; (piece = await download.read()) !== null;) pieces.push(piece);
          await inbox.logout();
          await stage.collect();
          const same = await stage.sha256(await new Blob(pieces).arrayBuffer()) === await stage.sha256(await photo.arrayBuffer());
          return { accepted, whole: sent === size, progress, subject: message.subject, text: message.text.trim(), bcc: message.bcc, file: message.attachments[0].filename, same };
        });
        assert.deepEqual(shown, { accepted: ['bob@kaiwire.test', 'carol@kaiwire.test'], whole: true, subject: 'धूप', text: 'From the balcony.', bcc: [], file: 'sun.jpg', same: true });
        assert.ok(progress.length > 3 && progress[progress.length - 1] === 1, progress.join());
      });

      await t.test(`each recipient has an answer of its own, ${mode}`, async () => {
        const { some, none, got } = await page.run('send', async () => {
          const session = await stage.box();
          const to = ['nobody@kaiwire.test', 'bob@kaiwire.test', 'later@kaiwire.test'];
          const plainly = (errors) => errors.map(({ recipient, code, response, retry }) => [recipient, code, response, retry]);
          const some = await session.send({ envelope: { to }, raw: 'Subject: x\r\n\r\n' });
          // Large enough for the refusal to come before the end of it.
          const large = new Uint8Array(300_000).fill(10);
          const none = [];
          for (const raw of ['Subject: x\r\n\r\n', large]) {
            try {
              await session.send({ envelope: { to: [to[0], to[2]] }, raw });
            } catch (error) {
              none.push([error.code, error.response, error.message, plainly(error.rejectedErrors)]);
            }
          }
          await session.quit();
          return { some: { ...some, rejectedErrors: plainly(some.rejectedErrors) }, none, got: await stage.collect() };
        });
        const nobody = ['nobody@kaiwire.test', 'EREJECTED', '550 5.1.1', 'never'];
        const later = ['later@kaiwire.test', 'EBUSY', '450 4.2.0', 'later'];
        assert.deepEqual([some.accepted, some.rejected, some.rejectedErrors],
          [['bob@kaiwire.test'], ['nobody@kaiwire.test', 'later@kaiwire.test'], [nobody, later]]);
        const refused = ['EREJECTED', '550 5.1.1', 'No such user here', [nobody, later]];
        assert.deepEqual(none, [refused, refused]);
        assert.equal(got.length, 1);
      });

      await t.test(`a refusal leaves the session as it was, ${mode}`, async () => {
        const { codes, size, got } = await page.run('send', async (envelope) => {
          const session = await stage.post();
          const codes = [];
          const refused = async (to, from) => {
            const { error } = await stage.outcome(session.send({ envelope: { from, to }, raw: 'Subject: x\r\n\r\n' }));
            codes.push(error.code, error.response);
          };
          await refused('nobody@kaiwire.test');
          await refused('bob@kaiwire.test', '"a"@[v.0]'); // an address to us, and none to this server
          const { size } = await session.send({ envelope, raw: 'Subject: x\r\n\r\n' });
          await session.quit();
          return { codes, size, got: await stage.collect() };
        }, [envelope]);
        assert.deepEqual([codes[0], codes[1].slice(0, 3), codes[2]], ['EREJECTED', '550', 'EREJECTED']);
        assert.equal(size, 14);
        assert.equal(got.length, 1);
      });

      await t.test(`what can't be sent says why, ${mode}`, async () => {
        const outcomes = await page.run('send', async (envelope) => {
          const session = await stage.box();
          const send = async (message) => (await stage.outcome(session.send({ envelope, raw: 'Subject: x\r\n\r\n', ...message }))).error;
          const all = {
            address: await send({ envelope: { to: 'bob@kaiwire.test>\r\nRCPT TO:<eve@kaiwire.test' } }),
            name: await send({ envelope: { to: 'Bob <bob@kaiwire.test>' } }),
            recipient: await send({ envelope: {} }),
            raw: await send({ raw: 7 }),
            size: await send({ size: 9_000_000 }),
            secured: await send({ requireTLS: true }),
            wrong: (await stage.outcome(stage.post({ auth: { user: 'alice', pass: 'wrong' } }))).error,
            maxSize: session.maxSize,
          };
          // As nodemailer has it.
          await session.send({ envelope, raw: 'Subject: x\r\n\r\n', dsn: { id: 'a+b', return: 'headers', notify: ['success', 'failure'], recipient: 'bob@kaiwire.test' } });
          await session.quit();
          await stage.collect();
          return all;
        }, [envelope]);
        const { maxSize, ...errors } = outcomes;
        assert.equal(maxSize, 8 << 20);
        assert.deepEqual(Object.fromEntries(Object.entries(errors).map(([name, { code }]) => [name, code])), {
          address: 'EINVAL', name: 'EINVAL', recipient: 'EINVAL', raw: 'EINVAL', size: 'EMSGSIZE', secured: 'ENOTSUP', wrong: 'EAUTH',
        });
        assert.match(errors.wrong.response, /^535/);
      });

      await t.test(`a message whose source fails is not sent, ${mode}`, async () => {
        const { errors, got } = await page.run('send', async (envelope) => {
          const errors = [];
          const session = await stage.box();
          for (const good of [0, 3]) {
            let n = 0;
            const read = async () => {
              if (n++ < good) return 'x'.repeat(78).concat('\r\n').repeat(1000);
              throw new Error('the file is gone');
            };
            await session.send({ envelope, raw: { read } }).catch((error) => errors.push(error.message));
          }
          await session.noop(); // chunks can be called off
          const aborted = new AbortController();
          const endless = async () => {
            if (aborted.signal.aborted) return null;
            setTimeout(() => aborted.abort(), 0);
            return 'x\r\n'.repeat(1000);
          };
          await session.send({ envelope, raw: { read: endless }, signal: aborted.signal }).catch((error) => errors.push(error.code));
          await session.close();
          return { errors, got: await stage.collect() };
        }, [envelope]);
        assert.deepEqual(errors, ['the file is gone', 'the file is gone', 'ABORT_ERR']);
        assert.deepEqual(got, []);
      });

      await page.close();
    });
  }
});
