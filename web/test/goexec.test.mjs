import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArguments } from './goexec.mjs';
import { missing } from './requirements.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const goexec = join(here, 'goexec.mjs');

const environment = { ...process.env, GOOS: 'js', GOARCH: 'wasm' };

/** Runs a program and resolves with its exit status and all that it wrote. */
async function run(command, args, env = process.env) {
  const child = spawn(command, args, { cwd: here, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8');
    stream.on('data', (text) => { output += text; });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

test('go test', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kaiwire-goexec-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const binary = join(directory, 'goexec.wasm');
  const built = await run('go', ['test', '-c', '-o', binary, './testdata/goexec'], environment);
  assert.equal(built.code, 0, built.output);

  const inHost = (host, name, timeout = 60) => run(process.execPath,
    [goexec, `--host=${host}`, `--timeout=${timeout}`, binary, '-test.v', `-test.run=^${name}$`]);

  for (const host of ['node', 'firefox']) {
    await t.test(host, { skip: host === 'firefox' && missing('firefox-esr') }, async (t) => {
      await t.test('is what go test -exec wants', async () => {
        const { code, output } = await run('go', ['test', '-count=1', '-v', '-run=^TestPasses$',
          `-exec=${process.execPath} ${goexec} --host=${host}`, './testdata/goexec'], environment);
        assert.equal(code, 0, output);
        assert.match(output, /standard output: ünïcödé\n/);
        assert.match(output, /standard error\n/);
        assert.match(output, /--- PASS: TestPasses/);
      });

      await t.test('ends with Go’s exit status', async () => {
        const { code, output } = await inHost(host, 'TestFails');
        assert.match(output, /on purpose/);
        assert.equal(code, 1);
      });

      await t.test('shows a panic', async () => {
        const { code, output } = await inHost(host, 'TestPanics');
        assert.match(output, /panic: on purpose/);
        assert.equal(code, 2);
      });

      await t.test('ends a program that spins', async () => {
        const { code, output } = await inHost(host, 'TestSpins', 5);
        assert.match(output, /about to spin/);
        assert.equal(code, 124);
      });

      await t.test('tells what blocks', async () => {
        const { code, output } = await run(process.execPath,
          [goexec, `--host=${host}`, binary, '-test.run=^TestBlocks$', '-test.timeout=1s']);
        assert.match(output, /panic: test timed out after 1s/);
        assert.equal(code, 2);
      });

      await t.test('dials on the mock’s network', async () => {
        const { code, output } = await inHost(host, 'TestPair');
        assert.equal(code, 0, output);
      });
    });
  }

  await t.test('in node a deadlock is told at once', async () => {
    const { code, output } = await inHost('node', 'TestBlocks');
    assert.match(output, /all goroutines are asleep - deadlock!/);
    assert.equal(code, 2);
  });
});

test('the command line', () => {
  assert.deepEqual(parseArguments(['--host=firefox', '--timeout=5', 'x.wasm', '-test.v', '--host=node']),
    { host: 'firefox', engine: 'go', timeout: 5000, binary: 'x.wasm', args: ['-test.v', '--host=node'] });
  assert.equal(parseArguments(['x.wasm', '-test.timeout=1m30.5s']).timeout, 100_500);
  assert.equal(parseArguments(['x.wasm', '-test.timeout=0s']).timeout, 600_000);
  assert.throws(() => parseArguments(['--host=lynx', 'x.wasm']), /--host=lynx/);
  assert.equal(parseArguments(['--engine=tinygo', 'x.wasm']).engine, 'tinygo');
  assert.throws(() => parseArguments(['--engine=steam', 'x.wasm']), /--engine=steam/);
  assert.throws(() => parseArguments(['--timeout=soon', 'x.wasm']), /--timeout=soon/);
  assert.throws(() => parseArguments(['--host=node']), /which program/);
});
