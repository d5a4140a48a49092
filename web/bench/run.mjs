// Runs the benchmarks in one page of one Firefox:
//
//     node web/bench/run.mjs [--quick] [receive] [send] [echo] [datagrams] [tls] [envelopes] [mail] [names] [chat] [engines] [engines-tls] [memory]
//
// What is compared takes turns in the same page over the same mock of the
// phone's sockets, so that the ratios mean something on any machine. They are
// printed, and written with all figures to web/bench/out/bench.json; --quick
// runs each side once, to see that it works, and writes quick.json. What is being
// measured goes to standard error meanwhile. With engines go their sizes, the memory of a tab and
// what js78 makes of them; memory is that of apps, each in a tab of its own.
import { existsSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInShell } from '../gates/js78.mjs';
import { maskScript } from '../gates/mask.mjs';
import { startRelay } from '../relay/relay.mjs';
import { measure as measureFile } from '../sizes.mjs';
import { ENGINES, moduleFile } from '../src/files.js';
import { launch, openPage } from '../test/browser.mjs';
import { missing } from '../test/requirements.mjs';
import { startLines } from '../test/servers/lines.mjs';
import { startSite } from '../test/site.mjs';
import { buildBenchmarks } from './build.mjs';
import { median } from './median.js';
import { startServers } from './servers.mjs';

const MIB = 1024 * 1024;
const here = fileURLToPath(new URL('.', import.meta.url));
/** The package under test: web/dist, or what the environment's KAIWIRE_DIST names. */
const dist = process.env.KAIWIRE_DIST ?? join(here, '../dist');

/** The page's own limit on each benchmark, in milliseconds: several times what it takes where nothing else runs. */
const TIMEOUT = 300_000;
/** For how many looks at it a tab's memory is waited for, and how many milliseconds these are apart. */
const LOOKS = 60;
const SETTLING = 500;
/** How often it is looked for the most that a tab has had, in milliseconds. */
const LOOK = 50;
/** How much each moves or does in a run, how many runs, and the seconds after which there are no more of them. */
const FULL = {
  receive: { sizes: { 1: 4, 16: 32, 64: 32, 384: 32 }, ...turns(11, 9) },
  send: { sizes: { 1: 4, 16: 32, 64: 32, 384: 32 }, ...turns(11, 9) },
  echo: { counts: { 1: 1000, 1024: 1000 }, ...turns(11, 7) },
  datagrams: { batches: 100, ...turns(11, 7) },
  tls: { mib: 10, handshakes: 20, ...turns(11, 7) },
  envelopes: { messages: 10_000, ...turns(7, 25) },
  mail: { flags: 50_000, mib: 10, kept: 10_000, ...turns(5, 12) },
  names: { count: 1000, flights: [1, 100], ...turns(11, 6) },
  chat: { lines: 100_000, members: 5000, ...turns(5, 12) },
  engines: { lines: 20_000, queries: 500, mib: 8, ...turns(7, 12), tabs: { samples: 3, rested: 6 }, shells: 3 },
  'engines-tls': { lines: 20_000, ...turns(7, 12) },
  memory: { kept: 10_000, lines: 100_000, samples: 3, rested: 6 },
};
const ONCE = { warmUp: 0, rounds: 1, seconds: 1 };
const QUICK = {
  receive: { ...ONCE, sizes: { 1: 0.25, 16: 1, 64: 1, 384: 1 } },
  send: { ...ONCE, sizes: { 1: 0.25, 16: 1, 64: 1, 384: 1 } },
  echo: { ...ONCE, counts: { 1: 20, 1024: 20 } },
  datagrams: { ...ONCE, batches: 4 },
  tls: { ...ONCE, mib: 1, handshakes: 2 },
  envelopes: { ...ONCE, messages: 200 },
  mail: { ...ONCE, flags: 500, mib: 0.25, kept: 200 },
  names: { ...ONCE, count: 20, flights: [1, 10] },
  chat: { ...ONCE, lines: 1000, members: 100 },
  engines: { ...ONCE, lines: 200, queries: 10, mib: 0.5, tabs: { samples: 1, rested: 1 }, shells: 1 },
  'engines-tls': { ...ONCE, lines: 200 },
  memory: { kept: 200, lines: 200, samples: 1, rested: 1 },
};

