// The host of a Go test binary, for goexec.mjs: the same in Node and in a page.
// Go's own wasm_exec.js has to be there already.
import { Host } from '../../bridge/host.js';
import { findPhone, noPhone } from '../../bridge/phone.js';
import { PageRelay, WorkerRelay } from '../../bridge/relay.js';
import { FaultyNetwork, install, MemoryNetwork } from '../../bridge/mock/index.js';
import { Crossing } from '../../wasm/call/call.js';

/** The phone's sockets as a worker sees them, with both halves of the relay in this thread. */
function relayed(phone) {
  const channel = new MessageChannel();
  const page = new PageRelay(phone, (message, transfer) => channel.port1.postMessage(message, transfer ?? []));
  const worker = new WorkerRelay((message, transfer) => channel.port2.postMessage(message, transfer ?? []));
  worker.offer(page.offers);
  channel.port1.onmessage = ({ data }) => page.receive(data);
  channel.port2.onmessage = ({ data }) => worker.receive(data);
  return worker;
}

/**
 * Gives `go` what package bridge imports, over `sockets`, and returns
 * the function that then runs an instance; its promise ends with the program,
 * by its exit code.
 */
function attachBridge(go, sockets) {
  const host = go.env.KAIWIRE_MODE === 'worker'
    ? new Host(relayed(sockets), { yields: false })
    : new Host(sockets, { yields: true });
  // The tests of package call import its half too, but make no calls.
  host.attach(go, new Crossing(host, null).imports());
  return (instance) => host.start(instance);
}

/**
 * A phone whose network is in memory. Puts up `kaiwireTest`, which is what the
 * tests of package bridge need of the network.
 */
function memoryPhone(profile) {
  const memory = new MemoryNetwork();
  memory.listen('reset.test:1', (peer) => {
    peer.write(new TextEncoder().encode('* OK half a li'));
    peer.reset();
  });
  memory.listen('certificate.test:1', () => {});
  const network = new FaultyNetwork(memory);
  network.set('black-hole.test:1', 'black-hole');
  network.set('certificate.test:1', 'certificate-error');
  const phone = install(globalThis, { profile, network, permissions: ['tcp-socket', 'udp-socket'] });
  if (!globalThis.addEventListener) {
    // Node: a page is told of its network by events.
    const target = new EventTarget();
    for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) globalThis[name] = target[name].bind(target);
  }
  let pairs = 0;
  globalThis.kaiwireTest = {
    /** Two addresses whose dialers are connected to each other. */
    pair() {
      const addresses = [`a${++pairs}.test:1`, `b${pairs}.test:1`];
      memory.pair(...addresses);
      return addresses;
    },
    /** Where to dial to meet `fault`: refused, black-hole, reset (after some bytes) or certificate. */
    address: (fault) => `${fault}.test:1`,
    /** Whether the phone has UDP. */
    udp: () => typeof globalThis.UDPSocket === 'function',
    /** Takes the phone's network away, or gives it back. */
    offline(off) {
      phone.offline = off;
      globalThis.dispatchEvent(new Event(off ? 'offline' : 'online'));
    },
    collectGarbage: () => phone.collectGarbage(),
  };
}

/**
 * Runs a Go program, its WebAssembly or what wasm/js has made of it, and resolves with its exit code. `putUp` gives the global
 * object the phone's sockets, or returns others, and `kaiwireTest`. The environment's
 * KAIWIRE_PROFILE names the mock's profile, by default kaios3; with
 * KAIWIRE_MODE=worker the sockets go through the relay of the worker mode.
 * @param {{bytes?: BufferSource, script?: (imports: object) => object, argv: string[], env: Record<string, string>, onStart?: (go: object) => void, putUp?: () => object | void}} program
 */
export async function runGo({ bytes, script, argv, env, onStart, putUp = memoryPhone }) {
  const sockets = putUp(env.KAIWIRE_PROFILE || 'kaios3') ?? findPhone(globalThis) ?? noPhone;
  const go = new globalThis.Go();
  go.argv = argv;
  go.env = env;
  const start = attachBridge(go, sockets);
  const instance = script ? go.instantiate(script) : (await WebAssembly.instantiate(bytes, go.importObject)).instance;
  onStart?.(go);
  return start(instance);
}
