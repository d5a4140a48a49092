// What IMAP servers can do beyond the beginnings, as an app has it, against Dovecot.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import { startBetween } from '../servers/between.mjs';
import * as dovecot from '../servers/dovecot.mjs';
import { mixed, plain, sha256 } from './mail.mjs';
import { modesOf, openStage } from './stage.mjs';

/** Conversations as people have them: answers in any order, beginnings that are not there, lists, and what has no subject. */
const conversations = (() => {
  const message = (id, day, subject, references, { from = 'bob', to = 'alice', cc = '', lines = 1 } = {}) => Buffer.from([
    `From: ${from}@kaiwire.test`, `To: ${to}@kaiwire.test`, ...(cc && [`Cc: ${cc}@kaiwire.test`]), `Subject: ${subject}`, `Message-ID: <${id}@c.test>`,
    ...(references.length > 0 ? [`References: ${references.map((one) => `<${one}@c.test>`).join('\r\n ')}`] : []),
    `Date: ${day} Mar 2026 08:00:00 +0000`, '', ...new Array(lines).fill('and so on'), ''].join('\r\n'));
  return [
    message('a3', 5, 'Re: Lunch', ['a1', 'a2'], { from: 'dan', lines: 5 }),
    message('a1', 1, 'Lunch', [], { cc: 'carol' }),
    message('a4', 4, 'RE: Re: lunch', ['a1'], { from: 'Zoe', to: 'bob' }),
    message('b2', 6, 'Re: [list] Plans', ['b1'], { lines: 9 }),
    message('b3', 3, '[list] Re: Plans (fwd)', ['b1'], { from: 'erin' }),
    message('c1', 9, '=?UTF-8?Q?Wei=C3=9Fes_Rauschen?=', []),
    message('c2', 2, 'Fwd: =?UTF-8?Q?Wei=C3=9Fes_Rauschen?=', [], { from: 'ABE', cc: 'bob' }),
    message('d1', 8, '', []),
    message('d2', 7, '', ['d1'], { lines: 3 }),
    message('e3', 12, 'Re: far away', ['e0', 'e1', 'e2']),
    message('e4', 11, 'Re: far away', ['e0', 'e1', 'e2', 'e3']),
    message('e5', 10, 'far away', []),
    message('f1', 13, 'Plans', [], { to: 'carol' }),
    message('f2', 14, '[Fwd: Lunch]', []),
  ];
})();

