#!/usr/bin/env node
// Holds the mock against Gecko: the conformance script on both, fact by fact.
//
//     node web/conformance/run.mjs [group …]
//
// Prints both columns of each difference, and ends with
// `mock vs gecko: N facts, D differences`; exit status 1 for D > 0.
import { mkdirSync, writeFileSync } from 'node:fs';
import { missing } from '../test/requirements.mjs';
import { launchGecko } from '../test/gecko.mjs';
import { EXCEPTIONS } from './exceptions.mjs';
import { compare, print } from './report.mjs';
import { observeGecko, observeMock } from './observe.mjs';
import { startServers } from './servers.mjs';

const only = process.argv.slice(2);
const lacking = missing('firefox-esr', 'openssl');
if (lacking) process.exit(0);

const output = new URL('../test/out/', import.meta.url);
const servers = await startServers();
let browser;
try {
  browser = await launchGecko();
  const options = only.length > 0 ? { only } : {};
  const gecko = await observeGecko(browser, servers, options);
  const mock = await observeMock(browser, servers, { profile: 'gecko', ...options });
  mkdirSync(output, { recursive: true });
  for (const [name, report] of Object.entries({ gecko, mock })) {
    writeFileSync(new URL(`conformance-${name}.json`, output), `${JSON.stringify(report, null, 1)}\n`);
  }
  const result = compare(mock, gecko, EXCEPTIONS);
  print(result, ['mock', 'gecko']);
  if (result.differences.length > 0) process.exitCode = 1;
} finally {
  await browser?.close();
  await servers.close();
}
