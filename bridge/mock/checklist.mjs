// What the tests of the checklist share.
import { test } from 'node:test';
import { FaultyNetwork, install, MemoryNetwork, PROFILES } from './index.js';

export const KINDS = ['open', 'data', 'drain', 'error', 'close'];
export const EVERY = Object.keys(PROFILES);
export const CHILD = ['kaios25', 'kaios3'];
export const PARENT = ['gecko'];
export const KERNEL = 256 * 1024;
export const event = (target, type) => new Promise((resolve) => { target.addEventListener(type, resolve, { once: true }); });

/** Lets everything happen that is going to without a timer. */
export async function quiet() {
  for (let i = 0; i < 60; i++) await new Promise(setImmediate);
}

/** One test for each profile. `body` gets a phone whose network has an echo server at echo:7. */
export function line(number, what, profiles, body) {
  for (const profile of profiles) {
    test(`${number}. ${what} (${profile})`, { timeout: 10_000 }, async (t) => {
      const memory = new MemoryNetwork();
      const network = new FaultyNetwork(memory);
      const target = { navigator: {} };
      const phone = install(target, { profile, network });
      t.after(() => phone.uninstall());
      memory.listen('echo:7', (peer) => {
        peer.ondata = (data) => peer.write(data);
        peer.onend = () => peer.end();
      });
      const open = (host, port, options = { binaryType: 'arraybuffer' }) => target.navigator.mozTCPSocket.open(host, port, options);
      /** Connects to a server of this test's own. */
      const pair = async (options) => {
        const accepted = new Promise((resolve) => { memory.listen('peer:1', resolve); });
        const socket = open('peer', 1, options);
        const seen = record(socket);
        const [peer] = await Promise.all([accepted, event(socket, 'open')]);
        peer.received = '';
        peer.ondata = (data) => { peer.received += Buffer.from(data).toString('latin1'); };
        peer.onend = () => { peer.ended = true; };
        peer.onreset = () => { peer.wasReset = true; };
        return { socket, peer, seen };
      };
      await body({ t, profile: PROFILES[profile], phone, target, memory, network, open, pair });
    });
  }
}

/** Logs events as "type what [state]". */
export function record(socket) {
  const seen = [];
  for (const type of KINDS) {
    socket.addEventListener(type, (e) => {
      let what = '';
      if (type === 'data') what = ` ${typeof e.data === 'string' ? e.data : Buffer.from(e.data).toString('latin1')}`;
      if (type === 'error') what = ` ${e.name}/${e.message}`;
      seen.push(`${type}${what} [${socket.readyState}]`);
    });
  }
  return seen;
}

/** Gecko's own kind of exception. */
export const isFailure = (e) => !(e instanceof Error) && e.name === 'NS_ERROR_FAILURE' && e.result === 0x80004005
  && e.message === '' && String(e).startsWith('[Exception... "Failure"  nsresult: "0x80004005 (NS_ERROR_FAILURE)"');