const chosen = process.argv.slice(2).filter((name) => name !== '--quick');
const quick = process.argv.includes('--quick');
const unknown = chosen.filter((name) => !Object.hasOwn(FULL, name));
if (unknown.length > 0) fail(`no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(FULL).join(', ')}`);
for (const file of ['kaiwire.js', 'kaiwire-worker.js', 'kaiwire-mock.js', 'mail.wasm', 'irc.wasm']) {
  if (!existsSync(join(dist, file))) fail(`${file} is missing: make bundle`);
}

const begun = performance.now();
const progress = (text) => console.error(`${Math.round((performance.now() - begun) / 1000)} s: ${text}`);

progress('building');
const engines = await buildBenchmarks();
const tlsEngines = engines.filter((engine) => existsSync(join(dist, moduleFile('irc', 'own', engine))));
const report = await measure(chosen.length > 0 ? chosen : Object.keys(FULL), quick ? QUICK : FULL);
writeFileSync(join(here, 'out', quick ? 'quick.json' : 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
print(report);

function number(value) {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function turns(rounds, seconds) {
  return { warmUp: 2, rounds, seconds };
}

function fail(reason) {
  console.error(reason);
  process.exit(2);
}

async function measure(names, options) {
  const worker = join(here, 'worker.js');
  const site = await startSite({
    '/bench/': here,
    '/dist/': dist,
    '/imap/mail.wasm': join(dist, 'mail.wasm'),
    '/imap/mail.tinygo.wasm': join(dist, 'mail.tinygo.wasm'),
    '/imap/kaiwire-worker.js': worker,
    '/irc/irc.wasm': join(dist, 'irc.wasm'),
    '/irc/irc.tinygo.wasm': join(dist, 'irc.tinygo.wasm'),
    '/irc/kaiwire-worker.js': worker,
    ...Object.fromEntries([['phone', ENGINES], ['own', ['go']]].flatMap(([tls, engines]) => engines.map((engine) => (
      [`/conn/${moduleFile('dns', tls, engine)}`, join(here, 'out', moduleFile('conn', tls, engine))])))),
    '/conn/kaiwire-worker.js': worker,
  });
  try {
    const browser = await launch();
    try {
      const page = await openPage(browser, { url: site.url('/bench/page.html') });
      page.puppeteer.on('console', (message) => progress(message.text()));
      const report = {
        date: new Date().toISOString(),
        firefox: await browser.puppeteer.version(),
        host: `${cpus().length} × ${cpus()[0]?.model ?? process.arch}, ${type()} ${release()}`,
        ratios: {},
        figures: {},
      };
      for (const name of names.filter((name) => name !== 'memory')) {
        const servers = await startServersFor(name, options[name], site);
        try {
          const { ratios, figures } = await page.run(name, (...parameters) => window.runBenchmark(...parameters),
            [name, { ...options[name], ...servers?.options, engines, tlsEngines }], { timeout: TIMEOUT });
          Object.assign(report.ratios, ratios);
          Object.assign(report.figures, figures);
          for (const [title, { value, unit }] of Object.entries(figures)) {
            if (!title.endsWith('/blocked')) progress(`${title}: ${number(value)} ${unit}`);
          }
        } finally {
          await servers?.close();
        }
      }
      await page.close();
      if (names.includes('engines')) {
        Object.assign(report.figures, measureSizes(), await measureTabs(site, options.engines), await measureShells(options.engines));
      }
      if (names.includes('memory')) Object.assign(report.figures, await measureApps(site, options.memory));
      return report;
    } finally {
      await browser.close();
    }
  } finally {
    await site.close();
  }
}

/** What a benchmark needs outside of its page, if anything: {options for it, close()}. */
async function startServersFor(name, options, site) {
  if (name === 'tls') return startServers(options.mib * MIB, site.origin);
  return name === 'engines-tls' ? startChat(options.lines, site) : null;
}

/** The chat server of engines-tls.js, and the relay to it. */
async function startChat(lines, site) {
  const host = 'irc.bench.example';
  const { port, ca, stop } = await startLines(host, lines);
  const relay = await startRelay({ hosts: { [host]: '127.0.0.1' }, allow: [`127.0.0.1:${port}`], origins: [site.origin] });
  return {
    options: { relay: relay.url, server: { host, port, roots: ca } },
    close: async () => {
      await relay.close();
      await stop();
    },
  };
}

/** Files as they are in the package. */
function measureSizes() {
  const files = engines.flatMap((engine) => [['irc', 'phone'], ['dns', 'phone'], ['irc', 'own']].map(([name, tls]) => moduleFile(name, tls, engine)));
  return Object.fromEntries(files.filter((file) => existsSync(join(dist, file))).flatMap((file) => {
    progress(`the size of ${file} …`); // brotli takes its time
    return Object.entries(measureFile(file, dist)).filter(([, bytes]) => bytes !== null)
      .map(([kind, bytes]) => [`engines/size/${file}/${kind}`, { unit: 'bytes', value: bytes, runs: [bytes] }]);
  }));
}

/** What the processes of a tab have for themselves, once that has been the same for `rested` looks; at the latest after a while. */
async function settled(browser, rested) {
  let last = browser.tabMemory();
  for (let looks = 0, still = 0; looks < LOOKS && still < rested; looks++) {
    await new Promise((resolve) => { setTimeout(resolve, SETTLING); });
    const now = browser.tabMemory();
    still = Math.abs(now - last) <= last / 100 ? still + 1 : 0;
    last = now;
  }
  return last;
}

/**
 * What a tab with the chat module of each engine has more than one with an empty page, which comes before it in each
 * round; each in a Firefox of its own.
 */
async function measureTabs(site, { lines, tabs: { samples, rested } }) {
  const runs = {};
  const note = (title, bytes) => {
    progress(`${title}: ${(bytes / MIB).toFixed(1)} MiB`);
    (runs[title] ??= []).push(bytes / MIB);
  };
  const sides = [...engines.map((engine) => [engine, 'phone']), ...tlsEngines.map((engine) => [engine, 'own'])];
  const chat = tlsEngines.length > 0 ? await startChat(lines, site) : null;
  try {
    for (let sample = 0; sample < samples; sample++) {
      const empty = await inTab(site, (browser) => settled(browser, rested));
      note('engines/tab/empty', empty);
      for (const [engine, tls] of sides) {
        const title = `engines/tab/${engine}${tls === 'own' ? '-tls' : ''}`;
        await inTab(site, async (browser, page) => {
          await page.run('start', async (options) => {
            window.speak = await (await import('/bench/tab.js')).start(options);
          }, [{ engine, tls, lines, ...chat?.options }], { timeout: TIMEOUT });
          note(`${title}/start`, await settled(browser, rested) - empty);
          await page.run('speak', () => window.speak(), [], { timeout: TIMEOUT });
          note(`${title}/run`, await settled(browser, rested) - empty);
        });
      }
    }
  } finally {
    await chat?.close();
  }
  return figuresOf(runs, 'MiB');
}

/**
 * What a tab has at the most while an app does its work, and when it has come to rest, over what it had with the app's
 * server alone: of each engine in page mode, and of another's client.
 */
async function measureApps(site, { samples, rested, ...options }) {
  const runs = {};
  for (let sample = 0; sample < samples; sample++) {
    for (const [app, other] of [['mail', 'imapflow'], ['chat', 'irc-framework']]) {
      for (const client of [other, ...engines]) {
        await inTab(site, async (browser, page) => {
          await page.run('begin', async (...parameters) => {
            window.work = (await import('/bench/apps.js')).begin(...parameters);
          }, [app, client, options]);
          const before = await settled(browser, rested);
          let peak = before;
          const looking = setInterval(() => { peak = Math.max(peak, browser.tabMemory()); }, LOOK);
          try {
            await page.run('work', () => window.work(), [], { timeout: TIMEOUT });
          } finally {
            clearInterval(looking);
          }
          const after = await settled(browser, rested);
          for (const [title, bytes] of [['peak', Math.max(peak, after)], ['after', after]]) {
            const name = `memory/${app}/${client}/${title}`;
            progress(`${name}: ${((bytes - before) / MIB).toFixed(1)} MiB`);
            (runs[name] ??= []).push((bytes - before) / MIB);
          }
        });
      }
    }
  }
  return figuresOf(runs, 'MiB');
}

/** Runs `measured` with a Firefox that has nothing but an empty page, and that page. */
async function inTab(site, measured) {
  // Firefox keeps processes ready for further tabs, which would be counted.
  const browser = await launch({ preferences: { 'dom.ipc.processPrelaunch.enabled': false } });
  try {
    const page = await openPage(browser, { url: site.url('/bench/tab.html') });
    const result = await measured(browser, page);
    await page.close();
    return result;
  } finally {
    await browser.close();
  }
}

function figuresOf(runs, unit) {
  return Object.fromEntries(Object.entries(runs).map(([title, values]) => [title, { unit, value: median(values), runs: values }]));
}

/** The engines in the shell of SpiderMonkey 78, where it is: with TLS of our own the server is outside of it. */
async function measureShells({ lines, shells }) {
  const reason = missing('js78');
  if (reason) {
    progress(`not in js78: ${reason}`);
    return {};
  }
  const figures = {};
  const measureShell = async (engine, measured) => {
    const mask = engine === 'js' ? maskScript(48) : '';
    const runs = {};
    for (let i = 0; i < shells; i++) {
      for (const [title, value] of Object.entries(await measured({ scripts: [join(dist, 'kaiwire.classic.js')], mask }))) {
        (runs[`engines/js78/${title}/${engine}`] ??= []).push(value);
      }
    }
    for (const [title, values] of Object.entries(runs)) {
      Object.assign(figures, figuresOf({ [title]: values }, /start|handshake/.test(title) ? 'ms' : 'lines/s'));
      progress(`${title}: ${Math.round(median(values))}`);
    }
  };
  const base = join(dist, '/');
  for (const engine of engines) {
    await measureShell(engine, (o) => runInShell(join(here, 'js78.js'), { ...o, options: { base, engine, lines }, timeout: TIMEOUT }));
  }
  const host = 'irc.bench.example';
  const { port, ca, stop } = await startLines(host, lines);
  try {
    for (const engine of tlsEngines) {
      await measureShell(engine, async (o) => {
        const { handshake, bulk } = await runInShell(join(here, '../gates/js78/tls.js'), { ...o, port,
          options: { base, engine, host, roots: ca, lines, timeout: TIMEOUT }, timeout: TIMEOUT });
        return { 'tls/handshake': handshake, 'tls/irc': lines / (bulk / 1000) };
      });
    }
  } finally {
    await stop();
  }
  return figures;
}

function print({ firefox, host, figures }) {
  const rows = Object.entries(figures).map(([name, { unit, value, runs }]) => [name, number(value), unit,
    runs.length > 1 ? `${number(Math.min(...runs))} … ${number(Math.max(...runs))}` : '']);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  console.log(`${firefox} on ${host}\nmedian, and the least and greatest of the runs\n`);
  for (const [name, value, unit, spread] of rows) {
    console.log(`${name.padEnd(widths[0])}  ${value.padStart(widths[1])} ${unit.padEnd(widths[2])}  ${spread}`.trimEnd());
  }
}
