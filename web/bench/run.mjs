// Runs the benchmarks in one page of one Firefox:
//
//     node web/bench/run.mjs [--quick] [receive] [send] [echo] [datagrams] [tls] [envelopes] [mail] [names] [chat] [engines]
//
// What is compared takes turns in the same page over the same mock of the
// phone's sockets, so that the ratios mean something on any machine. They are
// printed, and written with all figures to web/bench/out/bench.json; --quick
// runs each side once, to see that it works, and writes quick.json.
import { existsSync, writeFileSync } from 'node:fs';
import { cpus, release, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINES, moduleFile } from '../src/files.js';
import { launch, openPage } from '../test/browser.mjs';
import { startSite } from '../test/site.mjs';
import { buildBenchmarks } from './build.mjs';
import { startServers } from './servers.mjs';

const MIB = 1024 * 1024;
const here = fileURLToPath(new URL('.', import.meta.url));
/** The package under test: web/dist, or what the environment's KAIWIRE_DIST names. */
const dist = process.env.KAIWIRE_DIST ?? join(here, '../dist');

/** The page's own limit on each benchmark, in milliseconds. */
const TIMEOUT = 80_000;
/** A tab has come to rest when its memory is the same for so many of the looks at it, which are so many milliseconds apart. */
const RESTED = 6;
const LOOKS = 60;
const SETTLING = 500;
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
  engines: { lines: 20_000, queries: 500, mib: 8, ...turns(7, 12) },
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
  engines: { ...ONCE, lines: 200, queries: 10, mib: 0.5 },
};

const chosen = process.argv.slice(2).filter((name) => name !== '--quick');
const quick = process.argv.includes('--quick');
const unknown = chosen.filter((name) => !Object.hasOwn(FULL, name));
if (unknown.length > 0) fail(`no such benchmark: ${unknown.join(', ')}; there are ${Object.keys(FULL).join(', ')}`);
for (const file of ['kaiwire.js', 'kaiwire-worker.js', 'kaiwire-mock.js', 'mail.wasm', 'irc.wasm']) {
  if (!existsSync(join(dist, file))) fail(`${file} is missing: make bundle`);
}

const engines = await buildBenchmarks();
const report = await measure(chosen.length > 0 ? chosen : Object.keys(FULL), quick ? QUICK : FULL);
writeFileSync(join(here, 'out', quick ? 'quick.json' : 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
print(report);

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
    '/imap/kaiwire-worker.js': worker,
    '/irc/irc.wasm': join(dist, 'irc.wasm'),
    '/irc/kaiwire-worker.js': worker,
    ...Object.fromEntries([['phone', ENGINES], ['own', ['go']]].flatMap(([tls, engines]) => engines.map((engine) => (
      [`/conn/${moduleFile('dns', tls, engine)}`, join(here, 'out', moduleFile('conn', tls, engine))])))),
    '/conn/kaiwire-worker.js': worker,
  });
  try {
    const browser = await launch();
    try {
      const page = await openPage(browser, { url: site.url('/bench/page.html') });
      const report = {
        date: new Date().toISOString(),
        firefox: await browser.puppeteer.version(),
        host: `${cpus().length} × ${cpus()[0]?.model ?? process.arch}, ${type()} ${release()}`,
        ratios: {},
        figures: {},
      };
      for (const name of names) {
        const servers = name === 'tls' ? await startServers(options.tls.mib * MIB, site.origin) : null;
        try {
          const { ratios, figures } = await page.run(name, (...parameters) => window.runBenchmark(...parameters),
            [name, { ...options[name], ...servers?.options, engines }], { timeout: TIMEOUT });
          Object.assign(report.ratios, ratios);
          Object.assign(report.figures, figures);
        } finally {
          await servers?.close();
        }
      }
      await page.close();
      if (names.includes('engines')) Object.assign(report.figures, await measureTabs(site, options.engines));
      return report;
    } finally {
      await browser.close();
    }
  } finally {
    await site.close();
  }
}

/** What the processes of a tab have for themselves, once that has come to rest; at the latest after a while. */
async function settled(browser) {
  let last = browser.tabMemory();
  for (let looks = 0, still = 0; looks < LOOKS && still < RESTED; looks++) {
    await new Promise((resolve) => { setTimeout(resolve, SETTLING); });
    const now = browser.tabMemory();
    still = Math.abs(now - last) <= last / 100 ? still + 1 : 0;
    last = now;
  }
  return last;
}

/** The memory of a tab with the chat module of each engine, and of one with an empty page; each in a Firefox of its own. */
async function measureTabs(site, { lines }) {
  const figures = {};
  const figure = (title, bytes) => { figures[title] = { unit: 'MiB', value: bytes / MIB, runs: [bytes / MIB] }; };
  for (const engine of ['', ...engines]) {
    // Firefox keeps processes ready for further tabs, which would be counted.
    const browser = await launch({ preferences: { 'dom.ipc.processPrelaunch.enabled': false } });
    try {
      const page = await openPage(browser, { url: site.url('/bench/tab.html') });
      if (!engine) {
        figure('engines/tab/empty', await settled(browser));
        continue;
      }
      await page.run('start', async (engine, lines) => {
        window.speak = await (await import('/bench/tab.js')).start(engine, lines);
      }, [engine, lines]);
      figure(`engines/tab/${engine}/start`, await settled(browser));
      await page.run('speak', () => window.speak(), [], { timeout: TIMEOUT });
      figure(`engines/tab/${engine}/run`, await settled(browser));
      await page.close();
    } finally {
      await browser.close();
    }
  }
  return figures;
}

function print({ firefox, host, figures }) {
  const number = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
  const rows = Object.entries(figures).map(([name, { unit, value, runs }]) => [name, number(value), unit,
    runs.length > 1 ? `${number(Math.min(...runs))} … ${number(Math.max(...runs))}` : '']);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length)));
  console.log(`${firefox} on ${host}\nmedian, and the least and greatest of the runs\n`);
  for (const [name, value, unit, spread] of rows) {
    console.log(`${name.padEnd(widths[0])}  ${value.padStart(widths[1])} ${unit.padEnd(widths[2])}  ${spread}`.trimEnd());
  }
}
