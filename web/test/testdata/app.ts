// Compiled by api.test.mjs, not run: the types as an app's author meets them.
import { load, capabilities, runGo, KaiwireError, Message, Sockets } from '../../src/index';

export async function main(show: (text: string) => void): Promise<void> {
  const { host, tcp, missing } = capabilities();
  if (!tcp) show(`no sockets on ${host}: ${missing.join()}`);
  const sockets: Sockets = { open: () => ({}) };
  if (capabilities({ sockets }).udp) show('datagrams');
  const program = await runGo({ wasm: 'finger.wasm', sockets: 'ws://127.0.0.1:8081/', argv: ['finger'] });
  program.exited.then((status) => show(status.toFixed()));
  const wire = await load({ modules: ['imap', 'irc', 'dns'], worker: true });
  const inbox = await wire.imap.connect({ host: 'mail.example', port: 993, security: 'tls', auth: { user: 'u', pass: 'p' } });
  for (const m of await inbox.fetch('1:10', { envelope: true })) if (m.envelope) show(m.envelope.subject);
  inbox.on('exists', ({ count }) => show(String(count)));
  inbox.on('close', ({ error }) => { if (error) show(`${error.code} ${error.retry}`); });
  await inbox.fetch([1, 2], { bodyParts: ['1'], uid: true, onMessages: (list: Message[]) => show(list[0].uid.toFixed()) });
  const download = await inbox.download(3, '2');
  for (let chunk = await download.read(); chunk; chunk = await download.read()) show(String(chunk.byteLength));
  const found: number[] = await inbox.search({ or: [{ from: 'a' }, { since: new Date() }], seen: false });
  show(found.join());
  const { count, partial } = await inbox.search({ modseq: '7' }, { uid: true, returnOptions: ['count', { partial: '-1:-20' }] });
  show(`${count} ${(partial || []).join()}`);
  const news = await inbox.sync('INBOX', null);
  for (const { uid, flags } of news.changed) show(`${uid} ${flags.join()} ${news.state.length}`);
  inbox.on('vanished', ({ uids, earlier }) => show(`${uids} ${earlier}`));
  const irc = await wire.irc.connect({ host: 'irc.example', nick: 'me' });
  irc.on('message', (m) => show(`${m.nick}: ${m.text}`));
  show((await irc.join('#kaios')).topic);
  const resolver = await wire.dns.resolver({ servers: ['192.0.2.1'] });
  show((await resolver.resolveMx('example.org'))[0].exchange);
  try {
    await resolver.resolve4('nowhere.example', { timeout: 5000, signal: new AbortController().signal });
  } catch (error) {
    if ((error as KaiwireError).code === 'ENOTFOUND') show((error as KaiwireError).message);
  }
  const own = await load({ modules: ['imap', 'trust'], tls: 'own' });
  const report = await own.trust.check('mail.example', 993, { timeout: 20000, tls: { roots: '-----BEGIN CERTIFICATE-----…' } });
  if (report.cure) show(`${report.cause} ${report.culprit} ${report.protocol}`);
  const known: Record<string, string> = {};
  try {
    await own.imap.connect({ host: 'mail.example', auth: { user: 'u' }, tls: { known, pins: [], alpn: ['imap'] } });
  } catch (error) {
    const { trust } = error as KaiwireError;
    if (trust) known['mail.example:993'] = trust.certificate.key;
  }
  await wire.close();
}
