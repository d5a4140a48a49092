// Modules that only TinyGo makes are not there for everybody.
import { existsSync } from 'node:fs';
import { HOW } from '../../wasm/tinygo/make.mjs';
import { moduleFile } from '../src/files.js';

/** For `skip`: false if the module is in the package, else why not; with CI=true it has to be. */
export function unbuilt(dist, name, engine, tls = 'phone') {
  const file = moduleFile(name, tls, engine);
  if (existsSync(dist + file)) return false;
  const reason = `${dist}${file} is not there. ${HOW}`;
  if (process.env.CI === 'true') throw new Error(reason);
  process.stderr.write(`\n*** TESTS SKIPPED *** ${reason}\n\n`);
  return reason;
}
