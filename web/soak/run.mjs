// An hour of IRC messages and DNS queries over live sockets in each engine of
// the bundle, in page and worker mode, each engine in a Firefox of its own:
//
//     node web/soak/run.mjs [--minutes=60] [--engine=go] [--engine=…]
//
// Prints a line for each engine and minute, and at the end whether the memory
// stayed flat: what the module and the browser's content processes hold in the
// last quarter of the time beside the second. All samples go to
// web/soak/out/soak.json. The exit status is 1 for traffic that failed and for
// memory that grew.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startServers } from '../demo/servers.mjs';
import { startRelay } from '../relay/relay.mjs';
import { ENGINES, moduleFile } from '../src/files.js';
import { launch, openPage } from '../test/browser.mjs';
import { startSite } from '../test/site.mjs';
import { judge } from './judge.mjs';

const MIB = 1024 * 1024;
const here = fileURLToPath(new URL('.', import.meta.url));
/** The package under test: web/dist, or what the environment's KAIWIRE_DIST names. */
const dist = process.env.KAIWIRE_DIST ?? join(here, '../dist');

/** What the demo's name server says. */
const QUESTIONS = [
  ['kaiwire.example', 'A', 'NOERROR 1'],
  ['www.kaiwire.example', 'AAAA', 'NOERROR 3'],
  ['kaiwire.example', 'MX', 'NOERROR 2'],
  ['many.kaiwire.example', 'A', 'NOERROR 3'],
  ['kaiwire.example', 'TXT', 'NOERROR 2'],
  ['_imaps._tcp.kaiwire.example', 'SRV', 'NOERROR 2'],
  ['nobody.kaiwire.example', 'A', 'NXDOMAIN 0'],
  ['10.2.0.192.in-addr.arpa', 'PTR', 'NOERROR 1'],
].map(([name, type, expected]) => ({ name, type, expected }));

/** How often a bot says something in one of the channels. */
const TALK = '10ms';
/** How long the last messages may take, in milliseconds. */
const END_TIMEOUT = 60_000;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, engine: { type: 'string', multiple: true } },
});
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes takes a number above 0, not ${values.minutes}`);
if (!existsSync(join(dist, 'kaiwire.js'))) throw new Error('there is no bundle: make bundle');
const built = ENGINES.filter((engine) => ['irc', 'dns'].every((name) => existsSync(join(dist, moduleFile(name, 'phone', engine)))));
const chosen = values.engine ?? built;

async function watchEngine(engine, { site, relay, irc, dns }) {
  const browser = await launch();
  const samples = [];
  try {
    const pages = [];
    for (const worker of [false, true]) {
      const page = await openPage(browser, { url: site.url('/soak/page.html') });
      const name = `${engine}${worker ? 'w' : 'p'}`;
      await page.run('begin', (options) => window.soak.begin(options), [{ relay: relay.url, worker, engine, name, irc, dns, questions: QUESTIONS }]);
      pages.push(page);
    }
    const begun = performance.now();
    for (let minute = 1; minute <= Math.max(minutes, 1); minute++) {
      // As one of the two pages is always behind the other, both are asked, not looked at.
      await new Promise((resolve) => { setTimeout(resolve, begun + Math.min(minute, minutes) * 60_000 - performance.now()); });
      const [inPage, inWorker] = await Promise.all(pages.map((page) => page.run('sample', () => window.soak.sample())));
      samples.push({ minute, tab: browser.tabMemory(), inPage, inWorker });
      const counts = [inPage, inWorker].map(({ messages, heard, queries, sockets }) => `${messages} messages of ${heard}, ${queries} queries, ${sockets} sockets`);
      console.log(`${engine}, minute ${minute}: page ${counts[0]}; worker ${counts[1]}; module ${(inPage.memory / MIB).toFixed(1)} MiB, tabs ${(samples.at(-1).tab / MIB).toFixed(1)} MiB`);
      if (inPage.failure || inWorker.failure) break;
    }
    const ends = await Promise.all(pages.map((page) => page.run('end', () => window.soak.end(), [], { timeout: END_TIMEOUT })));
    await Promise.all(pages.map((page) => page.close()));
    return { engine, samples, ends };
  } finally {
    await browser.close();
  }
}

const servers = await startServers(TALK, new Promise(() => {}));
const { irc, dns, ca } = servers.places;
const site = await startSite({ '/dist/': dist, '/soak/': here });
const relay = await startRelay({
  allow: [irc.address, dns.address],
  hosts: { [`${irc.host}:6697`]: irc.address, [`${dns.host}:53`]: dns.address },
  origins: [site.origin],
  ca,
});
const problems = [];
try {
  const place = { site, relay, irc: { host: irc.host, port: 6697, security: irc.security }, dns: { host: dns.host, port: 53 } };
  const runs = await Promise.all(chosen.map((engine) => watchEngine(engine, place)));
  mkdirSync(join(here, 'out'), { recursive: true });
  writeFileSync(join(here, 'out/soak.json'), `${JSON.stringify(runs, null, 1)}\n`);
  for (const run of runs) {
    const { summary, problems: found } = judge(run);
    console.log(summary);
    problems.push(...found);
  }
} finally {
  await Promise.all([site.close(), relay.close(), servers.stop()]);
}
for (const problem of problems) console.log(`not ok: ${problem}`);
console.log(`soak: ${chosen.length} engines, ${minutes} minutes, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
