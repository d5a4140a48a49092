#!/usr/bin/env node
// The tests of package bridge as TinyGo compiles them, nettest among them, wherever `make test-wasm` runs Go's.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEngines } from '../engines.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const out = join(here, 'out');
/** Far above what a run takes, tens of seconds. */
const TIMEOUT = 300;

const HOSTS = {
  node: [
    ...['page', 'worker'].flatMap((mode) => ['kaios25', 'kaios3', 'gecko'].map((profile) => ({ KAIWIRE_MODE: mode, KAIWIRE_PROFILE: profile }))),
    ...['page', 'worker'].map((mode) => ({ KAIWIRE_MODE: mode, KAIWIRE_SOCKETS: 'node' })),
  ],
  firefox: [{ KAIWIRE_MODE: 'page', KAIWIRE_PROFILE: 'kaios3' }, { KAIWIRE_MODE: 'worker', KAIWIRE_PROFILE: 'kaios25' }],
};

const engine = findEngines().find(({ name }) => name === 'tinygo');
if (engine) {
  mkdirSync(out, { recursive: true });
  const binary = join(out, 'bridge.tinygo.test.wasm');
  engine.buildTests('./bridge', binary);
  for (const [host, environments] of Object.entries(HOSTS)) {
    for (const environment of environments) {
      console.log(`tinygo: ${host}, ${Object.values(environment).join(', ')}`);
      const words = [join(here, 'goexec.mjs'), '--engine=tinygo', `--host=${host}`, `--timeout=${TIMEOUT}`, binary];
      const { status } = spawnSync(process.execPath, words, { env: { ...process.env, ...environment }, stdio: 'inherit' });
      if (status !== 0) process.exit(status ?? 1);
    }
  }
}
