import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PACKAGES } from './requirements.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

// Asks in a process of its own, as the answer depends on the environment.
const ask = (environment) => spawnSync(process.execPath, ['--input-type=module', '-e',
  "import { missing } from './requirements.mjs'; console.log(missing('node', 'ngircd-of-nowhere'));"],
{ cwd: here, encoding: 'utf8', env: { PATH: process.env.PATH, ...environment } });

test('what is missing is skipped loudly, and fails in CI', () => {
  const skipped = ask({});
  assert.equal(skipped.status, 0, skipped.stderr);
  assert.match(skipped.stdout, /ngircd-of-nowhere not found/);
  assert.match(skipped.stderr, /TESTS SKIPPED.*ngircd-of-nowhere not found/);
  const failed = ask({ CI: 'true' });
  assert.notEqual(failed.status, 0);
  assert.match(failed.stderr, /ngircd-of-nowhere not found/);
});

test('install-debian.sh', { skip: process.platform !== 'linux' && 'a script for Debian' }, async (t) => {
  const bin = mkdtempSync(join(tmpdir(), 'kaiwire-bin-'));
  t.after(() => rmSync(bin, { recursive: true }));
  const put = (name, script) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  // A machine of our own making: `id` and `apt-get` are played, the rest is as it is.
  const log = join(bin, 'log');
  put('apt-get', `echo "$@" >> '${log}'`);
  const script = (uid, environment) => {
    put('id', `echo ${uid}`);
    return spawnSync('/bin/sh', [join(here, 'install-debian.sh')], {
      encoding: 'utf8', env: { PATH: `${bin}:${process.env.PATH}`, ...environment },
    });
  };

  await t.test('installs the packages that the tests name', () => {
    const text = readFileSync(join(here, 'install-debian.sh'), 'utf8');
    for (const [command, name] of Object.entries(PACKAGES)) assert.match(text, new RegExp(`${command}\\}?"?:${name}\\b`));
  });

  await t.test('installs what is missing, as root', () => {
    assert.equal(script(0, { FIREFOX: '/nonexistent/firefox' }).status, 0);
    const calls = readFileSync(log, 'utf8').trim().split('\n');
    assert.equal(calls.length, 2);
    assert.match(calls[0], /^update\b/);
    assert.match(calls[1], /^install -y .* firefox-esr\b/);
    rmSync(log);
  });

  await t.test('only names it, as anybody else', () => {
    const { status, stderr } = script(1000, { FIREFOX: '/nonexistent/firefox' });
    assert.equal(status, 0);
    assert.match(stderr, /Missing for the browser tests.* firefox-esr\b/);
    assert.equal(existsSync(log), false);
  });
});
