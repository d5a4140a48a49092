// Any Go program on package bridge: for protocols that kaiwire does not have.

import { Host } from '../../bridge/host.js';
import { instantiate } from './engine.js';
import { localError } from './errors.js';
import { chooseSockets, locate } from './platform.js';
import { newGo } from './runtimes.js';

/** With this Go's runtime exits after a panic; a program may as well. */
const PANICKED = 2;

export async function runGoOn(platform, options) {
  const { wasm, framing, argv, env } = options || {};
  if (!wasm) throw localError('EINVAL', '', 'runGo() needs the program: {wasm: "finger.wasm"}.');
  const sockets = chooseSockets(platform, options.sockets);
  // The one that was built into kaiwire unless the app brings that of another compiler.
  const go = options.Go ? new options.Go() : newGo('go');
  go.argv = (argv || ['js']).map(String);
  go.env = Object.assign({}, env);
  const host = new Host(sockets, { framing, yields: true });
  host.attach(go);
  const url = typeof wasm === 'string' || wasm instanceof URL ? locate(platform, String(wasm)) : null;
  let instance;
  try {
    instance = url
      ? await instantiate(url, go.importObject, platform.read)
      : (await WebAssembly.instantiate(wasm, go.importObject)).instance;
  } catch (error) {
    throw localError('ELOAD', (url ? url + ': ' : '') + error.message, 'The program could not be loaded.');
  }
  const exited = host.start(instance).then((status) => {
    if (status === PANICKED && host.lastWords) throw localError('EPANIC', host.lastWords);
    return status;
  }, (error) => {
    throw localError('EPANIC', host.lastWords || String(error));
  });
  return { host: host.object, exited, stop: () => host.stop() };
}
