// The host of a Go test binary, for goexec.mjs: the same in Node and in a page.
// Go's own wasm_exec.js has to be there already.
import { Host } from '../../bridge/host.js';
import { findPhone, noPhone } from '../../bridge/phone.js';
import { FaultyNetwork, install, MemoryNetwork } from '../../bridge/mock/index.js';

/**
 * Gives `go` what package bridge imports and returns the function that then
 * runs an instance; its promise ends with the program.
 */
function attachBridge(go, globalThis) {
  const host = new Host(findPhone(globalThis) ?? noPhone, { yields: true });
  host.attach(go);
  return (instance) => host.start(instance);
}

/**
 * Runs a Go program on a phone whose network is in memory and resolves with
 * its exit code. What Go tests need of the network is the global `kaiwireTest`.
 * @param {{bytes: BufferSource, argv: string[], env: Record<string, string>, onStart?: (go: object) => void}} program
 */
export async function runGo({ bytes, argv, env, onStart }) {
  const memory = new MemoryNetwork();
  memory.listen('reset.test:1', (peer) => {
    peer.write(new TextEncoder().encode('* OK half a li'));
    peer.reset();
  });
  memory.listen('certificate.test:1', () => {});
  const network = new FaultyNetwork(memory);
  network.set('black-hole.test:1', 'black-hole');
  network.set('certificate.test:1', 'certificate-error');
  install(globalThis, { profile: 'kaios3', network });
  let pairs = 0;
  globalThis.kaiwireTest = {
    /** Two addresses whose dialers are connected to each other. */
    pair() {
      const addresses = [`a${++pairs}.test:1`, `b${pairs}.test:1`];
      memory.pair(...addresses);
      return addresses;
    },
  };

  const go = new globalThis.Go();
  go.argv = argv;
  go.env = env;
  let code = 0;
  go.exit = (status) => { code = status; };
  const start = attachBridge(go, globalThis);
  const { instance } = await WebAssembly.instantiate(bytes, go.importObject);
  onStart?.(go);
  await start(instance);
  return code;
}
