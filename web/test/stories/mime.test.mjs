// Messages read and written, without any server.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import { mixed, plain } from './mail.mjs';
import { modesOf, openStage } from './stage.mjs';

/** A text in a charset of the platform's, and one that nobody knows. */
const charsets = Buffer.from(['Subject: =?shift_jis?B?k/qWe4zq?=', 'Content-Type: multipart/mixed; boundary=b', '',
  '--b', 'Content-Type: text/plain; charset=koi8-r', 'Content-Transfer-Encoding: base64', '', '8NLJ18XU',
  '--b', 'Content-Type: text/plain; charset=x-nobody', '', 'abc', '--b--', ''].join('\r\n'));

test('MIME', { skip: missing('firefox-esr') }, async (t) => {
  const stageOf = await openStage(t, { hosts: {} });
  for (const { mode, worker, engine } of modesOf('mime')) {
    await t.test(mode, async (t) => {
      const page = await stageOf.open({ modules: ['mime'], worker, engine });

      await t.test('parse a message', async () => {
        const shown = await page.run('parse', async (raw) => {
          const message = await stage.wire.mime.parse(new Uint8Array(raw));
          message.attachments.forEach((one) => { one.content = new TextDecoder().decode(one.content); });
          return message;
        }, [[...mixed]]);
        assert.deepEqual(shown, {
          subject: 'The receipt', from: [{ name: '', address: 'carol@kaiwire.test' }], sender: [], replyTo: [], to: [{ name: '', address: 'alice@kaiwire.test' }], cc: [], bcc: [],
          date: '2026-01-03T08:00:00.000Z', messageId: 'mixed@kaiwire.test', inReplyTo: [], references: [], text: 'See the file.\nIt is the receipt.', html: '',
          headers: shown.headers, warnings: [],
          attachments: [{ part: '2', type: 'application/pdf', parameters: { name: 'receipt.pdf' }, filename: 'receipt.pdf', disposition: 'attachment', size: 9, content: '%PDF-1.4\n' }],
        });
        assert.deepEqual(shown.headers[2], { name: 'Subject', value: 'The receipt' });
      });

      await t.test('parse charsets by the platform', async () => {
        const { subject, text, warnings } = await page.run('charsets', (raw) => stage.wire.mime.parse(new Uint8Array(raw)), [[...charsets]]);
        assert.deepEqual([subject, text, warnings], ['日本語', 'Привет\nabc', ['charset']]);
      });

      await t.test('parse from a Blob, from pieces and from a reader', async () => {
        const subjects = await page.run('sources', async (raw) => {
          const bytes = new Uint8Array(raw);
          const halves = [bytes.slice(0, 100), bytes.slice(100)];
          const rest = halves.concat(new Uint8Array(0));
          const reader = { read: async () => rest.shift() || null };
          const all = [new Blob(halves), halves, reader, bytes.buffer, new TextDecoder().decode(bytes)];
          const messages = await Promise.all(all.map((source) => stage.wire.mime.parse(source)));
          return messages.map(({ subject }) => subject);
        }, [[...plain]]);
        assert.deepEqual(subjects, Array(5).fill('Hello — namaste 🙏'));
      });

      await t.test('parse hands contents on as they come', async () => {
        const seen = await page.run('onContent', async () => {
          const head = 'Content-Type: video/mp4\r\nContent-Transfer-Encoding: base64\r\n\r\n';
          const raw = new Blob([head].concat(Array(20000).fill(`${'QUJD'.repeat(19)}\r\n`)));
          let most = 0;
          let received = 0;
          const known = new Set();
          const onContent = (attachment, piece) => {
            known.add(attachment);
            most = Math.max(most, piece.length);
            received += piece.length;
          };
          const { attachments } = await stage.wire.mime.parse(raw, { onContent });
          return { most: most <= 128 * 1024, received, size: attachments[0].size, same: known.has(attachments[0]), kept: 'content' in attachments[0] };
        });
        assert.deepEqual(seen, { most: true, received: 20000 * 57, size: 20000 * 57, same: true, kept: false });
      });

      await t.test('compose, and read it again', async () => {
        const shown = await page.run('compose', async () => {
          const dot = new Uint8Array([1, 2, 3]);
          const pieces = [dot, new Uint8Array(0), dot];
          const mail = {
            from: 'Asha <asha@example.org>', replyTo: [{ name: 'Last, First', address: 'b@example.org' }], cc: ['c@example.org', 'team: d@example.org;'],
            subject: 'A', date: new Date(0), messageId: '1@example.org', inReplyTo: '0@example.org', references: '<a@x> <b@x>', priority: 'high',
            headers: { 'X-App': ['one', 'two'] }, text: 'a', html: '<img src="cid:dot">',
            attachments: [{ cid: 'dot', contentType: 'image/png', content: dot }, { filename: 'b.bin', content: { read: async () => pieces.shift() || null } }],
          };
          const composed = await stage.wire.mime.compose(mail);
          const message = await stage.wire.mime.parse(composed);
          message.attachments.forEach((one) => { one.content = Array.from(one.content); });
          return { size: composed.size, envelope: composed.envelope, id: composed.messageId, message };
        });
        assert.deepEqual([shown.size, shown.id, shown.envelope], [null, '1@example.org', { from: 'asha@example.org', to: ['c@example.org', 'd@example.org'] }]);
        const { message } = shown;
        assert.deepEqual([message.text.trim(), message.html.trim(), message.date, message.references], ['a', '<img src="cid:dot">', '1970-01-01T00:00:00.000Z', ['a@x', 'b@x']]);
        assert.deepEqual(message.attachments.map(({ contentId, filename, content }) => [contentId, filename, content]), [['dot', undefined, [1, 2, 3]], [undefined, 'b.bin', [1, 2, 3, 1, 2, 3]]]);
        assert.deepEqual(message.headers.filter(({ name }) => name.startsWith('X-')).map(({ value }) => value), ['1 (Highest)', 'one', 'two']);
      });

      await t.test('compose refuses what would break out', async () => {
        const codes = await page.run('refusals', async () => {
          const from = 'a@example.org';
          const codes = [];
          for (const mail of [{}, { from, subject: 'a\r\nBcc: b@x' }, { from, to: { address: 'a b@x' } }, { from, headers: { 'X\n': 'y' } }, { from: [from, from] },
            { from, attachments: [{ content: 5 }] }]) {
            codes.push((await stage.outcome(stage.wire.mime.compose(mail))).error.code);
          }
          const wrong = await stage.wire.mime.compose({ from, attachments: [{ size: 5, content: { read: async () => null } }] });
          codes.push((await stage.outcome(wrong.bytes())).error.code, wrong.closed);
          return codes;
        });
        assert.deepEqual(codes, [...Array(7).fill('EINVAL'), true]);
      });

      await page.close();
    });
  }
});
