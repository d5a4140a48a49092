// The commands on small apps, each with one thing wrong.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { unzipSync } from 'fflate';
import { filesOf, toWebapp } from './app.mjs';
import { check } from './check.mjs';
import { tagsOf } from './html.mjs';
import { init, update } from './init.mjs';
import { moduleFor } from './package.mjs';
import { contents, pack } from './pack.mjs';
import { RULES } from './rules.mjs';
import { startPhone } from './serve.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'kaiwire-kit-'));
process.on('exit', () => rmSync(scratch, { recursive: true }));
const pristine = join(scratch, 'pristine');
init(pristine);
const cli = fileURLToPath(new URL('cli.mjs', import.meta.url));

/** Whether this build has no module of mail for KaiOS 2.5, which is then said of each app of it. */
const EXPECTED = moduleFor('imap', '2.5') ? [] : ['kaiwire-kaios25'];

let made = 0;
/** A new app that somebody has changed. */
function app(change = () => {}) {
  const folder = join(scratch, String(made++));
  cpSync(pristine, folder, { recursive: true });
  const put = (path, text) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const manifest = (edit) => {
    const source = JSON.parse(readFileSync(join(folder, 'manifest.webmanifest'), 'utf8'));
    edit(source);
    put('manifest.webmanifest', JSON.stringify(source));
  };
  const page = (html) => appendFileSync(join(folder, 'index.html'), html);
  change({ folder, put, manifest, page, script: (text) => appendFileSync(join(folder, 'app.js'), text), remove: (path) => rmSync(join(folder, path)) });
  return folder;
}

const widget = { launch_path: '/widget.html', name: 'Unread', description: 'How much is new' };
const withWidget = (edit) => ({ put, manifest }) => {
  put('widget.html', '<!DOCTYPE html>');
  manifest((m) => {
    Object.assign(m.webapp, { widgets: { unread: structuredClone(widget) }, widgetPages: ['/widget.html'] });
    edit(m);
  });
};
const features = (edit) => ({ manifest }) => manifest((m) => edit(m.b2g_features, m));
const embedding = (...names) => features((f, m) => {
  Object.assign(m.webapp, { type: 'privileged' });
  for (const name of ['embed-widgets', 'homescreen-webapp-manage', ...names]) f.permissions[name] = { description: 'To show widgets.' };
});

/** The line that is appended to a file of the template. */
const END = (path) => `${path}:${readFileSync(join(pristine, path), 'utf8').split('\n').length}`;

