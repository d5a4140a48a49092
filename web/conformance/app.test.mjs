// The self-test app as a phone's owner uses it, in Firefox, where the sockets are Gecko's own.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launchGecko, openSystemPage } from '../test/gecko.mjs';
import { missing } from '../test/requirements.mjs';
import { buildApp } from './build.mjs';
import { startServers } from './servers.mjs';

test('the self-test app', { skip: missing('firefox-esr', 'openssl') }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'kaiwire-app-'));
  t.after(() => rmSync(directory, { recursive: true }));
  await buildApp(join(directory, 'app'));
  const servers = await startServers();
  t.after(servers.close);
  const browser = await launchGecko();
  t.after(browser.close);
  const page = await openSystemPage(browser, { mounts: { app: join(directory, 'app') }, path: 'app/index.html' });

  const refused = await page.run('run without a server', async () => {
    document.getElementById('run').click();
    return document.getElementById('status').textContent;
  });
  assert.equal(refused, 'That is no address.');

  const { status, text, saved } = await page.run('run', async (url) => {
    document.getElementById('server').value = url;
    const save = document.getElementById('save');
    const done = new Promise((resolve) => {
      new MutationObserver(() => { if (!save.disabled) resolve(); }).observe(save, { attributes: true });
    });
    document.getElementById('run').click();
    await done;
    // The download itself is the browser's; what it would write is this.
    const link = new Promise((resolve) => {
      addEventListener('click', (event) => {
        if (!event.target.download) return;
        event.preventDefault();
        resolve({ name: event.target.download, href: event.target.href });
      }, true);
    });
    save.click();
    const { name, href } = await link;
    const body = await (await fetch(href)).text();
    return { status: document.getElementById('status').textContent, text: document.getElementById('result').textContent, saved: { name, body } };
  }, [servers.url], { timeout: 180_000 });
  assert.match(status, /^\d+ facts in \d+ s\.$/);
  assert.match(saved.name, /^kaiwire-report-\d+\.json$/);
  assert.equal(saved.body, text);
  const report = JSON.parse(text);
  assert.equal(report.facts.echo_arraybuffer['server saw'], 'FIN');
  assert.deepEqual(Object.entries(report.facts).filter(([, facts]) => facts['the group']), []);

  await t.test('its report against the mock', async () => {
    // Three groups will do: run.mjs holds the mock to all of them.
    const { echo_arraybuffer, string_mode, remote_fin } = report.facts;
    const compared = async (facts) => {
      const file = join(directory, 'report.json');
      writeFileSync(file, JSON.stringify({ ...report, facts }));
      return new Promise((resolve) => {
        execFile(process.execPath, [fileURLToPath(new URL('compare.mjs', import.meta.url)), file, '--profile=gecko'],
          { timeout: 120_000 }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, output: stdout + stderr }));
      });
    };
    const same = await compared({ echo_arraybuffer, string_mode, remote_fin });
    assert.equal(same.code, 0, same.output);
    assert.match(same.output, /mock \(gecko\) vs phone: \d+ facts, 0 differences\n$/);
    const other = await compared({ echo_arraybuffer: { ...echo_arraybuffer, 'send returns': 'false' } });
    assert.equal(other.code, 1, other.output);
    assert.match(other.output, /1 differences\n$/);
  });
});
