// What a tab has of an app, whoever's client it uses; tab.html is empty until run.mjs puts this into it.
import { load } from '/dist/kaiwire.js';
import { install } from '/dist/kaiwire-mock.js';
import { listen as listenForChat, ROOM, talkOnce } from './chat.js';
import { makeMailbox, serve } from './mailbox.js';
import { BenchNetwork } from './network.js';

const MAIL = { host: 'imap.example', port: 143, auth: { user: 'ada', pass: 'secret' } };
const CHUNK = 16 * 1024;
const TIMEOUT = 60_000;

const ours = (engine, modules) => load({ modules, engine, worker: false, base: '/dist/' });

/** For each app: its server, and what it does with a client, which is an engine's name or that of another's; it keeps what it returns. */
const APPS = {
  mail: {
    serve(network, { kept }) {
      const mailbox = makeMailbox(kept);
      network.chunks.set(MAIL.host, CHUNK);
      network.listen(`${MAIL.host}:${MAIL.port}`, (peer) => serve(peer, mailbox));
    },
    async run(client, { kept }) {
      const list = [];
      if (client === 'imapflow') {
        const session = await (await import('/bench/out/imapflow.js')).connect(MAIL);
        for await (const message of session.fetch(`1:${kept}`, { envelope: true })) list.push(message);
        return [session, list];
      }
      const session = await (await ours(client, ['imap'])).imap.connect({ ...MAIL, security: 'none' });
      await session.fetch(`1:${kept}`, { envelope: true, timeout: TIMEOUT, onMessages: (messages) => list.push(...messages) });
      return [session, list];
    },
  },
  chat: {
    serve: (network, { lines }) => listenForChat(network, lines),
    async run(client) {
      const session = client === 'irc-framework'
        ? await (await import('/bench/out/irc-framework.js')).connect({ host: ROOM.host, port: ROOM.port, nick: 'ada' })
        : await (await ours(client, ['irc'])).irc.connect({ ...ROOM, security: 'none', nick: 'ada' });
      await talkOnce(session, client === 'irc-framework');
      return session;
    },
  },
};

/** Puts up an app's server; resolves with what lets the app do its work and keep what it has got. */
export function begin(app, client, options) {
  const network = new BenchNetwork();
  install(window, { profile: 'kaios3', network });
  APPS[app].serve(network, options);
  return async () => { window.kept = await APPS[app].run(client, options); };
}
