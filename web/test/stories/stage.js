// The page in which a story plays: a phone whose sockets lead through the relay
// to real servers, and kaiwire as an app has it. stage.mjs is its director.
import { load } from '/dist/kaiwire.js';
import { FaultyNetwork, install, Tunnel } from '/dist/kaiwire-mock.js';

const TICK = 10;
const CLOSE_TIMEOUT = 5000;

addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));

const stage = {
  /** What a story keeps from step to step. */
  held: {},
  wire: null,
  network: null,
  phone: null,
  /** The longest time in milliseconds for which the page could not run a timer. */
  longestStall: 0,

  async begin({ relay, modules, worker, tls, nameServers }) {
    stage.network = new FaultyNetwork(new Tunnel(relay));
    stage.phone = install(window, { profile: 'kaios3', network: stage.network });
    stage.wire = await load({ modules, worker, tls, nameServers, base: '/dist/' });
  },

  /** Closes kaiwire and resolves with the number of sockets that stay open. */
  async end() {
    await stage.wire.close();
    const deadline = performance.now() + CLOSE_TIMEOUT;
    while (stage.phone.sockets.size > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, TICK));
    }
    return stage.phone.sockets.size;
  },

  /** What became of a call, as plain data: {value}, or {error} with all that an app can see of it. */
  async outcome(promise) {
    const begun = performance.now();
    try {
      return { value: await promise };
    } catch (error) {
      const { name, code, protocol, retry, response, message, trust } = error;
      return { error: { name, code, protocol, retry, response, message, trust }, elapsed: performance.now() - begun };
    }
  },

  async sha256(bytes) {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  },
};

let last = performance.now();
setInterval(() => {
  const now = performance.now();
  stage.longestStall = Math.max(stage.longestStall, now - last - TICK);
  last = now;
}, TICK);

window.stage = stage;
document.title = 'ready';