test('IMAP extensions', { skip: missing('firefox-esr', 'dovecot', 'openssl') }, async (t) => {
  const server = await dovecot.start();
  t.after(server.stop);
  const host = server.name;
  // The same server, as one sees it that has less.
  const less = await startBetween(server.port, { hide: ['SORT', 'ESORT', 'THREAD=', 'NOTIFY', 'COMPRESS='] });
  t.after(less.stop);
  const stageOf = await openStage(t, { hosts: { [`${host}:143`]: `127.0.0.1:${server.port}`, [`less.${host}:143`]: `127.0.0.1:${less.port}` } });

  for (const [i, { mode, worker, engine }] of modesOf('imap').entries()) {
    await t.test(mode, async (t) => {
      const user = Object.keys(server.users)[i]; // the modes do not see each other's mail
      for (const message of [plain, mixed, plain]) await server.deliver(user, 'INBOX', message);
      const page = await stageOf.open({ modules: ['imap'], worker, engine });
      await page.run('connect', async (options) => {
        stage.connect = (more) => stage.wire.imap.connect({ ...options, ...more });
        stage.held.session = await stage.connect({ condstore: true });
      }, [{ host, security: 'none', auth: { user, pass: server.users[user] } }]);

      await t.test('who and what the server is', async () => {
        const found = await page.run('server', async () => {
          const { session } = stage.held;
          return {
            server: await session.id({ name: 'kaiwire', version: '1' }),
            namespace: await session.namespace(),
            quota: await session.has('quota'),
            gmail: await session.has('X-GM-EXT-1'),
            labels: (await stage.outcome(session.storeLabels(1, 'add', ['x']))).error,
          };
        });
        assert.equal(found.server.name, 'Dovecot');
        assert.deepEqual(found.namespace, { personal: [{ prefix: '', delimiter: '/' }], other: [], shared: [] });
        assert.deepEqual([found.quota, found.gmail], [true, false]);
        assert.equal(found.labels.code, 'ENOTSUP');
      });

      await t.test('mailboxes are made, listed with figures, renamed and removed', async () => {
        const found = await page.run('mailboxes', async () => {
          const { session } = stage.held;
          await session.create('Entwürfe 2026');
          await session.subscribe('Entwürfe 2026');
          const statusQuery = { messages: true, unseen: true, size: true, highestModseq: true };
          const list = await session.list('', ['INBOX', 'Entw*'], { statusQuery });
          const subscribed = await session.list('', '*', { subscribed: true });
          const uses = await session.list('', '*', { specialUse: true });
          await session.unsubscribe('Entwürfe 2026');
          await session.rename('Entwürfe 2026', 'Old/Entwürfe');
          const status = await session.status('Old/Entwürfe', { messages: true, uidNext: true });
          await session.delete('Old/Entwürfe');
          const after = await session.list('', ['Entw*', 'Old/%']);
          return { list, subscribed, uses, status, after: after.map(({ name }) => name) };
        });
        const [inbox, drafts] = ['INBOX', 'Entwürfe 2026'].map((name) => found.list.find((one) => one.name === name));
        assert.deepEqual([inbox.status.messages, inbox.status.unseen, inbox.status.size], [3, 3, 2 * plain.length + mixed.length]);
        assert.ok(Number(inbox.status.highestModseq) > 0);
        assert.deepEqual([drafts.subscribed, inbox.subscribed, drafts.status.messages], [true, false, 0]);
        assert.deepEqual(found.subscribed.map(({ name }) => name), ['Entwürfe 2026']);
        assert.deepEqual(found.uses.map(({ specialUse }) => specialUse).sort(), ['\\Archive', '\\Drafts', '\\Junk', '\\Sent', '\\Trash']);
        assert.deepEqual(found.status, { messages: 0, uidNext: 1 });
        assert.deepEqual(found.after, []);
      });

      await t.test('search, sort and thread', async () => {
        const found = await page.run('search', async () => {
          const { session } = stage.held;
          return {
            figures: await session.search({ seen: false }, { uid: true, returnOptions: ['min', 'max', 'count'] }),
            last: await session.search({}, { returnOptions: ['count', { partial: '-1:-2' }] }),
            saved: await session.search({ subject: 'receipt' }, { uid: true, returnOptions: ['save', 'all'] }),
            fetched: (await session.fetch('$', { uid: true, flags: true })).map(({ uid }) => uid),
            young: await session.search({ younger: 86_400_000, savedSince: new Date(Date.now() - 86_400_000 * 2) }),
            old: await session.search({ older: 86_400_000 }),
            on: await session.search({ sentOn: '2026-01-03' }),
            changed: await session.search({ modseq: '1' }, { returnOptions: ['all'] }),
            sorted: await session.sort(['subject', '-arrival'], {}, { uid: true }),
            largest: await session.sort('-size', { all: true }, { returnOptions: ['count'] }),
            threads: await session.thread('references', {}, { uid: true }),
            nested: (await stage.outcome(session.search({ not: { younger: 5000 } }))).error,
          };
        });
        assert.deepEqual(found.figures, { min: 1, max: 3, count: 3 });
        assert.deepEqual(found.last, { count: 3, partial: [2, 3] });
        assert.deepEqual([found.saved.all, found.fetched], [[2], [2]]);
        assert.deepEqual([found.young, found.old, found.on], [[1, 2, 3], [], [2]]);
        assert.deepEqual(found.changed.all, [1, 2, 3]);
        assert.ok(Number(found.changed.modseq) > 0);
        assert.equal(found.sorted.length, 3);
        assert.equal(found.sorted[2], 2); // “Hello” comes before “The receipt”
        assert.deepEqual(found.largest, { count: 3 });
        assert.equal(found.threads.flatMap(function all({ messages, threads }) { return [...messages, ...threads.flatMap(all)]; }).length, 3);
        assert.equal(found.nested.code, 'EINVAL');
      });

      await t.test('what a server can not sort or thread is put in the same order here', async () => {
        for (const message of conversations) await server.deliver(user, 'Junk', message);
        const found = await page.run('orders', async (host) => {
          const orders = async (session) => {
            const all = {};
            for (const by of ['arrival', '-cc', 'date', '-date', 'from', 'size', '-size', 'subject', '-subject', 'to', ['to', '-date'], ['subject', '-arrival']]) {
              all[by] = await session.sort(by, {}, { uid: true });
            }
            all.some = await session.sort('date', { seen: false }, { returnOptions: ['count', 'min', { partial: '2:4' }] });
            for (const algorithm of ['references', 'orderedsubject']) {
              for (const uid of [true, false]) if (await session.has(`THREAD=${algorithm}`) || session === less) all[algorithm + uid] = await session.thread(algorithm, { larger: 10 }, { uid });
            }
            return all;
          };
          const session = await stage.connect({ mailbox: 'Junk' });
          const less = await stage.connect({ host, mailbox: 'Junk' });
          const can = [await session.has('SORT'), await less.has('SORT'), await session.has('THREAD=REFERENCES'), await less.has('THREAD=REFERENCES')];
          const [theirs, ours] = [await orders(session), await orders(less)];
          await session.logout();
          await less.logout();
          return { can, theirs, ours };
        }, [`less.${host}`]);
        assert.deepEqual(found.can, [true, false, true, false]);
        assert.equal(found.ours.date.length, conversations.length);
        for (const [what, theirs] of Object.entries(found.theirs)) assert.deepEqual(found.ours[what], theirs, what);
        // Dovecot has it not.
        assert.equal(JSON.stringify(found.ours.orderedsubjecttrue).match(/\d+/g).length, conversations.length);
      });

      await t.test('what has changed is left alone', async () => {
        const found = await page.run('store', async () => {
          const { session } = stage.held;
          const [before] = await session.fetch(1, { modseq: true, uid: true });
          await session.store(1, 'add', ['\\Flagged'], { uid: true });
          const refused = await session.store('1:2', 'add', ['$Late'], { uid: true, unchangedSince: before.modseq });
          const done = await session.store('1:2', 'add', ['\\Answered'], { uid: true });
          const changed = await session.fetch('1:*', { uid: true, flags: true, modseq: true, saveDate: true, changedSince: before.modseq });
          return { before, refused, done, changed };
        });
        assert.equal(found.refused.modified, '1');
        assert.deepEqual(found.done, {});
        const [first] = found.changed;
        assert.equal(first.uid, 1);
        assert.ok(first.flags.includes('\\Flagged') && !first.flags.includes('$Late'), first.flags.join());
        assert.ok(Number(first.modseq) > Number(found.before.modseq));
        assert.ok(Math.abs(Date.parse(first.saveDate) - Date.now()) < 10 * 60_000);
      });

      await t.test('several messages at once, and one in the place of another', async () => {
        const found = await page.run('append', async () => {
          const { session } = stage.held;
          const text = (n) => `Subject: Draft ${n}\r\n\r\nNumber ${n} — not yet finished\r\n`;
          const added = await session.appendAll('Drafts', [
            { message: text(1), flags: ['\\Draft'] }, { message: new TextEncoder().encode(text(2)), internalDate: '2026-01-05T06:07:08Z' },
          ]);
          await session.select('Drafts');
          const replaced = await session.replace(added[0].uid, 'Drafts', text(3), { uid: true, flags: ['\\Draft'] });
          const messages = await session.fetch('1:*', { uid: true, flags: true, bodyParts: ['TEXT'] });
          await session.store('1:*', 'add', ['\\Deleted']);
          await session.expunge({ uids: added[1].uid });
          const left = await session.search({ all: true }, { uid: true });
          const limit = await session.appendLimit('Drafts');
          await session.closeMailbox();
          const closed = session.mailbox;
          const { messages: none } = await session.status('Drafts');
          await session.select('INBOX');
          const decode = ({ uid, bodyParts }) => [uid, new TextDecoder().decode(bodyParts.TEXT)];
          return { added, replaced, messages: messages.map(decode), left, limit, closed, none };
        });
        const [first, second] = found.added.map(({ uid }) => uid);
        assert.equal(second, first + 1);
        assert.deepEqual(found.messages, [[second, 'Number 2 — not yet finished\r\n'], [found.replaced.uid, 'Number 3 — not yet finished\r\n']]);
        assert.deepEqual(found.left, [found.replaced.uid]);
        assert.deepEqual([found.limit, found.closed, found.none], [null, null, 0]);
      });

      await t.test('a part comes decoded, in windows, while other calls go on', async () => {
        const attachment = Buffer.alloc(150_000, 'kaiwire ');
        const message = Buffer.from(`Subject: Photo\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n`
          + `Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9\r\n--b\r\n`
          + `Content-Type: image/jpeg\r\nContent-Disposition: attachment; filename="sea.jpg"\r\nContent-Transfer-Encoding: base64\r\n\r\n`
          + `${attachment.toString('base64').replace(/.{76}/g, '$&\r\n')}\r\n--b--\r\n`);
        await server.deliver(user, 'Archive', message);
        const found = await page.run('download', async () => {
          const { session } = stage.held;
          await session.select('Archive');
          const read = async (download) => {
            const chunks = [];
            const progress = [];
            for (let chunk; (chunk = await download.read()) !== null;) {
              chunks.push(chunk);
              progress.push(download.received / download.size);
              await session.noop();
            }
            return { bytes: new Uint8Array(await new Blob(chunks).arrayBuffer()), progress };
          };
          const text = await session.download(1, '1');
          const words = new TextDecoder(text.parameters.charset).decode((await read(text)).bytes);
          const photo = await session.download(1, '2', { uid: true, window: 32_768 });
          const { bytes, progress } = await read(photo);
          const stopped = await session.download(1, '2');
          await stopped.read();
          const pending = stage.outcome(stopped.read());
          await stopped.close();
          const outcome = { stopped: (await pending).error, none: (await stage.outcome(session.download(1, '3'))).error,
            nobody: (await stage.outcome(session.download(9999, '1', { uid: true }))).error };
          await session.select('INBOX');
          return { words, type: photo.type, filename: photo.filename, sha256: await stage.sha256(bytes.buffer), progress, ...outcome };
        });
        assert.equal(found.words, 'café');
        assert.deepEqual([found.type, found.filename], ['image/jpeg', 'sea.jpg']);
        assert.equal(found.sha256, sha256(attachment));
        assert.ok(found.progress.length > 5 && found.progress.every((part, i) => part <= 1 && part > (found.progress[i - 1] || 0)), found.progress.join());
        assert.equal(found.progress[found.progress.length - 1], 1);
        assert.deepEqual([found.stopped && found.stopped.code, found.none.code, found.nobody.code], ['ECLOSED', 'ENODATA', 'ENOTFOUND']);
      });

      await t.test('quota, rights and notes', async () => {
        const found = await page.run('administration', async (user) => {
          const { session } = stage.held;
          const before = await session.acl('INBOX');
          await session.setAcl('INBOX', 'zoe', 'lr');
          await session.setAcl('INBOX', 'zoe', '+s');
          const after = await session.acl('INBOX');
          await session.deleteAcl('INBOX', 'zoe');
          await session.setMetadata('INBOX', { '/private/comment': 'for me', '/private/vendor/kaiwire/color': 'blue' });
          const notes = await session.metadata('INBOX', '/private', { depth: 'infinity' });
          await session.setMetadata('INBOX', { '/private/comment': null });
          return { before, after, rights: await session.myRights('INBOX'), notes, user,
            left: await session.metadata('INBOX', ['/private/comment', '/private/vendor/kaiwire/color']),
            again: (await session.acl('INBOX')).length, quota: await session.quota(),
            limits: await stage.outcome(session.setQuota('User quota', { STORAGE: 1024 })) };
        }, [user]);
        const zoe = found.after.find(({ identifier }) => identifier === 'zoe');
        assert.deepEqual([...zoe.rights].sort(), ['l', 'r', 's']);
        assert.equal(found.again, found.before.length);
        assert.match(found.rights, /^[a-z]*a/);
        assert.deepEqual(found.notes, { '/private/comment': 'for me', '/private/vendor/kaiwire/color': 'blue' });
        assert.deepEqual(found.left, { '/private/vendor/kaiwire/color': 'blue' });
        const [{ root, resources }] = found.quota;
        const storage = resources.find(({ type }) => type === 'STORAGE');
        assert.deepEqual([root, storage.limit], ['User quota', 100 * 2 ** 20]);
        assert.ok(storage.usage > 200_000 && storage.usage < 10_000_000, storage.usage);
        assert.equal(found.limits.error.code, 'EREJECTED'); // not for everybody
      });

      await t.test('NOTIFY tells of mailboxes that are not open', async () => {
        await page.run('notify', async () => {
          const session = stage.held.notified = await stage.connect();
          stage.held.status = new Promise((resolve) => session.on('status', (status) => { if (status.mailbox === 'Sent') resolve(status); }));
          stage.held.made = new Promise((resolve) => session.on('mailbox', (made) => { if (made.name === 'Projects') resolve(made); }));
          await session.notify([
            { filter: 'selected', events: ['MessageNew', 'MessageExpunge'] },
            { filter: 'personal', events: ['MessageNew', 'MessageExpunge', 'MailboxName'] },
          ]);
        });
        await server.deliver(user, 'Sent', plain);
        const status = await page.run('status', () => stage.held.status);
        assert.equal(status.messages, 1);
        const made = await page.run('made', async () => {
          await stage.held.session.create('Projects');
          const made = await stage.held.made;
          await stage.held.session.delete('Projects');
          await stage.held.notified.logout();
          return made;
        });
        assert.equal(made.delimiter, '/');
      });

      await t.test('a server without NOTIFY is asked how its mailboxes are', async () => {
        const found = await page.run('poll', async (host) => {
          const session = await stage.connect({ host });
          const told = [];
          session.on('status', ({ mailbox, messages }) => told.push([mailbox, messages]));
          await session.notify([{ filter: 'mailboxes', mailboxes: ['Junk', 'INBOX'], events: ['MessageNew', 'MessageExpunge'] }], { status: true });
          await session.logout();
          return told;
        }, [`less.${host}`]);
        assert.deepEqual(found, [['Junk', conversations.length]]); // and nothing of the one that is open
      });

      await t.test('QRESYNC names what is gone by its UID', async () => {
        const found = await page.run('vanished', async () => {
          const { session } = stage.held;
          await session.enable(['QRESYNC']);
          await session.select('INBOX', { condstore: true });
          const gone = new Promise((resolve) => session.once('vanished', resolve));
          const { exists, highestModseq } = session.mailbox;
          await session.move(3, 'Trash', { uid: true });
          return { gone: await gone, exists, after: session.mailbox.exists, highestModseq };
        });
        assert.deepEqual(found.gone, { uids: '3', earlier: false });
        assert.deepEqual([found.exists, found.after], [3, 2]);
        assert.match(found.highestModseq, /^[1-9]\d*$/);
      });

      await t.test('without compression it is the same', async () => {
        const flags = await page.run('plain', async () => {
          const session = await stage.connect({ compress: false, mailbox: null });
          await session.select('INBOX', { readOnly: true });
          const messages = await session.fetch('1:*', { uid: true, flags: true });
          await session.unselect();
          const { mailbox } = session;
          await session.logout();
          return [mailbox, messages.map(({ uid }) => uid)];
        });
        assert.deepEqual(flags, [null, [1, 2]]);
      });

      await page.run('logout', () => stage.held.session.logout());
      await page.close();
    });
  }
});
