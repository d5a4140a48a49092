// Servers of SMTP and POP3 that mean ill, or have gone wrong, one a fault: what comes of it is a coded error within the
// call's time, little is taken of what never ends, and nothing stays behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as hostile from './hostile.mjs';
import { modesOf, openStage } from './stage.mjs';

/** Of a call whose server leaves it waiting, and how much later its error may come on a machine that has others to serve. */
const TIMEOUT = 1500;
const LATENESS = 20_000;
/** Of a call that ends by what the server says, however much that is. */
const PATIENCE = 30_000;
/** What is left to find out where a server closes while the phone has something to send: its sockets forget that they were told. */
const LOST = 'ETIMEDOUT';
/** What may be taken of a flood: kernels, relay and phone each hold some on the way. */
const TAKEN = 48 << 20;
/** What a module's memory may grow to, over what Go and TinyGo begin with. */
const MEMORY = 40 << 20;

// What a good server says up to there. A step is what has to come, and what is said then.
const greeted = (...words) => [[null, '220 box.test ready\r\n'], [/EHLO .*\r\n/, ['250-box.test', ...words, '250 HELP\r\n'].join('\r\n')]];
const begun = [...greeted(), [/MAIL .*\r\n/, '250 ok\r\n'], [/RCPT .*\r\n/, '250 ok\r\n']];
const open = [[null, '+OK ready\r\n'], [/CAPA\r\n/, '+OK\r\nUSER\r\nUIDL\r\n.\r\n'], [/USER .*\r\n/, '+OK\r\n'], [/PASS .*\r\n/, '+OK\r\n']];
const loggedIn = [...open, [/CAPA\r\n/, '+OK\r\nUSER\r\nUIDL\r\n.\r\n']];

/** A message whose dots are those of RFC 1939, section 3, and that message on its way, cut after every few bytes. */
const dotted = '.\r\n..\r\n.a\r\n\r\n...\r\n\r.\r\n.\n.\r\nend.\r\n'.repeat(50);
const stuffed = `+OK\r\n${dotted.replace(/(^|\r\n)\./g, '$1..')}.\r\n`;
const cut = (text, size) => text.match(new RegExp(`[^]{1,${size}}`, 'g'));

/**
 * The faults: what the server says, what the app does (see `ways` below), and the code of its error, or `gives`, what it
 * gets. `closes` says that the session then ends: true where the next call has to know it, a list of codes where it may find it out
 * by itself. Without it the session goes on.
 */
