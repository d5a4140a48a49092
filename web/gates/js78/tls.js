// TLS of our own to a server outside of the shell: one handshake that is to be refused, one that is not, and many lines.
import { network } from './outside.js';
import { load } from './phone.js';

export async function main({ host, roots, lines, timeout, ...options }) {
  const wire = await load('irc', { ...options, tls: 'own', network });
  const connect = (tls) => wire.irc.connect({ host, nick: 'anna', tls, timeout });
  const refused = await connect({}).then(() => null, ({ code }) => code);
  const times = [performance.now()];
  const session = await connect({ roots });
  times.push(performance.now());
  let count = 0;
  let last;
  const heard = new Promise((resolve) => {
    session.on('message', ({ text }) => {
      last = text;
      if (++count === lines) resolve();
    });
  });
  await session.raw('SAY');
  await heard;
  times.push(performance.now());
  await session.quit();
  await wire.close();
  return { refused, count, last, handshake: times[1] - times[0], bulk: times[2] - times[1] };
}
