// IRC as an app has it, against ngIRCd.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import { LineClient } from '../servers/line-client.mjs';
import * as ngircd from '../servers/ngircd.mjs';
import { modesOf, openStage } from './stage.mjs';

test('IRC', { skip: missing('firefox-esr', 'ngircd', 'openssl') }, async (t) => {
  const server = await ngircd.start();
  t.after(server.stop);
  const closed = await ngircd.start({ password: 'sesame' });
  t.after(closed.stop);
  const host = server.name;
  const stageOf = await openStage(t, {
    hosts: {
      [`${host}:6667`]: `127.0.0.1:${server.port}`,
      [`${host}:6697`]: `127.0.0.1:${server.tlsPort}`,
      [`closed.${host}:6667`]: `127.0.0.1:${closed.port}`,
    },
    ca: server.ca,
  });

  for (const { mode, worker, engine } of modesOf('irc')) {
    await t.test(`two people in a channel, ${mode}`, async (t) => {
      const page = await stageOf.open({ modules: ['irc'], worker, engine });

      await t.test('connect, one in the clear and one over TLS', async () => {
        const nicks = await page.run('connect', async (host) => {
          const { held, wire } = stage;
          held.anna = await wire.irc.connect({ host, security: 'none', nick: 'anna', realname: 'Anna A.' });
          held.ben = await wire.irc.connect({ host, nick: 'ben' });
          return [held.anna.nick, held.ben.nick];
        }, [host]);
        assert.deepEqual(nicks, ['anna', 'ben']);
      });

      await t.test('join', async () => {
        const { first, second, seen } = await page.run('join', async () => {
          const { anna, ben } = stage.held;
          const first = await anna.join('#kai');
          const joined = new Promise((resolve) => anna.once('join', resolve));
          const second = await ben.join('#kai');
          return { first, second, seen: await joined };
        });
        assert.equal(first.channel, '#kai');
        assert.deepEqual(first.names.map((name) => name.replace(/^[@+]/, '')), ['anna']);
        assert.deepEqual(second.names.map((name) => name.replace(/^[@+]/, '')).sort(), ['anna', 'ben']);
        assert.deepEqual([seen.nick, seen.channel], ['ben', '#kai']);
      });

      await t.test('what nobody listens to stays in Go, and crosses from the first listener on', async () => {
        const { before, after } = await page.run('listen', async () => {
          const { anna, ben } = stage.held;
          const client = stage.wire._client;
          const { event } = client;
          const crossed = [];
          client.event = (module, id, json) => {
            if (id === anna._id) crossed.push(...JSON.parse(json).map(([name]) => name));
            event.call(client, module, id, json);
          };
          await ben.send('#kai', 'unheard');
          await ben.ping(); // the server has it
          await anna.ping(); // and has passed it on
          const before = crossed.splice(0);
          const heard = new Promise((resolve) => anna.once('message', ({ text }) => resolve(text)));
          await ben.send('#kai', 'heard');
          await heard;
          delete client.event;
          return { before, after: [crossed, await heard] };
        });
        assert.deepEqual(before, []);
        assert.deepEqual(after, [['message'], 'heard']);
      });

      await t.test('messages, notices and actions', async () => {
        const got = await page.run('talk', async () => {
          const { anna, ben } = stage.held;
          const next = (session, event) => new Promise((resolve) => session.once(event, resolve));
          const inChannel = next(ben, 'message');
          await anna.send('#kai', 'namaste 🙏');
          const notice = next(anna, 'notice');
          await ben.notice('anna', 'just so you know');
          const action = new Promise((resolve) => anna.on('message', (m) => m.action && resolve(m)));
          await ben.action('#kai', 'waves');
          return [await inChannel, await notice, await action];
        });
        assert.deepEqual(got.map(({ nick, target, text }) => ({ nick, target, text })), [
          { nick: 'anna', target: '#kai', text: 'namaste 🙏' },
          { nick: 'ben', target: 'anna', text: 'just so you know' },
          { nick: 'ben', target: '#kai', text: 'waves' },
        ]);
        for (const { time } of got) assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000, time);
      });

      await t.test('a long text arrives whole, in parts that fit a line', async () => {
        const text = 'नमस्ते दुनिया '.repeat(40).trim();
        const parts = await page.run('long text', async (text) => {
          const { anna, ben } = stage.held;
          const parts = [];
          const last = new Promise((resolve) => ben.on('message', (m) => (m.text === 'end' ? resolve() : parts.push(m.text))));
          await anna.send('#kai', text);
          await anna.send('#kai', 'end');
          await last;
          return parts;
        }, [text]);
        assert.ok(parts.length > 1);
        for (const part of parts) assert.ok(!part.includes('\ufffd') && Buffer.byteLength(part) < 512);
        assert.equal(parts.join('').replaceAll(' ', ''), text.replaceAll(' ', ''));
      });

      await t.test('calls of one turn: begun in their order, and one of them cancelled', async () => {
        const { texts, code } = await page.run('turn', async () => {
          const { anna, ben } = stage.held;
          const texts = [];
          const last = new Promise((resolve) => ben.on('message', ({ text }) => {
            if (texts.push(text) === 4) resolve();
          }));
          const controller = new AbortController();
          const sent = ['one', 'two', 'three', 'four'].map((text) => anna.send('ben', text));
          const pinged = stage.outcome(anna.ping({ signal: controller.signal }));
          controller.abort();
          await Promise.all(sent);
          await last;
          return { texts, code: (await pinged).error.code };
        });
        assert.deepEqual(texts, ['one', 'two', 'three', 'four']);
        assert.equal(code, 'ABORT_ERR');
      });

      await t.test('ping', async () => {
        const elapsed = await page.run('ping', () => stage.held.anna.ping());
        assert.ok(elapsed >= 0 && elapsed < 10_000, String(elapsed));
      });

      await t.test('change of nick', async () => {
        const { seen, own } = await page.run('nick', async () => {
          const { anna, ben } = stage.held;
          const seen = new Promise((resolve) => anna.once('nick', resolve));
          await ben.setNick('benjamin');
          return { seen: await seen, own: ben.nick };
        });
        assert.deepEqual([seen.nick, seen.newNick, own], ['ben', 'benjamin', 'benjamin']);
      });

      await t.test('a nick in use', async () => {
        const { error } = await page.run('nick in use', (host) =>
          stage.outcome(stage.wire.irc.connect({ host, security: 'none', nick: 'anna', timeout: 15_000 })), [host]);
        assert.deepEqual([error.code, error.protocol, error.response, error.retry], ['EREJECTED', 'irc', '433', 'never']);
      });

      await t.test('the server’s password', async () => {
        const outcomes = await page.run('password', async (host) => {
          const options = { host, security: 'none', nick: 'dora', timeout: 15_000 };
          const wrong = await stage.outcome(stage.wire.irc.connect({ ...options, password: 'wrong' }));
          const right = await stage.wire.irc.connect({ ...options, password: 'sesame' });
          await right.quit();
          return { wrong: wrong.error, right: right.closed };
        }, [`closed.${host}`]);
        const { protocol, code, response } = outcomes.wrong;
        assert.deepEqual([protocol, code, response], ['irc', 'EAUTH', 'ERROR']);
        assert.equal(outcomes.right, true);
      });

      await t.test('part', async () => {
        const seen = await page.run('part', async () => {
          const { anna, ben } = stage.held;
          const seen = new Promise((resolve) => anna.once('part', resolve));
          await ben.part('#kai', 'lunch');
          return seen;
        });
        assert.deepEqual([seen.nick, seen.channel], ['benjamin', '#kai']);
        assert.match(seen.reason, /lunch/);
      });

      await t.test('quit, as another client sees it', async () => {
        const onlooker = await LineClient.connect(server.port);
        onlooker.send('NICK onlooker\r\nUSER onlooker 0 * :onlooker\r\nJOIN #kai\r\n');
        await onlooker.until(/ 366 /, /^ERROR/);
        const end = await page.run('quit', async () => {
          const { anna } = stage.held;
          const closed = new Promise((resolve) => anna.once('close', resolve));
          await anna.quit('good night');
          const { error } = await closed;
          return { error: error && error.code, closed: anna.closed };
        });
        assert.deepEqual(end, { error: undefined, closed: true });
        assert.match(await onlooker.until(/ QUIT /), /^:anna!\S+ QUIT :.*good night/);
        await onlooker.close();
      });

      await page.close();
    });
  }
});