const CASES = {
  smtp: {
    'a greeting without end': { steps: [[null, '220 '], [null, { flood: 'x' }]], way: 'connect', code: 'ELIMIT' },
    'a greeting with NULs': { steps: [[null, '220\0\0 hi\r\n']], way: 'connect', code: 'EPROTO' },
    'no greeting': { steps: [], way: 'connect', code: 'ETIMEDOUT' },
    'closed before the greeting': { steps: [[null, { end: '' }]], way: 'connect', code: 'ECONNRESET' },
    'closed within the greeting': { steps: [[null, { end: '220 hi' }]], way: 'connect', code: 'ECONNRESET' },
    'closed at EHLO': { steps: [[null, '220 hi\r\n'], [/EHLO/, { end: '' }]], way: 'connect', code: 'ECONNRESET' },
    'extensions without end': { steps: [[null, '220 hi\r\n'], [/EHLO/, { flood: '250-X\r\n' }]], way: 'connect', code: 'ELIMIT' },
    'an answer with two codes': { steps: [[null, '220 hi\r\n'], [/EHLO/, '250-hi\r\n550 no\r\n']], way: 'connect', code: 'EPROTO' },
    'half an answer, then silence': { steps: [[null, '220 hi\r\n'], [/EHLO/, '250-hi\r\n']], way: 'connect', code: 'ETIMEDOUT' },
    'a line without end': { steps: [...greeted(), [/NOOP/, '250 '], [null, { flood: 'x' }]], way: 'noop', code: 'ELIMIT', closes: true },
    'lines without end': { steps: [...greeted(), [/NOOP/, { flood: '250-\r\n' }]], way: 'noop', code: 'ELIMIT', closes: true },
    'a code that changes': { steps: [...greeted(), [/NOOP/, '250-a\r\n251 b\r\n']], way: 'noop', code: 'EPROTO', closes: true },
    'NULs in place of an answer': { steps: [...greeted(), [/NOOP/, '\0'.repeat(100) + '\r\n']], way: 'noop', code: 'EPROTO', closes: true },
    'two answers to one command': { steps: [...greeted(), [/NOOP\r\n/, '250 ok\r\n250 ok\r\n']], way: 'noop, then wait', code: 'EPROTO', closes: true },
    'an answer to nothing': { steps: [...greeted(), [null, '250 ok\r\n']], way: 'wait', code: 'EPROTO', closes: true },
    'a goodbye': { steps: [...greeted(), [null, '421 4.3.2 down\r\n']], way: 'wait', code: 'ECONNRESET', closes: true },
    'closed at MAIL': { steps: [...greeted(), [/MAIL/, { end: '' }]], way: 'send', code: 'ECONNRESET', closes: true },
    'closed at RCPT': { steps: [...greeted(), [/MAIL.*\r\n/, '250 ok\r\n'], [/RCPT/, { end: '25' }]], way: 'send', code: 'ECONNRESET', closes: true },
    'closed at DATA': { steps: [...begun, [/DATA\r\n/, { end: '' }]], way: 'send', code: 'ECONNRESET', closes: true },
    'closed behind the message': { steps: [...begun, [/DATA\r\n/, '354 go\r\n'], [/\r\n\.\r\n/, { end: '' }]], way: 'send', code: 'ECONNRESET', closes: true },
    'no 354': { steps: begun, way: 'send', code: 'ETIMEDOUT', closes: true },
    '250 in place of 354': { steps: [...begun, [/DATA\r\n/, '250 ok\r\n']], way: 'send', code: 'EPROTO', closes: true },
    'silence behind the message': { steps: [...begun, [/DATA\r\n/, '354 go\r\n']], way: 'send', code: 'ETIMEDOUT', closes: true },
    'DATA refused in its middle': { steps: [...begun, [/DATA\r\n/, '354 go\r\n'], [/x\r\nx/, '552 5.3.4 too large\r\n'], [/NOOP\r\n/, '250 ok\r\n']], way: 'send much', code: 'EMSGSIZE' },
    'DATA refused in its middle, and closed': { steps: [...begun, [/DATA\r\n/, '354 go\r\n'], [/x\r\nx/, { end: '552 5.3.4 too large\r\n' }]], way: 'send much', code: ['EMSGSIZE', 'ECONNRESET'], closes: ['ECLOSED', 'ECONNRESET', LOST] },
    'BDAT refused in its middle': {
      steps: [...greeted('250-CHUNKING'), [/MAIL.*\r\n/, '250 ok\r\n'], [/RCPT.*\r\n/, '250 ok\r\n'], [/BDAT \d+\r\n/, '452 4.3.1 full\r\n'], [/RSET\r\n/, '250 ok\r\n'], [/NOOP\r\n/, '250 ok\r\n']],
      way: 'send much', code: 'EBUSY',
    },
    'BDAT refused in its middle, several on their way': {
      steps: [...greeted('250-CHUNKING', '250-PIPELINING'), [/MAIL.*\r\nRCPT.*\r\n/, '250 ok\r\n250 ok\r\n'],
        ...['250 ok', '452 4.3.1 full', '503 5.5.1 what', '503 5.5.1 what', '503 5.5.1 what', '503 5.5.1 what'].map((answer) => [/BDAT \d+\r\n/, `${answer}\r\n`]),
        [/RSET\r\n/, '250 ok\r\n'], [/NOOP\r\n/, '250 ok\r\n']],
      way: 'send much', code: 'EBUSY',
    },
    'an answer to BDAT without end': { steps: [...greeted('250-CHUNKING'), [/MAIL.*\r\n/, '250 ok\r\n'], [/RCPT.*\r\n/, '250 ok\r\n'], [/BDAT/, { flood: '250-x\r\n' }]], way: 'send much', code: 'ELIMIT', closes: true },
    'nobody takes the message': { steps: [...begun, [/DATA\r\n/, '354 go\r\n'], [null, { deaf: true }]], way: 'send for ever', code: 'ETIMEDOUT', closes: true },
  },
  pop3: {
    'a greeting without end': { steps: [[null, '+OK '], [null, { flood: 'x' }]], way: 'connect', code: 'ELIMIT' },
    'a greeting with NULs': { steps: [[null, '+OK\0\0 hi\r\n']], way: 'connect', code: 'EPROTO' },
    'no greeting': { steps: [], way: 'connect', code: 'ETIMEDOUT' },
    'closed before the greeting': { steps: [[null, { end: '' }]], way: 'connect', code: 'ECONNRESET' },
    'closed within CAPA': { steps: [[null, '+OK\r\n'], [/CAPA/, { end: '+OK\r\nUSER\r\n.' }]], way: 'connect', code: 'ECONNRESET' },
    'closed at USER': { steps: [...open.slice(0, 2), [/USER/, { end: '' }]], way: 'connect', code: 'ECONNRESET' },
    'closed at PASS': { steps: [...open.slice(0, 3), [/PASS/, { end: '+O' }]], way: 'connect', code: 'ECONNRESET' },
    'closed at the second CAPA': { steps: [...open, [/CAPA/, { end: '' }]], way: 'connect', code: 'ECONNRESET' },
    'CAPA of 100,000 lines': { steps: [[null, '+OK\r\n'], [/CAPA/, `+OK\r\n${'X-A\r\n'.repeat(100_000)}.\r\n`]], way: 'connect', code: 'ELIMIT' },
    'CAPA without its dot': { steps: [[null, '+OK\r\n'], [/CAPA/, '+OK\r\nUSER\r\n']], way: 'connect', code: 'ETIMEDOUT' },
    'a line without end': { steps: [...loggedIn, [/STAT/, '+OK '], [null, { flood: 'x' }]], way: 'stat', code: 'ELIMIT', closes: true },
    'STAT of more digits than there are': { steps: [...loggedIn, [/STAT/, `+OK ${'9'.repeat(400)} 1\r\n`]], way: 'stat', code: 'EPROTO', closes: true },
    'LIST without end': { steps: [...loggedIn, [/LIST/, '+OK\r\n'], [null, { flood: '1 1\r\n' }]], way: 'list', code: 'ELIMIT', closes: true },
    'LIST without its dot': { steps: [...loggedIn, [/LIST/, '+OK\r\n1 1\r\n']], way: 'list', code: 'ETIMEDOUT', closes: true },
    'LIST with NULs': { steps: [...loggedIn, [/LIST/, '+OK\r\n1\0 1\r\n.\r\n']], way: 'list', code: 'EPROTO', closes: true },
    'LIST of -1 messages': { steps: [...loggedIn, [/LIST/, '+OK\r\n-1 -1\r\n.\r\n']], way: 'list', code: 'EPROTO', closes: true },
    'closed within LIST': { steps: [...loggedIn, [/LIST/, { end: '+OK\r\n1 1\r\n' }]], way: 'list', code: 'ECONNRESET', closes: true },
    'UIDL of identifiers as long as lines': { steps: [...loggedIn, [/UIDL/, '+OK\r\n'], [null, { flood: `1 ${'x'.repeat(8000)}\r\n` }]], way: 'uidl', code: 'ELIMIT', closes: true },
    'TOP without end': { steps: [...loggedIn, [/TOP/, '+OK\r\n'], [null, { flood: 'X: y\r\n' }]], way: 'top', code: 'ELIMIT', closes: true },
    'two answers to one command': { steps: [...loggedIn, [/NOOP\r\n/, '+OK\r\n+OK\r\n']], way: 'noop, then wait', code: 'EPROTO', closes: true },
    'an answer to nothing': { steps: [...loggedIn, [null, '+OK\r\n']], way: 'wait', code: 'EPROTO', closes: true },
    'a goodbye': { steps: [...loggedIn, [null, '-ERR idle for too long\r\n']], way: 'wait', code: 'ECONNRESET', closes: true },
    'RETR without end, which the app leaves': { steps: [...loggedIn, [/RETR/, '+OK\r\n'], [null, { flood: 'x\r\n' }]], way: 'read a little', gives: 300_000, closes: true },
    'RETR that stops': { steps: [...loggedIn, [/RETR/, '+OK 5\r\nhello']], way: 'read', code: 'ETIMEDOUT', closes: true },
    'closed within RETR': { steps: [...loggedIn, [/RETR/, { end: '+OK 5\r\nhello\r\n.' }]], way: 'read', code: 'ECONNRESET', closes: true },
    'RETR that says less than it sends': { steps: [...loggedIn, [/RETR/, `+OK 3 octets\r\n${'y\r\n'.repeat(60_000)}.\r\n`], [/NOOP/, '+OK\r\n']], way: 'read', gives: 'y\r\n'.repeat(60_000) },
    'RETR that says more than there is': { steps: [...loggedIn, [/RETR/, '+OK 9223372036854775807\r\ny\r\n.\r\n'], [/NOOP/, '+OK\r\n']], way: 'read', gives: 'y\r\n' },
    'RETR that says what is no number': { steps: [...loggedIn, [/RETR/, '+OK 99999999999999999999\r\ny\r\n.\r\n'], [/NOOP/, '+OK\r\n']], way: 'read', gives: 'y\r\n' },
    ...Object.fromEntries([1, 2, 3, 5, 4093].map((size) => [`RETR in pieces of ${size}, dots at their ends`,
      { steps: [...loggedIn, [/RETR/, { pieces: cut(stuffed, size) }], [/NOOP/, '+OK\r\n']], way: 'read', gives: dotted }])),
  },
};

