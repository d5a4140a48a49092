#!/usr/bin/env node
// Compares a phone's report, as the self-test app saves it, with the mock:
//
//     node web/conformance/compare.mjs report.json [--profile=kaios3]
//
// The mock runs the same script here, in Firefox. Facts that only one of the
// two has (the phone need not trust the servers' authority, nor be able to
// collect its garbage) are counted and left out. Exit status 1 for differences.
import { readFileSync } from 'node:fs';
import { launch } from '../test/browser.mjs';
import { observeMock } from './observe.mjs';
import { common, compare, print } from './report.mjs';
import { startServers } from './servers.mjs';

const words = process.argv.slice(2);
const profile = words.find((word) => word.startsWith('--profile='))?.slice('--profile='.length) ?? 'kaios3';
const files = words.filter((word) => !word.startsWith('--'));
if (files.length !== 1 || !['kaios25', 'kaios3', 'gecko'].includes(profile)) {
  process.stderr.write('compare.mjs report.json [--profile=kaios25|kaios3|gecko]\n');
  process.exit(2);
}
const { facts, userAgent } = JSON.parse(readFileSync(files[0], 'utf8'));
const servers = await startServers();
let browser;
try {
  browser = await launch();
  const mock = await observeMock(browser, servers, { profile, only: Object.keys(facts) });
  const { left, right, alone } = common(mock, facts);
  console.log(`${userAgent}; ${alone} facts that only one has are left out`);
  const result = compare(left, right);
  print(result, [`mock (${profile})`, 'phone']);
  if (result.differences.length > 0) process.exitCode = 1;
} finally {
  await browser?.close();
  await servers.close();
}