/** [rule, where, what is done]; where is a pointer into the manifest, or file:line. */
const CASES = [
  ['manifest-missing', 'manifest.webmanifest', ({ remove }) => remove('manifest.webmanifest')],
  ['manifest-syntax', 'manifest.webmanifest:2', ({ put }) => put('manifest.webmanifest', '{\n  "name" }')],
  ['manifest-syntax', 'manifest.webmanifest', ({ put }) => put('manifest.webmanifest', '[]')],
  ['manifest-syntax', '/b2g_features/permissions', ({ manifest }) => manifest((m) => { m.b2g_features.permissions = ['tcp-socket']; })],
  ['manifest-webapp', 'manifest.webapp', ({ put }) => put('manifest.webapp', '{}')],
  ['name', '/name', ({ manifest }) => manifest((m) => { m.name = 'x'.repeat(21); })],
  ['name', '/name', ({ manifest }) => manifest((m) => { m.name = ' '; })],
  ['name', '/b2g_features/locales/en-US/name', features((f) => { f.locales['en-US'].name = 'x'.repeat(21); })],
  ['short-name', '/short_name', ({ manifest }) => manifest((m) => { m.short_name = 'x'.repeat(13); })],
  ['subtitle', '/b2g_features/subtitle', features((f) => { f.subtitle = 'x'.repeat(41); })],
  ['description', '/description', ({ manifest }) => manifest((m) => { delete m.description; })],
  ['version', '/b2g_features/version', features((f) => { f.version = '1.0'; })],
  ['developer', '/b2g_features/developer', features((f) => { f.developer = 'me'; })],
  ['start-url', '/start_url', ({ manifest }) => manifest((m) => { delete m.start_url; })],
  ['relative-path', '/start_url', ({ manifest }) => manifest((m) => { m.start_url = 'https://example.org/'; })],
  ['relative-path', '/icons/0/src', ({ manifest }) => manifest((m) => { m.icons[0].src = '//example.org/56.png'; })],
  ['file-missing', '/start_url', ({ manifest }) => manifest((m) => { m.start_url = '/start.html'; })],
  ['file-missing', END('index.html'), ({ page }) => page('<img src="no.png">')],
  ['icons', '/icons', ({ manifest }) => manifest((m) => { m.icons.pop(); })],
  ['icons', '/icons', ({ manifest }) => manifest((m) => { m.icons = { 56: '/icons/56.png' }; })],
  ['icon-size', '/icons/0/sizes', ({ manifest }) => manifest((m) => { m.icons.push({ ...m.icons[0] }); m.icons[0].sizes = '64x64'; })],
  ['locales', '/b2g_features/default_locale', features((f) => { f.default_locale = 'hi-IN'; })],
  ['locales', '/b2g_features/locales/hi-IN/description', features((f) => { f.locales['hi-IN'] = { name: 'डाक' }; })],
  ['origin', END('app.js'), ({ script }) => script("location.href = 'app://my-mail/index.html';")],
  ['privileged', '/webapp/type', ({ manifest }) => manifest((m) => { delete m.webapp; })],
  ['permission-missing', '/b2g_features/permissions/tcp-socket', features((f) => { f.permissions = {}; })],
  ['permission-missing', '/b2g_features/permissions/udp-socket', ({ script }) => script('new UDPSocket();')],
  ['permission-missing', '/b2g_features/permissions/systemXHR', ({ script }) => script('new XMLHttpRequest({ mozSystem: true });')],
  ['permission-unused', '/b2g_features/permissions/udp-socket', features((f) => { f.permissions['udp-socket'] = { description: 'For names.' }; })],
  ['permission-description', '/b2g_features/permissions/tcp-socket', features((f) => { f.permissions['tcp-socket'] = {}; })],
  ['inline-script', END('index.html'), ({ page }) => page('<script>start()</script>')],
  ['inline-handler', END('index.html'), ({ page }) => page('<b onclick="start()">Go</b>')],
  ['inline-handler', END('index.html'), ({ page }) => page('<a href="javascript:start()">Go</a>')],
  ['remote-script', END('index.html'), ({ page }) => page('<script src="https://example.org/a.js"></script>')],
  ['eval', END('app.js'), ({ script }) => script('new Function("a");')],
  ['eval', END('app.js'), ({ script }) => script('setTimeout("a()", 1);')],
  ['blob-worker', END('app.js'), ({ script }) => script('new Worker(URL.createObjectURL(code));')],
  ['module-script', END('index.html'), ({ page }) => page('<script type="module" src="app.js"></script>')],
  ['kaios25-syntax', END('app.js'), ({ script }) => script('async function later() {}')],
  ['kaios25-syntax', 'more.js:3', ({ put }) => put('more.js', 'var a;\r\u2028a **= 2;')],
  ['kaios25-syntax', END('app.js'), ({ script }) => script('for (const row of rows) row.focus();')],
  ['manifest-csp', '/webapp/csp', ({ manifest }) => manifest((m) => { m.webapp.csp = "script-src 'self'"; })],
  ['activity-href', '/b2g_features/activities/view/href', features((f) => { f.activities = { view: { href: 'http://example.org/' } }; })],
  ['activity-href', '/b2g_features/messages/0/alarm', features((f) => { f.messages = [{ alarm: 'http://example.org/' }, 'push']; })],
  ['widget-listed', '/webapp/widgets/unread/launch_path', withWidget((m) => { m.webapp.widgetPages = []; })],
  ['widget-listed', '/webapp/widgets/unread/locales/hi~1IN/launch_path', withWidget((m) => {
    m.webapp.widgets.unread.locales = { 'hi/IN': { ...widget, launch_path: '/index.html' } };
  })],
  ['widget-file', '/webapp/widgetPages/1', withWidget((m) => { m.webapp.widgetPages.push('/more.html'); })],
  ['widget-file', '/webapp/widgets/unread/preview_image', withWidget((m) => { m.webapp.widgets.unread.preview_image = 'no.jpg'; })],
  ['widget-path', '/webapp/widgetPages/1', withWidget((m) => { m.webapp.widgetPages.push('https://example.org/'); })],
  ['widget-path', '/webapp/widgets/unread/launch_path', withWidget((m) => { delete m.webapp.widgets.unread.launch_path; })],
  ['widget-name', '/webapp/widgets/unread/description', withWidget((m) => { delete m.webapp.widgets.unread.description; })],
  ['widget-name', '/webapp/widgets/unread/locales/hi-IN/name', withWidget((m) => { m.webapp.widgets.unread.locales = { 'hi-IN': { description: 'नया' } }; })],
  ['widget-pages', '/webapp/widgetPages', withWidget((m) => { m.webapp.widgetPages = '/widget.html'; })],
  ['widget-place', '/b2g_features/widgetPages', features((f) => { f.widgetPages = []; })],
  ['embed-widgets', '/b2g_features/permissions/homescreen-webapp-manage', features((f) => { f.permissions['embed-widgets'] = { description: 'To show.' }; })],
  ['embed-downgrade', '/b2g_features/permissions/browser', embedding('browser')],
  ['embed-attribute', END('index.html'), ({ page }) => page('<iframe mozbrowser mozwidget="/manifest.webapp" src="/widget.html"></iframe>')],
  ['embed-attribute', END('index.html'), (o) => {
    embedding()(o);
    o.page('<iframe mozbrowser mozapp="/manifest.webapp" mozwidget="/manifest.webapp" src="/widget.html"></iframe>');
  }],
  ['kaiwire-file', 'kaiwire/kaiwire-worker.js', ({ remove }) => remove('kaiwire/kaiwire-worker.js')],
  ['kaiwire-file', `kaiwire/${moduleFor('imap', '3')}`, ({ remove }) => remove(`kaiwire/${moduleFor('imap', '3')}`)],
  ['kaiwire-version', 'kaiwire/kaiwire.classic.js', ({ folder }) => appendFileSync(join(folder, 'kaiwire/kaiwire.classic.js'), ' ')],
  ['licences', 'kaiwire/LICENSES.txt', ({ remove }) => remove('kaiwire/LICENSES.txt')],
  ['kaiwire-kaios25', 'kaiwire/', ({ put, folder }) => {
    put('app.js', "kaiwire.load({ modules: ['dns'], tls: 'own' });");
    update(folder);
  }],
];

