#!/usr/bin/env node
// What is changed in TinyGo's collector; the tests of package bridge as TinyGo compiles them, nettest among them, wherever
// `make test-wasm` runs Go's; and in Node once more as the engine js has them.
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
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

/** nettest's buffers want far more memory than a phone's app may have, here 1 GB. */
const PAGES = 1 << 14;

const engines = findEngines();
const engine = engines.find(({ name }) => name === 'tinygo');
if (engine) {
  mkdirSync(out, { recursive: true });
  const collector = join(out, 'collector.tinygo.wasm');
  engine.build('./wasm/tinygo/collector', collector);
  run('tinygo', 'node', {}, collector);
  const binary = join(out, 'bridge.tinygo.test.wasm');
  engine.buildTests('./bridge', binary);
  for (const [host, environments] of Object.entries(HOSTS)) {
    for (const environment of environments) run('tinygo', host, environment, binary);
  }
  const script = join(out, 'bridge.test.js');
  writeFileSync(script, await engines.find(({ name }) => name === 'js').toScript(binary, 'bridge.test', { pages: PAGES }));
  for (const environment of HOSTS.node) run('js', 'node', environment, script);
}

function run(engine, host, environment, program) {
  console.log(`${engine}: ${[host, ...Object.values(environment)].join(', ')}`);
  const words = [join(here, 'goexec.mjs'), `--engine=${engine}`, `--host=${host}`, `--timeout=${TIMEOUT}`, program];
  const { status } = spawnSync(process.execPath, words, { env: { ...process.env, ...environment }, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
