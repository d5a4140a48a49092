// IMAP as an app has it, against Dovecot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as dovecot from '../servers/dovecot.mjs';
import { large, mixed, plain, sha256 } from './mail.mjs';
import { modesOf, openStage } from './stage.mjs';

test('IMAP', { skip: missing('firefox-esr', 'dovecot', 'openssl') }, async (t) => {
  const server = await dovecot.start();
  t.after(server.stop);
  const host = server.name;
  const stageOf = await openStage(t, {
    hosts: { [`${host}:143`]: `127.0.0.1:${server.port}`, [`${host}:993`]: `127.0.0.1:${server.tlsPort}` },
    ca: server.ca,
  });

  for (const [i, { mode, worker, engine }] of modesOf('imap').entries()) {
    await t.test(`reading and changing mail, ${mode}`, async (t) => {
      const user = Object.keys(server.users)[i]; // the modes do not see each other's mail
      const auth = { user, pass: server.users[user] };
      for (const message of [plain, mixed, large]) await server.deliver(user, 'INBOX', message);
      const page = await stageOf.open({ modules: ['imap'], worker, engine });

      await t.test('login and select', async () => {
        const { capabilities, mailbox } = await page.run('connect', async (options) => {
          const session = stage.held.session = await stage.wire.imap.connect(options);
          return { capabilities: session.capabilities, mailbox: session.mailbox };
        }, [{ host, security: 'none', auth }]);
        assert.ok(capabilities.includes('IDLE'), capabilities.join());
        assert.equal(mailbox.name, 'INBOX');
        assert.equal(mailbox.exists, 3);
        assert.equal(mailbox.uidNext, 4);
        assert.equal(mailbox.readOnly, false);
        assert.ok(mailbox.flags.includes('\\Seen'));
      });

      await t.test('list', async () => {
        const list = await page.run('list', () => stage.held.session.list());
        const uses = Object.fromEntries(list.map(({ name, specialUse }) => [name, specialUse]));
        assert.deepEqual(uses, {
          INBOX: undefined, Drafts: '\\Drafts', Sent: '\\Sent', Trash: '\\Trash', Archive: '\\Archive', Junk: '\\Junk',
        });
        assert.equal(list.find(({ name }) => name === 'INBOX').delimiter, '/');
      });

      await t.test('envelopes, sizes and flags', async () => {
        const messages = await page.run('fetch', () =>
          stage.held.session.fetch('1:*', { envelope: true, size: true, flags: true, internalDate: true }));
        assert.deepEqual(messages.map(({ seq, uid, size }) => [seq, uid, size]),
          [[1, 1, plain.length], [2, 2, mixed.length], [3, 3, large.length]]);
        const { envelope, flags, internalDate } = messages[0];
        assert.equal(envelope.subject, 'Hello — namaste 🙏');
        assert.equal(envelope.messageId, 'plain@kaiwire.test');
        assert.deepEqual(envelope.inReplyTo, ['earlier@kaiwire.test']);
        assert.deepEqual(envelope.from, [{ name: 'Bob Baker', address: 'bob@kaiwire.test' }]);
        assert.deepEqual(envelope.to, [
          { name: 'Alice', address: 'alice@kaiwire.test' }, { name: '', address: 'carol@kaiwire.test' },
        ]);
        assert.deepEqual(envelope.cc, [{ name: 'Dan, the man', address: 'dan@kaiwire.test' }]);
        assert.equal(Date.parse(envelope.date), Date.UTC(2026, 0, 2, 9, 20, 30));
        assert.ok(!flags.includes('\\Seen'));
        assert.ok(Math.abs(Date.parse(internalDate) - Date.now()) < 10 * 60_000);
      });

      await t.test('structure and parts', async () => {
        const [message] = await page.run('structure', async () => {
          const messages = await stage.held.session.fetch(2, { bodyStructure: true, bodyParts: ['1', '2'], headers: ['Subject'] });
          const text = (bytes) => new TextDecoder().decode(bytes);
          return messages.map(({ bodyStructure, bodyParts, headers }) =>
            ({ bodyStructure, headers: text(headers), parts: { 1: text(bodyParts['1']), 2: text(bodyParts['2']) } }));
        });
        const { bodyStructure, parts, headers } = message;
        assert.equal(bodyStructure.type, 'multipart/mixed');
        const [text, file] = bodyStructure.childNodes;
        assert.deepEqual([text.part, text.type, text.lineCount], ['1', 'text/plain', 1]);
        assert.deepEqual([file.part, file.type, file.encoding.toLowerCase()], ['2', 'application/pdf', 'base64']);
        assert.deepEqual([file.disposition, file.dispositionParameters.filename], ['attachment', 'receipt.pdf']);
        assert.deepEqual(parts, { 1: 'See the file.\r\nIt is the receipt.', 2: 'JVBERi0xLjQK' });
        assert.equal(headers, 'Subject: The receipt\r\n\r\n');
      });

      await t.test('a message of 1 MiB, byte for byte', async () => {
        const got = await page.run('download', async () => {
          const download = await stage.held.session.download(3);
          const chunks = [];
          for (let chunk; (chunk = await download.read()) !== null;) chunks.push(chunk);
          return { size: download.size, sha256: await stage.sha256(await new Blob(chunks).arrayBuffer()) };
        });
        assert.deepEqual(got, { size: large.length, sha256: sha256(large) });
      });

      await t.test('search', async () => {
        const search = (query, options) => page.run('search', (query, options) => stage.held.session.search(query, options), [query, options]);
        assert.deepEqual(await search({ from: 'bob@kaiwire.test' }), [1]);
        assert.deepEqual(await search({ larger: 100_000 }), [3]);
        assert.deepEqual(await search({ or: [{ subject: 'receipt' }, { subject: 'mebibyte' }] }, { uid: true }), [2, 3]);
        assert.deepEqual(await search({ not: { all: true } }), []);
        assert.deepEqual(await search({ sentSince: '2026-01-03' }), [2, 3]);
      });

      await t.test('store', async () => {
        const flags = await page.run('store', async () => {
          const { session } = stage.held;
          await session.store(1, 'add', ['\\Seen', '\\Flagged', '$Label1']);
          await session.store(1, 'remove', ['\\Flagged']);
          return (await session.fetch(1, { flags: true }))[0].flags;
        });
        assert.ok(flags.includes('\\Seen') && flags.includes('$Label1') && !flags.includes('\\Flagged'), flags.join());
      });

      await t.test('append', async () => {
        const draft = 'Subject: Draft\r\n\r\nNot yet — finished\r\n';
        const { result, messages } = await page.run('append', async (draft) => {
          const { session } = stage.held;
          const result = await session.append('Drafts', draft, { flags: ['\\Draft', '\\Seen'], internalDate: '2026-01-05T06:07:08Z' });
          await session.select('Drafts', { readOnly: true });
          const messages = await session.fetch(result.uid, { uid: true, flags: true, internalDate: true, bodyParts: [''] });
          await session.select('INBOX');
          return { result, messages: messages.map((m) => ({ ...m, bodyParts: new TextDecoder().decode(m.bodyParts['']) })) };
        }, [draft]);
        assert.ok(result.uidValidity > 0);
        assert.equal(messages.length, 1);
        assert.equal(messages[0].uid, result.uid);
        assert.equal(messages[0].bodyParts, draft);
        assert.ok(messages[0].flags.includes('\\Draft'));
        assert.equal(Date.parse(messages[0].internalDate), Date.UTC(2026, 0, 5, 6, 7, 8));
      });

      await t.test('move', async () => {
        const { moved, exists, expunged, archive } = await page.run('move', async () => {
          const { session } = stage.held;
          const expunged = [];
          session.on('expunge', ({ seq }) => expunged.push(seq));
          const moved = await session.move(1, 'Archive', { uid: true });
          const archive = await session.status('Archive');
          return { moved, archive, expunged, exists: session.mailbox.exists };
        });
        assert.deepEqual([moved.sourceUids, moved.destUids], ['1', '1']);
        assert.deepEqual(expunged, [1]);
        assert.equal(exists, 2);
        assert.deepEqual([archive.messages, archive.unseen], [1, 0]);
      });

      await t.test('a refusal keeps the server’s code and the session', async () => {
        const { error } = await page.run('append to what is not there', () =>
          stage.outcome(stage.held.session.append('No such mailbox', 'Subject: x\r\n\r\n')));
        assert.deepEqual([error.name, error.code, error.protocol, error.response], ['KaiwireError', 'EREJECTED', 'imap', 'TRYCREATE']);
        assert.match(error.message, /No such mailbox/);
        await page.run('noop', () => stage.held.session.noop());
      });

      await t.test('IDLE wakes at a delivery', async () => {
        await page.run('idle', async () => {
          const { session } = stage.held;
          stage.held.woken = new Promise((resolve) => session.once('exists', resolve));
          stage.held.idle = await session.idle();
        });
        await server.deliver(user, 'INBOX', plain);
        assert.deepEqual(await page.run('wake', () => stage.held.woken), { count: 3 });
        const messages = await page.run('stop', async () => {
          await stage.held.idle.stop();
          return stage.held.session.fetch('*', { envelope: true });
        });
        assert.equal(messages[0].envelope.messageId, 'plain@kaiwire.test');
      });

      await t.test('logout', async () => {
        const end = await page.run('logout', async () => {
          const { session } = stage.held;
          const closed = new Promise((resolve) => session.once('close', resolve));
          await session.logout();
          const { error } = await closed;
          return { error: error && error.code, closed: session.closed, after: await stage.outcome(session.noop()) };
        });
        assert.equal(end.error, undefined);
        assert.equal(end.closed, true);
        assert.equal(end.after.error.code, 'ECLOSED');
      });

      await page.close();
    });

    await t.test(`secured by the phone, ${mode}`, async (t) => {
      const auth = { user: server.user, pass: server.pass };
      const page = await stageOf.open({ modules: ['imap'], worker, engine });

      for (const security of ['tls', 'starttls']) {
        await t.test(security, async () => {
          const subjects = await page.run(security, async (options) => {
            const session = await stage.wire.imap.connect(options);
            const messages = await session.fetch('1:*', { envelope: true });
            await session.logout();
            return messages.map(({ envelope }) => envelope.subject);
          }, [{ host, security, auth }]);
          assert.ok(subjects.includes('The receipt'), subjects.join());
        });
      }
      await page.close();

      await t.test('an authority that is not trusted', async () => {
        const page = await stageOf.open({ modules: ['imap'], worker, engine, relay: await stageOf.raise() });
        for (const security of ['tls', 'starttls']) {
          const { error } = await page.run(security, (options) => stage.outcome(stage.wire.imap.connect(options)),
            [{ host, security, auth, timeout: 10_000 }]);
          assert.deepEqual([error.code, error.retry], ['ECERT', 'never'], security);
        }
        await page.close();
      });
    });
  }
});
