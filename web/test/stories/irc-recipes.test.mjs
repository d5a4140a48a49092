// What an app does with IRC, as its author would write it, against a server with
// the extensions of ircv3.net.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as ircv3 from '../servers/ircv3.mjs';
import { modesOf, openStage } from './stage.mjs';

test('IRC recipes', { skip: missing('firefox-esr') }, async (t) => {
  // A server for each: what was said in one is not to be found in another's history.
  const modes = modesOf('irc').map((mode, i) => ({ ...mode, host: `${i}.irc.kaiwire.test` }));
  const hosts = {};
  for (const mode of modes) {
    mode.server = await ircv3.start({ Accounts: { asha: 'secret' }, Tokens: { 'token-1': 'asha' } });
    t.after(mode.server.stop);
    hosts[`${mode.host}:6667`] = `127.0.0.1:${mode.server.port}`;
  }
  const stageOf = await openStage(t, { hosts });

  for (const { mode, worker, engine, host, server } of modes) {
    await t.test(mode, async (t) => {
      const page = await stageOf.open({ modules: ['irc'], worker, engine });
      await page.run('helpers', (host) => {
        stage.connect = (nick, options) => stage.wire.irc.connect({ host, security: 'none', nick, ...options });
        stage.next = (session, event, wanted = () => true) => new Promise((resolve) => {
          const listener = (value) => {
            if (!wanted(value)) return;
            session.off(event, listener);
            resolve(value);
          };
          session.on(event, listener);
        });
      }, [host]);

      await t.test('connect and join with SASL', async () => {
        const found = await page.run('SASL', async () => {
          const accounts = {};
          for (const [name, auth] of [['plain', { user: 'asha', pass: 'secret' }], ['token', { user: 'asha', accessToken: 'token-1' }],
            ['scram', { user: 'asha', pass: 'secret', mechanism: 'SCRAM-SHA-256' }]]) {
            const session = await stage.connect('asha', { auth });
            const { topic, names } = await session.join('#cooking');
            accounts[name] = [session.account, topic, names.length];
            await session.quit();
          }
          accounts.wrong = (await stage.outcome(stage.connect('asha', { auth: { user: 'asha', pass: 'wrong' } }))).error;
          return accounts;
        });
        for (const name of ['plain', 'token', 'scram']) assert.deepEqual(found[name], ['asha', 'What is on the stove?', 4]);
        assert.deepEqual([found.wrong.code, found.wrong.response], ['EAUTH', '904']);
      });

      await t.test('a chat screen with history', async () => {
        const seen = await page.run('chat screen', async () => {
          const { held } = stage;
          held.anna = await stage.connect('anna');
          held.ben = await stage.connect('ben', { echo: true });
          await held.anna.join('#screen');
          const sent = await held.anna.send('#screen', 'before you came');
          await held.anna.send('#screen', 'two\nlines', { multiline: true });
          await held.ben.join('#screen');
          const history = await held.ben.history('#screen', { limit: 10 });
          const channel = await held.ben.channel('#screen');
          const echo = stage.next(held.ben, 'message');
          const typing = stage.next(held.anna, 'typing');
          const reaction = stage.next(held.anna, 'reaction');
          const redaction = stage.next(held.ben, 'redaction');
          await held.ben.typing('#screen', 'active');
          const answer = await held.ben.send('#screen', 'hello', { replyTo: sent.id });
          await held.ben.react('#screen', sent.id, '👍');
          await held.anna.redact('#screen', sent.id);
          const read = await held.ben.markRead('#screen', sent.time);
          return { sent, history, channel, echo: await echo, answer, typing: await typing, reaction: await reaction, redaction: await redaction, read,
            who: await held.ben.who('#screen'), targets: await held.ben.historyTargets('2000-01-01T00:00:00Z', '2100-01-01T00:00:00Z') };
        });
        assert.equal(seen.sent.confirmed, true);
        const messages = seen.history.filter(({ event }) => event === 'message');
        assert.deepEqual(messages.map(({ text, history }) => [text, history]), [['before you came', true], ['two\nlines', true]]);
        assert.ok(seen.history.some(({ event, nick }) => event === 'join' && nick === 'anna'));
        assert.equal(messages[0].id, seen.sent.id);
        assert.deepEqual(seen.channel.members.map(({ prefix, nick }) => prefix + nick), ['@anna', 'ben']);
        assert.deepEqual([seen.echo.own, seen.echo.text, seen.echo.id, seen.echo.tags['+reply']], [true, 'hello', seen.answer.id, seen.sent.id]);
        assert.deepEqual([seen.typing.nick, seen.typing.state], ['ben', 'active']);
        assert.deepEqual([seen.reaction.to, seen.reaction.reaction], [seen.sent.id, '👍']);
        assert.equal(seen.redaction.redacted, seen.sent.id);
        assert.equal(seen.read, seen.sent.time);
        assert.deepEqual(seen.who.map(({ nick, account }) => [nick, account]), [['anna', null], ['ben', null]]);
        assert.ok(seen.targets.some(({ target }) => target === '#screen'));
      });

      await t.test('a bot that answers', async () => {
        const { answer, presence } = await page.run('bot', async () => {
          const { held } = stage;
          const presence = stage.next(held.anna, 'presence', ({ online }) => online);
          await held.anna.monitor(['dicer']);
          const bot = await stage.connect('dicer', { bot: true });
          await bot.join('#screen');
          bot.on('message', async ({ channel, text, id, bot: fromBot }) => {
            if (channel && !fromBot && text === '!roll') await bot.send(channel, '4', { replyTo: id });
          });
          const answer = stage.next(held.anna, 'message', ({ nick }) => nick === 'dicer');
          await held.anna.send('#screen', '!roll');
          return { answer: await answer, presence: await presence };
        });
        assert.deepEqual([answer.text, answer.bot], ['4', true]);
        assert.deepEqual(presence.nicks, ['dicer']);
      });

      await t.test('notify on mention, with what to show', async () => {
        const mentioned = await page.run('mention', async () => {
          const { anna, ben } = stage.held;
          const mentioned = stage.next(anna, 'message', ({ mention }) => mention);
          await ben.send('#screen', 'annabel is not meant');
          await ben.send('#screen', '\x02Anna\x02: see \x0304https://example.org/<b>\x03.');
          return mentioned;
        });
        assert.equal(mentioned.text, 'Anna: see https://example.org/<b>.');
        assert.deepEqual(mentioned.spans, [
          { text: 'Anna', mention: true, bold: true },
          { text: ': see ' },
          { text: 'https://example.org/', link: 'https://example.org/', color: 4 },
          { text: '<b>', color: 4 },
          { text: '.' },
        ]);
      });

      await t.test('survive a lost network', async () => {
        await page.run('before the loss', async () => {
          const { held } = stage;
          held.carol = await stage.connect('carol', { reconnect: true });
          await held.carol.join('#screen');
          held.events = [];
          for (const event of ['message', 'disconnect', 'reconnect', 'join', 'close']) {
            held.carol.on(event, (value) => held.events.push([event, value.text || value.nick, value.history]));
          }
          held.lost = stage.next(held.carol, 'disconnect');
          held.heard = stage.next(held.carol, 'message', ({ text }) => text === 'are you there?');
          const seen = stage.next(held.carol, 'message');
          await held.anna.send('#screen', 'before');
          await seen;
        });
        server.command('drop carol');
        const { lost, offline, events } = await page.run('after the loss', async () => {
          const { held } = stage;
          const lost = await held.lost;
          const offline = await stage.outcome(held.carol.send('#screen', 'hm'));
          await held.anna.send('#screen', 'are you there?');
          await held.carol.retry();
          await held.heard;
          await held.carol.close();
          return { lost: [lost.error.code, lost.error.name, lost.wait], offline: offline.error.code, events: held.events };
        });
        assert.deepEqual([lost[0], lost[1], offline], ['ECONNRESET', 'KaiwireError', 'ECONNRESET']);
        assert.ok(lost[2] >= 1000 && lost[2] <= 2000, String(lost[2]));
        assert.deepEqual(events.filter(([event]) => event === 'reconnect').length, 1);
        assert.deepEqual(events.find(([, text]) => text === 'are you there?'), ['message', 'are you there?', true]);
        assert.equal(events[events.length - 1][0], 'close');
      });

      await t.test('a netsplit is told as one', async () => {
        await page.run('before the split', () => { stage.held.split = stage.next(stage.held.anna, 'quit', ({ nick }) => nick === 'ben'); });
        server.command('split ben dicer');
        const quit = await page.run('split', () => stage.held.split);
        assert.deepEqual([quit.batch.type, quit.batch.params, quit.channels], ['netsplit', ['near.example', 'far.example'], ['#screen']]);
      });

      await page.close();
    });
  }
});
