// Any Go program on package bridge: for protocols that kaiwire does not have.

import { Host } from '../../bridge/host.js';
import { instantiate } from './engine.js';
import { localError } from './errors.js';
import { chooseSockets, locate } from './platform.js';

export async function runGoOn(platform, options) {
  const { wasm, framing, argv, env } = options || {};
  if (!wasm) throw localError('EINVAL', '', 'runGo() needs the program: {wasm: "finger.wasm"}.');
  const sockets = chooseSockets(platform, options.sockets);
  // The one that was built into kaiwire unless the app brings that of another compiler.
  const go = new (options.Go || Go)();
  go.argv = (argv || go.argv.slice(0, 1)).map(String);
  Object.assign(go.env, env);
  let status = 0;
  go.exit = (code) => { status = code; };
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
  const exited = host.start(instance).then(() => {
    host.stop();
    return status;
  }, (error) => {
    host.stop();
    throw localError('EPANIC', String(error));
  });
  return { host: host.object, exited, stop: () => host.stop() };
}
