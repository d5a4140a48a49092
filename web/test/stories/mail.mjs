// The mail of the IMAP story.
import { createHash } from 'node:crypto';

const lines = (...text) => Buffer.from(text.join('\r\n') + '\r\n');

/** One text, with an encoded subject. */
export const plain = lines(
  'From: Bob Baker <bob@kaiwire.test>',
  'To: Alice <alice@kaiwire.test>, carol@kaiwire.test',
  'Cc: "Dan, the man" <dan@kaiwire.test>',
  'Subject: =?UTF-8?B?SGVsbG8g4oCUIG5hbWFzdGUg8J+Zjw==?=',
  'Message-ID: <plain@kaiwire.test>',
  'In-Reply-To: <earlier@kaiwire.test>',
  'Date: Fri, 02 Jan 2026 10:20:30 +0100',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  '',
  'Good morning — kettle’s on.',
);

/** A text and a file. */
export const mixed = lines(
  'From: carol@kaiwire.test',
  'To: alice@kaiwire.test',
  'Subject: The receipt',
  'Message-ID: <mixed@kaiwire.test>',
  'Date: Sat, 03 Jan 2026 08:00:00 +0000',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=frontier',
  '',
  '--frontier',
  'Content-Type: text/plain; charset=us-ascii',
  '',
  'See the file.',
  'It is the receipt.',
  '--frontier',
  'Content-Type: application/pdf; name="receipt.pdf"',
  'Content-Disposition: attachment; filename="receipt.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'JVBERi0xLjQK',
  '--frontier--',
);

/** Exactly 1 MiB of every byte that may stand in a line, in no simple pattern. */
export const large = (() => {
  const head = lines('From: dan@kaiwire.test', 'Subject: One mebibyte', 'Date: Sun, 04 Jan 2026 00:00:00 +0000',
    'Content-Type: application/octet-stream', 'Content-Transfer-Encoding: 8bit', '');
  const message = Buffer.alloc(1024 * 1024);
  head.copy(message);
  let state = 1;
  for (let i = head.length, column = 0; i < message.length; i++, column = (column + 1) % 80) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    message[i] = column === 78 ? 13 : column === 79 ? 10 : 32 + (state >>> 24) % 224;
  }
  message.set([13, 10], message.length - 2);
  return message;
})();

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
