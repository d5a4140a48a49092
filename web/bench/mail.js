// What an app with mail does besides showing a list, from the same server and bytes: kaiwire's in page and worker, beside
// ImapFlow's.
import { connect as connectImapFlow } from '/bench/out/imapflow.js';
import { Checksum, makeAttachment, makeFlags, makeMailbox, serve } from './mailbox.js';
import { compare, loadWires, moduleMemory } from './measure.js';

const MIB = 1024 * 1024;
const PORT = 143;
const AUTH = { user: 'ada', pass: 'secret' };
/** The size of a segment of the pipe between a phone's network and its apps. */
const CHUNK = 16 * 1024;
const TIMEOUT = 60_000;
const NEWEST = 20;

export async function run({ network, ...notes }, { flags, mib, kept, engines, ...options }) {
  const mailboxes = { 'flags.example': makeFlags(flags), 'file.example': makeAttachment(mib * MIB), 'list.example': makeMailbox(NEWEST), 'kept.example': makeMailbox(kept) };
  for (const [host, mailbox] of Object.entries(mailboxes)) {
    network.chunks.set(host, CHUNK);
    network.listen(`${host}:${PORT}`, (peer) => serve(peer, mailbox));
  }
  const wires = await loadWires('imap', '/imap/', engines);
  const connect = (mode, host) => wires[mode].imap.connect({ host, port: PORT, security: 'none', auth: AUTH });
  const flow = (host) => connectImapFlow({ host, port: PORT, auth: AUTH });

  /** Compares what works(session) does in each; it resolves with how much that was, and `sides` of the two have their own. */
  const sides = async (name, unit, host, work) => {
    const all = {};
    const sessions = [];
    const add = (title, session, run) => {
      sessions.push(session);
      all[`mail/${name}/${title}`] = async () => {
        const begun = performance.now();
        const amount = await run(session);
        return amount / ((performance.now() - begun) / 1000);
      };
    };
    add('imapflow', await flow(host), work.theirs);
    for (const mode of Object.keys(wires)) add(mode, await connect(mode, host), work.ours);
    await compare(notes, unit, all, options);
    for (const session of sessions) await session.logout();
  };
  const check = (sum, host) => {
    if (String(sum) !== String(mailboxes[host].sum)) throw new Error(`flags are ${sum}, and not ${mailboxes[host].sum}`);
    return flags;
  };

  await sides('flags', 'messages/s', 'flags.example', {
    async theirs(session) {
      const sum = new Checksum();
      for await (const message of session.fetch(`1:${flags}`, { uid: true, flags: true })) sum.add(`${message.uid} ${[...message.flags].join(' ')}`);
      return check(sum, 'flags.example');
    },
    async ours(session) {
      const sum = new Checksum();
      await session.fetch(`1:${flags}`, { flags: true, timeout: TIMEOUT,
        onMessages: (list) => list.forEach((message) => sum.add(`${message.uid} ${message.flags.join(' ')}`)) });
      return check(sum, 'flags.example');
    },
  });

  const whole = (size) => {
    if (size !== mailboxes['file.example'].size) throw new Error(`${size} bytes of ${mailboxes['file.example'].size}`);
    return size / MIB;
  };
  await sides('attachment', 'MiB/s', 'file.example', {
    async theirs(session) {
      const { content } = await session.download('1', '2');
      let size = 0;
      for await (const piece of content) size += piece.length;
      return whole(size);
    },
    async ours(session) {
      const download = await session.download(1, '2', { timeout: TIMEOUT });
      let size = 0;
      for (let piece = await download.read(); piece !== null; piece = await download.read()) size += piece.length;
      return whole(size);
    },
  });

  const lists = {
    async 'mail/list/imapflow'() {
      const session = await flow('list.example');
      let count = 0;
      for await (const { envelope } of session.fetch(`1:${NEWEST}`, { envelope: true, flags: true })) count += envelope.subject === undefined ? 0 : 1;
      await session.logout();
      return count;
    },
  };
  for (const mode of Object.keys(wires)) {
    lists[`mail/list/${mode}`] = async () => {
      const session = await connect(mode, 'list.example');
      const list = await session.fetch(`1:${NEWEST}`, { envelope: true, flags: true });
      await session.logout();
      return list.length;
    };
  }
  // Connections, each with a login, a mailbox and its list.
  await compare(notes, 'lists/s', Object.fromEntries(Object.entries(lists).map(([title, list]) => [title, async () => {
    const begun = performance.now();
    if (await list() === 0) throw new Error('the list is empty');
    return 1 / ((performance.now() - begun) / 1000);
  }])), options);

  for (const mode of Object.keys(wires)) {
    const session = await connect(mode, 'kept.example');
    const list = await session.fetch(`1:${kept}`, { envelope: true, timeout: TIMEOUT });
    if (list.length !== kept) throw new Error(`${list.length} messages`);
    if (mode !== 'page-tinygo') notes.figure(`mail/kept/${mode}/memory`, 'MiB', [await moduleMemory(wires[mode]) / MIB]);
    await session.logout();
    await wires[mode].close();
  }
}
