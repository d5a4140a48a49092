// ENVELOPEs of a whole mailbox, from the same server and bytes: kaiwire's, in
// page and worker, beside ImapFlow's.
import { connect as connectImapFlow } from '/bench/out/imapflow.js';
import { Checksum, makeMailbox, serve } from './mailbox.js';
import { compare, loadWires, moduleMemory } from './measure.js';

const MIB = 1024 * 1024;
const HOST = 'imap.example';
const PORT = 143;
const AUTH = { user: 'ada', pass: 'secret' };
/** The size of a segment of the pipe between a phone's network and its apps. */
const CHUNK = 16 * 1024;
const TIMEOUT = 60_000;

export async function run({ network, ...notes }, { messages, engines, ...options }) {
  const mailbox = makeMailbox(messages);
  network.chunks.set(HOST, CHUNK);
  network.listen(`${HOST}:${PORT}`, (peer) => serve(peer, mailbox));

  /** Runs a fetch, which calls its argument with each message: messages per second. */
  const timed = (fetch) => async () => {
    const subjects = new Checksum();
    const begun = performance.now();
    await fetch((message) => subjects.add(message.envelope.subject || ''));
    const elapsed = performance.now() - begun;
    if (String(subjects) !== String(mailbox.subjects)) {
      throw new Error(`the subjects are ${subjects}, and not ${mailbox.subjects}`);
    }
    return messages / (elapsed / 1000);
  };

  const wires = await loadWires('imap', '/imap/', engines);
  const sessions = {};
  for (const mode of Object.keys(wires)) {
    sessions[mode] = await wires[mode].imap.connect({ host: HOST, port: PORT, security: 'none', auth: AUTH });
  }
  const peer = await connectImapFlow({ host: HOST, port: PORT, auth: AUTH });
  const set = `1:${messages}`;
  const ours = (mode) => timed((each) => sessions[mode].fetch(set, {
    envelope: true,
    timeout: TIMEOUT,
    onMessages: (list) => list.forEach(each),
  }));
  await compare(notes, 'messages/s', {
    'envelopes/imapflow': timed(async (each) => {
      for await (const message of peer.fetch(set, { envelope: true })) each(message);
    }),
    ...Object.fromEntries(Object.keys(wires).map((mode) => [`envelopes/${mode}`, ours(mode)])),
  }, options);
  for (const mode of Object.keys(wires)) {
    if (mode !== 'page-tinygo') notes.figure(`envelopes/${mode}/memory`, 'MiB', [await moduleMemory(wires[mode]) / MIB]);
    await sessions[mode].logout();
    await wires[mode].close();
  }
  await peer.logout();
}
