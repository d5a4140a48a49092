import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { missing } from '../test/requirements.mjs';
import { judge } from './judge.mjs';

const MIB = 1024 * 1024;
const ends = [{ heard: 9, messages: 1, queries: 1, connections: 2, failure: null }];
const samplesOf = (...memory) => memory.map((bytes) => ({ tab: 20 * MIB, inPage: { memory: bytes * MIB } }));

test('memory that grows in the second half is told, memory that grew at the start is not', () => {
  assert.deepEqual(judge({ engine: 'go', samples: samplesOf(4, 8, 8, 8, 8, 8, 8, 8), ends }).problems, []);
  assert.deepEqual(judge({ engine: 'go', samples: samplesOf(4, 5, 6, 7, 8, 9, 10, 11), ends }).problems,
    ['go: module 7.0 → 11.0 MiB: grows']);
});

test('a page in which nothing happened, or something failed, is told', () => {
  const samples = samplesOf(8);
  assert.deepEqual(judge({ engine: 'go', samples, ends: [{ ...ends[0], queries: 0 }] }).problems, ['go: a page has no queries']);
  assert.deepEqual(judge({ engine: 'go', samples, ends: [{ ...ends[0], failure: 'Error: late' }] }).problems, ['go: Error: late']);
});

test('a few seconds of the hour', { skip: missing('firefox-esr'), timeout: 300_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('run.mjs', import.meta.url)), '--minutes=0.05']);
  assert.match(stdout, /^soak: [1-9]\d* engines, 0\.05 minutes, 0 problems$/m);
});
