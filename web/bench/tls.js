// What TLS of our own costs: crypto/tls beside the plain connection of the same
// module, over the relay to servers of Node's. They are outside of the page, so
// that the page is blocked by nothing but the client's half.
import { Tunnel } from '/dist/kaiwire-mock.js';
import { loadConn, MIB } from './conn.js';
import { compare } from './measure.js';

/** The servers that servers.mjs has put up, in place of those in the page. */
export const makeNetwork = ({ relay }) => new Tunnel(relay);

export async function run(notes, { mib, handshakes, ports, roots, ...options }) {
  const modes = await loadConn('own');
  const host = 'bench.example';
  const server = { plain: { host, security: 'none' }, tls: { host, security: 'tls', roots } };
  const size = mib * MIB;
  const chunk = 64 * 1024;
  for (const [mode, conn] of Object.entries(modes)) {
    const bulk = (way, security) => async () =>
      mib / (await conn.call(way, { ...server[security], port: ports[security][way], size, chunk }) / 1000);
    const connect = (security, resume) => async () => {
      const port = ports[security].answer;
      return handshakes / (await conn.call('connect', { ...server[security], port, count: handshakes, resume }) / 1000);
    };
    for (const way of ['receive', 'send']) {
      await compare(notes, 'MiB/s', {
        [`tls/${mode}/${way}/plain`]: bulk(way, 'plain'),
        [`tls/${mode}/${way}`]: bulk(way, 'tls'),
      }, options);
    }
    await compare(notes, 'connections/s', {
      [`tls/${mode}/handshake/plain`]: connect('plain', false),
      [`tls/${mode}/handshake`]: connect('tls', false),
      [`tls/${mode}/handshake/resumed`]: connect('tls', true),
    }, options);
  }
  for (const [mode, conn] of Object.entries(modes)) {
    notes.figure(`tls/${mode}/memory`, 'MiB', [await conn.memory() / MIB]);
    await conn.close();
  }
}