const place = ({ file, line, pointer }) => pointer ?? (line ? `${file}:${line}` : file);

test('nothing is wrong with a new app, and with one that has widgets or embeds them', () => {
  for (const change of [() => {}, withWidget(() => {}), embedding()]) {
    assert.deepEqual(check(app(change)).map(({ rule }) => rule), EXPECTED);
  }
});

for (const [rule, where, change] of CASES) {
  test(`${rule}: ${where}`, () => {
    const found = check(app(change)).filter((finding) => finding.rule === rule || !EXPECTED.includes(finding.rule));
    assert.deepEqual(found.map((finding) => [finding.rule, place(finding)]), [[rule, where]]);
    assert.ok(found[0].message && found[0].source === RULES[rule].source && found[0].cure === RULES[rule].cure);
  });
}

test('each rule has a case, and a line of docs/kit.md', () => {
  const rules = Object.keys(RULES).sort();
  assert.deepEqual([...new Set(CASES.map(([rule]) => rule))].sort(), rules);
  const guide = readFileSync(new URL('../docs/kit.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `([\w-]+)` \| (error|warning) \| (.*?) \| (.*?) \|$/gm)].map(([, ...cells]) => cells);
  assert.deepEqual(rows, Object.entries(RULES).map(([name, { level, what, source }]) => [name, level, what, source.replaceAll('<', '\\<')]));
});

test('errors come before warnings, and not without end', () => {
  const findings = check(app(({ page, script }) => {
    script('eval("1");\n'.repeat(100));
    page('<script>1</script>\n'.repeat(100));
  }));
  const levels = findings.map(({ level }) => level);
  assert.deepEqual(levels, [...levels].sort());
  assert.equal(findings.filter(({ rule }) => rule === 'inline-script').length, 20);
});

test('a page is read as a browser reads it', () => {
  const html = `<!-- <script>no</script> --><script data-a='<b onclick=1>'>if (a < b) "<img src=x onerror=y>"</script>\n<IMG SRC=a.png alt>`;
  assert.deepEqual(tagsOf(html).map(({ name, attributes, line }) => [name, attributes, line]),
    [['script', { 'data-a': '<b onclick=1>' }, 1], ['img', { src: 'a.png', alt: '' }, 2]]);
});

test('one source makes both manifests, and each package is of one phone', () => {
  const folder = app(withWidget((m) => { m.webapp.csp = "script-src 'self'"; }));
  const old = contents(folder, '2.5');
  const current = contents(folder, '3');
  const webapp = JSON.parse(old['manifest.webapp']);
  assert.deepEqual(
    [webapp.name, webapp.launch_path, webapp.type, webapp.icons, webapp.fullscreen, webapp.orientation, webapp.widgetPages, webapp.csp],
    ['My mail', '/index.html', 'privileged', { 56: '/icons/56.png', 112: '/icons/112.png' }, 'true', ['portrait-primary'], ['/widget.html'], "script-src 'self'"]);
  const webmanifest = JSON.parse(current['manifest.webmanifest']);
  assert.ok(!('webapp' in webmanifest) && !JSON.stringify(webmanifest).includes('widget'));
  for (const field of ['version', 'permissions', 'locales', 'default_locale', 'developer', 'subtitle']) {
    assert.deepEqual(webapp[field], webmanifest.b2g_features[field], field);
  }
  const scripts = (files) => Object.keys(files).filter((path) => path.startsWith('kaiwire/'));
  assert.ok(!scripts(old).some((path) => path.endsWith('.wasm')), 'KaiOS 2.5 has no WebAssembly');
  assert.ok(scripts(current).includes(`kaiwire/${moduleFor('imap', '3')}`));
  assert.ok(!('manifest.webmanifest' in old) && !('manifest.webapp' in current));
  assert.deepEqual(toWebapp({ name: 'x', webapp: { name: 'y' } }), { name: 'y' }, 'webapp comes last');
});

test('packages are the same wherever they are made', () => {
  const sums = [['one', 1e9], ['two', 1.5e9]].map(([name, time]) => {
    const folder = join(app(({ put }) => { put('.git/config', 'no'); put('node_modules/x/x.js', 'no'); put('package.json', '{}'); }), '.');
    for (const path of filesOf(folder)) utimesSync(join(folder, path), time, time);
    const { packages } = pack(folder, join(scratch, name));
    return packages.map(({ file }) => {
      const bytes = readFileSync(file);
      assert.ok(Object.keys(unzipSync(bytes)).every((path) => !/^(\.|node_modules|package)/.test(path)), 'what is no part of the app');
      return createHash('sha256').update(bytes).digest('hex');
    });
  });
  assert.equal(sums[0].length, 2);
  assert.deepEqual(sums[0], sums[1]);
});

test('status 0, 1 and 2', () => {
  const run = (...words) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...words], { encoding: 'utf8', cwd: scratch });
    return { status, stdout, stderr };
  };
  const good = app();
  const bad = app(({ manifest }) => manifest((m) => { m.b2g_features.version = '1'; }));
  assert.equal(run('check', good).status, 0);
  const refused = run('check', bad, '--json');
  assert.equal(refused.status, 1);
  const [finding] = JSON.parse(refused.stdout).findings;
  assert.deepEqual(finding, { file: 'manifest.webmanifest', pointer: '/b2g_features/version', rule: 'version', level: 'error',
    message: 'It is "1".', source: RULES.version.source, cure: RULES.version.cure });
  assert.match(run('check', bad).stdout, /^manifest\.webmanifest#\/b2g_features\/version: error: It is "1"\. \[version\]$/m);
  const unpacked = run('pack', bad, '--json', '--out', join(scratch, 'none'));
  assert.deepEqual([unpacked.status, JSON.parse(unpacked.stdout).packages], [1, []]);
  for (const words of [[], ['no'], ['check', '--no'], ['check', good, bad], ['check', 'not-here'], ['init', good], ['init', 'new', '--name', ''],
    ['serve', good, '--kaios', '4'], ['serve', good, '--port', '65536'], ['serve', good, '--map', 'a'], ['serve', good, '--ca', 'not-here'],
    ['serve', good, '--port', '0', '--allow', 'nowhere']]) {
    const { status, stderr } = run(...words);
    assert.equal(status, 2, words.join(' '));
    if (words.length) assert.match(stderr, /^kaiwire: /, words.join(' '));
    assert.doesNotMatch(stderr, /\n {4}at /, 'a stack');
  }
  for (const words of [['help'], ['--help'], ['check', '--help']]) assert.match(run(...words).stdout, /^kaiwire: /);
});

