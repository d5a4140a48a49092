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
  /** kaiwire's, with the stage's own folder by default. */
  load: null,
  /** The longest time in milliseconds for which the page could not run a timer. */
  longestStall: 0,

  /** `frame` is the page that plays the phone, with kaiwire's classic script in it, where this one's engine is too new. */
  async begin({ relay, frame, permissions, profile = 'kaios3', ...options }) {
    const phone = frame ? await openFrame(frame) : window;
    const loader = frame ? phone.kaiwire.load : load;
    stage.load = (options) => loader({ base: '/dist/', ...options });
    stage.network = new FaultyNetwork(new Tunnel(relay));
    stage.phone = install(phone, { profile, network: stage.network, permissions });
    stage.wire = await stage.load(options);
  },

  /**
   * Closes kaiwire and resolves with the number of sockets that it has not let go of. One that the server has closed
   * while we were sending stays `closing` for ever: that is the phone's.
   */
  async end() {
    await stage.wire.close();
    const held = () => [...stage.phone.sockets].filter(({ readyState }) => readyState !== 'closing').length;
    const deadline = performance.now() + CLOSE_TIMEOUT;
    while (held() > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, TICK));
    }
    return held();
  },

  /** What became of a call, as plain data: {value}, or {error} with all that an app can see of it. */
  async outcome(promise) {
    const begun = performance.now();
    try {
      return { value: await promise };
    } catch (error) {
      const { name, code, protocol, retry, response, message, detail, trust } = error;
      return { error: { name, code, protocol, retry, response, message, detail, trust }, elapsed: performance.now() - begun };
    }
  },

  async sha256(bytes) {
    const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  },
};

function openFrame(url) {
  const frame = document.createElement('iframe');
  const loaded = new Promise((resolve) => frame.addEventListener('load', resolve, { once: true }));
  frame.src = url;
  document.documentElement.append(frame);
  return loaded.then(() => frame.contentWindow);
}

let last = performance.now();
setInterval(() => {
  const now = performance.now();
  stage.longestStall = Math.max(stage.longestStall, now - last - TICK);
  last = now;
}, TICK);

window.stage = stage;
document.title = 'ready';
