// What an app does with IMAP, as its author would write it, against Dovecot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import { startBetween } from '../servers/between.mjs';
import * as dovecot from '../servers/dovecot.mjs';
import { mixed, plain } from './mail.mjs';
import { modesOf, openStage } from './stage.mjs';

const numbered = (n) => Buffer.from(`From: Bob <bob@kaiwire.test>\r\nSubject: Number ${n}\r\n\r\nThis is what number ${n} says.\r\n`);

test('IMAP recipes', { skip: missing('firefox-esr', 'dovecot', 'openssl') }, async (t) => {
  const server = await dovecot.start();
  t.after(server.stop);
  const host = server.name;
  const network = await startBetween(server.port);
  t.after(network.stop);
  const stageOf = await openStage(t, { hosts: { [`${host}:993`]: `127.0.0.1:${server.tlsPort}`, [`${host}:143`]: `127.0.0.1:${network.port}` }, ca: server.ca });

  for (const [i, { mode, worker, engine }] of modesOf('imap').entries()) {
    await t.test(mode, async (t) => {
      const user = Object.keys(server.users)[i]; // the modes do not see each other's mail
      for (let n = 1; n <= 24; n++) await server.deliver(user, 'INBOX', numbered(n));
      await server.deliver(user, 'INBOX', mixed);
      const page = await stageOf.open({ modules: ['imap', 'mime'], worker, engine });
      await page.run('account', (account) => { stage.account = account; }, [{ host, auth: { user, pass: server.users[user] } }]);

      await t.test('unread count', async () => {
        const unread = await page.run('unread count', async () => {
          const session = await stage.wire.imap.connect({ ...stage.account, mailbox: null });
          const { unseen } = await session.status('INBOX', { unseen: true });
          await session.logout();
          return unseen;
        });
        assert.equal(unread, 25);
      });

      await t.test('newest 20 with preview', async () => {
        const rows = await page.run('newest 20', async () => {
          const session = await stage.wire.imap.connect(stage.account);
          const { exists } = session.mailbox;
          const preview = await session.has('PREVIEW');
          const messages = exists === 0 ? [] : await session.fetch(`${Math.max(1, exists - 19)}:*`, { envelope: true, flags: true, preview });
          await session.logout();
          return messages.reverse().map(({ uid, envelope, flags, preview }) => ({ uid, subject: envelope.subject, seen: flags.includes('\\Seen'), preview }));
        });
        assert.equal(rows.length, 20);
        assert.deepEqual(rows[0], { uid: 25, subject: 'The receipt', seen: false, preview: 'See the file. It is the receipt.' });
        assert.deepEqual(rows[19], { uid: 6, subject: 'Number 6', seen: false, preview: 'This is what number 6 says.' });
      });

      await t.test('open a message with its attachments', async () => {
        const shown = await page.run('open a message', async () => {
          const session = await stage.wire.imap.connect(stage.account);
          const message = await session.open(25);
          const [attachment] = message.attachments;
          const download = await attachment.download();
          const chunks = [];
          let progress = 0;
          for (let chunk; (chunk = await download.read()) !== null;) {
            chunks.push(chunk);
            progress = download.received / download.size;
          }
          const file = new Blob(chunks, { type: attachment.type });
          await session.store(25, 'add', ['\\Seen'], { uid: true });
          await session.logout();
          return { subject: message.subject, from: message.from, text: message.text, name: attachment.filename, type: file.type, file: await file.text(), progress };
        });
        assert.deepEqual(shown, {
          subject: 'The receipt', from: [{ name: '', address: 'carol@kaiwire.test' }], text: 'See the file.\nIt is the receipt.', name: 'receipt.pdf', type: 'application/pdf', file: '%PDF-1.4\n', progress: 1,
        });
      });

      await t.test('write a message with an attachment, and keep it among the sent', async () => {
        const shown = await page.run('compose', async (user) => {
          const session = await stage.wire.imap.connect(stage.account);
          const picture = new Blob([new Uint8Array(200000).map((_, i) => i * i)]);
          const draft = await stage.wire.mime.compose({
            from: { name: 'Asha Ünal', address: `${user}@kaiwire.test` },
            to: 'Bob Baker <bob@kaiwire.test>, carol@kaiwire.test',
            bcc: 'dan@kaiwire.test',
            subject: 'A picture — नमस्ते',
            text: 'Here it is.\nYours, Asha',
            attachments: [{ filename: 'naïve sunset.jpg', content: picture }],
          });
          const { size, envelope } = draft;
          const bytes = await draft.bytes();
          const { uid } = await session.append('INBOX', bytes, { flags: ['\\Seen'] });
          const sent = await session.open(uid);
          const download = await sent.attachments[0].download();
          let received = 0;
          for (let chunk; (chunk = await download.read()) !== null;) received += chunk.length;
          await session.store(uid, 'add', ['\\Deleted'], { uid: true });
          await session.expunge({ uids: [uid] });
          await session.logout();
          const { subject, from, to, bcc, text, attachments: [{ filename, type }] } = sent;
          return { whole: size === bytes.length, closed: draft.closed, envelope, subject, from: from[0], to: to.length, bcc, text: text.trim(), filename, type, received };
        }, [user]);
        assert.deepEqual(shown, {
          whole: true, closed: true, envelope: { from: `${user}@kaiwire.test`, to: ['bob@kaiwire.test', 'carol@kaiwire.test', 'dan@kaiwire.test'] },
          subject: 'A picture — नमस्ते', from: { name: 'Asha Ünal', address: `${user}@kaiwire.test` }, to: 2, bcc: [], text: 'Here it is.\nYours, Asha',
          filename: 'naïve sunset.jpg', type: 'image/jpeg', received: 200000,
        });
      });

      await t.test('wait for new mail', async () => {
        await page.run('idle', async () => {
          const session = stage.held.session = await stage.wire.imap.connect(stage.account);
          let { uidNext } = session.mailbox;
          stage.held.mail = new Promise((resolve) => {
            session.on('exists', async () => {
              const messages = await session.fetch(`${uidNext}:*`, { uid: true, envelope: true });
              for (const { uid } of messages) uidNext = Math.max(uidNext, uid + 1);
              if (messages.length > 0) resolve(messages.map(({ envelope }) => envelope.subject));
            });
          });
          await session.idle();
        });
        await server.deliver(user, 'INBOX', plain);
        assert.deepEqual(await page.run('mail', () => stage.held.mail), ['Hello — namaste 🙏']);
        await page.run('logout', () => stage.held.session.logout());
      });

      await t.test('sync at start', async () => {
        // What the app keeps, by UID; its next start finds it in a database.
        await page.run('app', () => {
          const kept = new Map();
          let state = null;
          stage.start = async () => {
            const session = await stage.wire.imap.connect({ ...stage.account, mailbox: null });
            const news = await session.sync('INBOX', state);
            if (news.reset) kept.clear();
            for (const uid of news.vanished) kept.delete(uid);
            for (const { uid, flags } of news.changed) kept.get(uid).flags = flags;
            if (news.added.length > 0) {
              await session.fetch(news.added, { uid: true, flags: true, envelope: true,
                onMessages: (messages) => { for (const message of messages) kept.set(message.uid, message); } });
            }
            state = news.state;
            await session.logout();
            const { reset, added, changed, vanished } = news;
            return { news: { reset, added: added.length, changed: changed.map(({ uid }) => uid), vanished }, kept: kept.size, length: state.length,
              flagged: [...kept.values()].filter(({ flags }) => flags.includes('\\Flagged')).map(({ uid }) => uid) };
          };
        });
        const first = await page.run('first start', () => stage.start());
        assert.deepEqual(first.news, { reset: true, added: 26, changed: [], vanished: [] });
        assert.equal(first.kept, 26);
        assert.ok(first.length < 100, `a state of ${first.length} bytes`);

        await page.run('meanwhile, elsewhere', async () => {
          const other = await stage.wire.imap.connect(stage.account);
          await other.store([4, 5], 'add', ['\\Flagged'], { uid: true });
          await other.move('1:3,25', 'Trash', { uid: true });
          await other.logout();
        });
        await server.deliver(user, 'INBOX', numbered(27));
        const second = await page.run('second start', () => stage.start());
        assert.deepEqual(second.news, { reset: false, added: 1, changed: [4, 5], vanished: [1, 2, 3, 25] });
        assert.deepEqual([second.kept, second.flagged], [23, [4, 5]]);
        const third = await page.run('third start', () => stage.start());
        assert.deepEqual(third.news, { reset: false, added: 0, changed: [], vanished: [] });

        const anew = await page.run('a mailbox that is made anew', async () => {
          const session = await stage.wire.imap.connect({ ...stage.account, mailbox: null });
          await session.create('Anew');
          const { state } = await session.sync('Anew');
          await session.unselect();
          await session.delete('Anew');
          await session.create('Anew');
          const { reset } = await session.sync('Anew', state);
          await session.logout();
          return reset;
        });
        assert.equal(anew, true);
      });

      await t.test('survive a lost network', async () => {
        await page.run('before the loss', async () => {
          const { held, account } = stage;
          const session = held.session = await stage.wire.imap.connect({ ...account, security: 'none', mailbox: null, reconnect: true });
          held.events = [];
          for (const event of ['disconnect', 'reconnect', 'exists', 'close']) session.on(event, (value) => held.events.push([event, value]));
          const next = (event) => new Promise((resolve) => { session.once(event, resolve); });
          Object.assign(held, { lost: next('disconnect'), back: next('reconnect'), news: next('exists'), before: await session.sync('INBOX') });
          held.watch = await session.idle();
        });
        network.drop();
        const lost = await page.run('the loss', async () => {
          const { error, wait } = await stage.held.lost;
          return [error.name, error.code, wait >= 1000 && wait <= 2000, (await stage.outcome(stage.held.session.noop())).error.code];
        });
        assert.deepEqual(lost, ['KaiwireError', 'ECONNRESET', true, 'ECONNRESET']);
        await server.deliver(user, 'INBOX', numbered(28));
        const back = await page.run('the network is back', async () => {
          const { held } = stage;
          await held.session.retry();
          const { mailbox, changes } = await held.back;
          return { known: held.before.added.length, mailbox: mailbox.name, same: held.session.mailbox.uidNext === mailbox.uidNext,
            reset: changes.reset, added: changes.added.length, vanished: changes.vanished, other: changes.state !== held.before.state };
        });
        assert.ok(back.known > 20);
        assert.deepEqual(back, { known: back.known, mailbox: 'INBOX', same: true, reset: false, added: 1, vanished: [], other: true });
        await server.deliver(user, 'INBOX', numbered(29)); // it waits for news again
        const events = await page.run('after the loss', async () => {
          const { held } = stage;
          await held.news;
          await held.watch.stop();
          const exists = held.session.mailbox.exists;
          await held.session.logout();
          return { exists, told: held.events.map(([event]) => event).filter((event) => event !== 'exists') };
        });
        assert.deepEqual(events, { exists: back.known + 2, told: ['disconnect', 'reconnect', 'close'] });
      });

      await page.close();
    });
  }
});