test('init --update brings what the scripts load', () => {
  const folder = app(({ script, remove }) => {
    script("kaiwire.load({ modules: ['irc'], tls: 'own' });");
    remove('kaiwire/LICENSES.txt');
  });
  const written = update(folder);
  assert.ok(written.includes(`kaiwire/${moduleFor('irc', '3', 'own')}`) && written.includes('kaiwire/LICENSES.txt'));
  assert.ok(!check(folder).some(({ level }) => level === 'error'));
});

function fetched(url, host) {
  const { port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: pathname, headers: { host: host ?? new URL(url).host } }, async (response) => {
      resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(await response.toArray()).toString() });
    }).on('error', reject);
  });
}

/** What the phone's own script comes after, and before the app's, in pages of all kinds. */
const HEADS = {
  'none.html': '',
  'body.html': '<!DOCTYPE html>',
  'html.html': '\ufeff<!-- <head> --><!doctype html><HTML lang="en">',
  'head.html': '<!DOCTYPE html><html><head class="a">',
};

for (const kaios of ['2.5', '3']) {
  test(`serve: what a file is on KaiOS ${kaios}`, async (t) => {
    const folder = app(({ manifest, put }) => {
      manifest((m) => { m.webapp.csp = "img-src 'self'"; });
      put('.hidden', 'no');
      for (const [path, before] of Object.entries(HEADS)) put(path, `${before}\n<script src="app.js"></script><header></header>`);
    });
    const phone = await startPhone({ folder, kaios });
    t.after(phone.close);
    assert.match(phone.url, /^http:\/\/my-mail\.localhost:\d+\/$/);
    const page = await fetched(`${phone.url}index.html`);
    assert.match(page.text, /<head><script src="\/\.phone\/phone\.js" data-relay="ws:\/\/127\.0\.0\.1:\d+\/" data-profile="kaios\d+" data-permissions="tcp-socket"><\/script>/);
    for (const [path, before] of Object.entries(HEADS)) {
      const { text } = await fetched(phone.url + path);
      assert.ok(text.startsWith(`${before}<script src="/.phone/phone.js"`) && text.includes('app.js'), text);
    }
    const csp = page.headers['content-security-policy'];
    assert.match(csp, /script-src 'self'/);
    assert.equal(csp.includes("img-src 'self'"), kaios === '2.5', 'a policy of the app’s own');
    assert.equal(csp.includes('wasm-unsafe-eval'), kaios === '3');
    const { headers } = await fetched(`${phone.url}kaiwire/${moduleFor('imap', '3')}`);
    assert.equal(headers['content-type'], kaios === '3' ? 'application/wasm' : 'application/x-unknown-content-type');
    const [own, other] = kaios === '3' ? ['manifest.webmanifest', 'manifest.webapp'] : ['manifest.webapp', 'manifest.webmanifest'];
    assert.equal(JSON.parse((await fetched(phone.url + own)).text).name, 'My mail');
    for (const path of [other, '.hidden', 'no.js', '%2e%2e/0/app.js', '%']) assert.equal((await fetched(phone.url + path)).status, 404, path);
    assert.equal((await fetched(phone.url)).headers.location, '/.phone/');
    assert.equal((await fetched(`${phone.url}index.html`, 'elsewhere.example')).status, 421);
    assert.equal((await fetched(`${phone.address}index.html`)).status, 200);
  });
}

test('serve: KaiOS 2.5 gives an app that is not privileged nothing', async (t) => {
  for (const [kaios, permissions] of [['2.5', ''], ['3', 'tcp-socket']]) {
    const phone = await startPhone({ folder: app(({ manifest }) => manifest((m) => { delete m.webapp; })), kaios });
    t.after(phone.close);
    assert.ok((await fetched(`${phone.url}index.html`)).text.includes(`data-permissions="${permissions}"`), kaios);
  }
});