test('hostile servers of SMTP and POP3', { skip: missing('firefox-esr') }, async (t) => {
  const hosts = {};
  const all = [];
  for (const [protocol, cases] of Object.entries(CASES)) {
    for (const [name, { steps, ...one }] of Object.entries(cases)) {
      const server = await hostile.start(hostile.plays(...steps));
      t.after(server.stop);
      const host = `${protocol}-${all.length}.test`;
      hosts[`${host}:${protocol === 'smtp' ? 587 : 110}`] = `127.0.0.1:${server.port}`;
      all.push({ protocol, name, host, server, ...one });
    }
  }
  const stageOf = await openStage(t, { hosts });

  for (const { mode, worker, engine } of modesOf('smtp', 'pop3')) {
    await t.test(mode, async (t) => {
      const page = await stageOf.open({ modules: ['smtp', 'pop3'], worker, engine });
      await page.run('ways to use a session', async (options, how) => {
        // In the page it can be seen how much memory a module takes, of one that is loaded from now on.
        const { memories } = stage.held = { memories: [] };
        for (const name of ['instantiate', 'instantiateStreaming']) {
          const real = WebAssembly[name];
          WebAssembly[name] = async (...given) => {
            const made = await real.apply(WebAssembly, given);
            const { exports } = made.instance || made;
            memories.push(exports.mem || exports.memory);
            return made;
          };
        }
        await stage.wire.close();
        stage.wire = await stage.load(how);
        stage.held.memory = () => Math.max(0, ...memories.map(({ buffer }) => buffer.byteLength));
        const much = 'x'.repeat(78).concat('\r\n').repeat(4000);
        let timeout;
        const send = (session, raw) => session.send({ envelope: { from: 'a@box.test', to: 'b@box.test' }, raw, timeout });
        const read = async (session, most) => {
          const download = await session.retr(1, { timeout, window: 100_000 });
          const pieces = [];
          let size = 0;
          for (let piece; size < most && (piece = await download.read({ timeout })) !== null;) {
            pieces.push(piece);
            size += piece.length;
          }
          await download.close();
          return new Blob(pieces);
        };
        const ways = {
          noop: (session) => session.noop({ timeout }),
          wait: (session, closed) => closed.then(({ error }) => { throw error; }),
          'noop, then wait': (session, closed) => session.noop({ timeout }).then(() => ways.wait(session, closed)),
          send: (session) => send(session, 'Subject: x\r\n\r\nhi\r\n'),
          'send much': (session) => send(session, much),
          'send for ever': (session) => send(session, { read: async () => much }),
          stat: (session) => session.stat({ timeout }),
          list: (session) => session.list({ timeout }),
          uidl: (session) => session.uidl({ timeout }),
          top: (session) => session.top(1, 0, { timeout }),
          read: async (session) => (await read(session, Infinity)).text(),
          'read a little': async (session) => (await read(session, 300_000)).size,
        };
        stage.held.play = async (protocol, host, way, timeouts) => {
          ({ timeout } = timeouts);
          const connecting = stage.wire[protocol].connect({ host, security: 'none', timeout: timeouts.connect, ...options[protocol] });
          if (way === 'connect') return stage.outcome(connecting);
          const session = await connecting;
          let ended = null;
          const closed = new Promise((resolve) => session.on('close', (event) => {
            ended = event;
            resolve(event);
          }));
          const outcome = await stage.outcome(ways[way](session, closed));
          const after = await stage.outcome(session.noop({ timeout: timeouts.next }));
          await session.close();
          return { ...outcome, after: after.error ? after.error.code : null, ended: Boolean(ended) };
        };
      }, [{ smtp: {}, pop3: { auth: { user: 'asha', pass: 'kaiwire' } } }, { modules: ['smtp', 'pop3'], worker, engine }]);

      for (const { protocol, name, host, server, way, code, gives, closes } of all) {
        await t.test(`${protocol} server: ${name}, ${mode}`, async () => {
          const timeout = code === 'ETIMEDOUT' ? TIMEOUT : PATIENCE;
          const { value, error, elapsed, after } = await page.run(name, (...given) => stage.held.play(...given),
            [protocol, host, way, { timeout, connect: way === 'connect' ? timeout : PATIENCE, next: [].concat(closes).includes(LOST) ? TIMEOUT : PATIENCE }],
            { timeout: 3 * PATIENCE });
          if (code) {
            assert.ok(error, `it succeeded: ${JSON.stringify(value)}`);
            assert.ok([].concat(code).includes(error.code), `${error.code}: ${error.message} (${error.detail})`);
            assert.deepEqual([error.name, error.protocol], ['KaiwireError', protocol]);
            assert.ok(elapsed < timeout + LATENESS, `after ${elapsed} ms`);
          } else {
            assert.equal(error, undefined);
            if (typeof gives === 'number') assert.ok(value >= gives, `${value} bytes`);
            else assert.equal(value, gives);
          }
          if (way !== 'connect') assert.ok((closes === true ? ['ECLOSED'] : closes || [null]).includes(after), `the next call: ${after}`);
          assert.ok(server.most() < TAKEN, `${server.most()} bytes were taken`);
          // The relay waits for a server that reads nothing to take what it still has for it.
          if (way === 'send for ever') server.hangUp();
        });
      }

      const memory = await page.run('memory', () => stage.held.memory());
      assert.ok(memory < MEMORY, `the module's memory has grown to ${memory} bytes`);
      if (!worker && engine !== 'js') assert.ok(memory > 0, 'the memory was not seen');
      await page.close();
    });
  }
});
