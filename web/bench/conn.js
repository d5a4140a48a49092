// What the benchmarks of the bridge share: its module of conn/ in page and
// worker, and servers that know when a run began and when it was over.
import { load } from '/dist/kaiwire.js';
import { moduleMemory } from './measure.js';

export const MIB = 1024 * 1024;
/** How long a run may take, in milliseconds. */
const TIMEOUT = 60_000;

/** Calls a method of the module; resolves with how long it took once the connection was open, in milliseconds. */
export async function callConn(wire, method, options) {
  try {
    return (await wire._client.call('dns', method, 0, options, { timeout: TIMEOUT })).value / 1000;
  } catch (error) {
    // The page's director sees the message only.
    throw new Error(`${method}: ${error.message} ${error.detail || ''}`);
  }
}

/**
 * Loads the module in both modes: { page, worker }, of each
 *   call(method, options)  is callConn's
 *   memory()               resolves with the size of its memory in bytes
 *   close()
 */
export async function loadConn(tls = 'phone') {
  const modes = {};
  for (const [mode, worker] of [['page', false], ['worker', true]]) {
    // load() takes the names of the package's modules only: /conn/ has the benchmark's own under one of them.
    const wire = await load({ modules: ['dns'], engine: 'go', tls, worker, base: '/conn/' });
    modes[mode] = {
      call: (method, options) => callConn(wire, method, options),
      memory: () => moduleMemory(wire),
      close: () => wire.close(),
    };
  }
  return modes;
}

/**
 * A server's clock. measured(run) calls run() and resolves with what the run that
 * the server has meanwhile started took, in milliseconds, when both have ended.
 */
export class Clock {
  #settle = null;

  /** Starts a run, which ends with over() or failed(why); later calls do nothing. */
  start() {
    const { resolve, reject } = this.#settle;
    const begun = performance.now();
    return {
      over: () => resolve(performance.now() - begun),
      failed: (why) => reject(new Error(why)),
    };
  }

  async measured(run) {
    const elapsed = new Promise((resolve, reject) => { this.#settle = { resolve, reject }; });
    const [result] = await Promise.all([elapsed, run()]);
    return result;
  }
}

/**
 * Opens a bare socket and resolves with what `body(socket, done)` has given to
 * done() when the socket has closed, which done() makes it do.
 */
export function bareSocket(host, port, body) {
  return new Promise((resolve, reject) => {
    const socket = navigator.mozTCPSocket.open(host, port, { binaryType: 'arraybuffer' });
    let result;
    socket.onerror = ({ name }) => reject(new Error(name));
    socket.onclose = () => resolve(result);
    body(socket, (value) => {
      result = value;
      socket.close();
    });
  });
}
