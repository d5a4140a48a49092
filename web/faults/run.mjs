// Runs the fault matrix and the long runs in Firefox:
//
//     node web/faults/run.mjs [--only=PATTERN]
//
// Prints each page when all of its cases have been played, what failed in full, and ends
// with `faults: N cases, F failed`; the exit status is 1 for any failure. PATTERN
// is a regular expression on the cases' names, such as "worker, own TLS: read".
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Hung, launch, openPage } from '../test/browser.mjs';
import { startSite } from '../test/site.mjs';
import { buildMatrix, OUT } from './build.mjs';

const CASE_TIMEOUT = 60_000;
const SOAK_TIMEOUT = 180_000;

const only = new RegExp(process.argv.slice(2).map((word) => word.match(/^--only=(.+)$/)?.[1]).find(Boolean) ?? '');

const SECURITIES = { plain: 'plain', phone: "phone's TLS", own: 'own TLS' };
const MANY = ['connections, one after the other', '64 connections at once'];

/**
 * The long runs of a page: what the phone's TLS does is not ours, and so many bytes are not for TLS of our own, nor for
 * an engine without WebAssembly.
 */
function soaksOf(engine, security) {
  if (security === 'phone') return [];
  return [...MANY, `${engine === 'js' || security === 'own' ? 10 : 100} MB both ways at once`];
}

/**
 * Each page has an engine, a phone, a place for Go and a kind of TLS. KaiOS 3
 * has no UDP; current Gecko's sockets are in the page's own process. TLS of our
 * own is Go's.
 */
function pagesOf(engine) {
  const pages = [];
  for (const worker of [false, true]) {
    for (const security of engine === 'go' ? Object.keys(SECURITIES) : ['plain', 'phone']) {
      pages.push({ engine, profile: 'kaios3', worker, security, soaks: soaksOf(engine, security) });
    }
    if (engine === 'go') pages.push({ engine, profile: 'gecko', worker, security: 'plain', soaks: [] });
    pages.push({ engine, profile: 'kaios25', worker, security: 'plain', soaks: [], operation: 'datagram' });
  }
  return pages;
}

const titleOf = ({ engine, profile, worker, security }) => (
  `${engine}, ${profile}, ${worker ? 'worker' : 'page'}, ${SECURITIES[security]}`);

const pages = (await buildMatrix()).flatMap(pagesOf);
const here = fileURLToPath(new URL('.', import.meta.url));
const site = await startSite({ '/faults/': here, '/conn/': OUT });
let cases = 0;
let failed = 0;

function report(title, problems) {
  cases++;
  if (problems.length === 0) return;
  failed++;
  console.log(`not ok: ${title}\n${problems.map((problem) => `    ${problem}`).join('\n')}`);
}

async function runPage(browser, { soaks, operation, ...options }) {
  const title = titleOf(options);
  const begun = performance.now();
  let page = null;
  let names = [];
  const open = async () => {
    page = await openPage(browser, { url: site.url('/faults/page.html') });
    names = await page.run('load', (options) => window.faults.begin(options), [options], { timeout: CASE_TIMEOUT });
  };
  await open();
  const chosen = [
    ...names.filter((name) => !operation || name.startsWith(`${operation}:`)).map((name) => ['run', name, CASE_TIMEOUT]),
    ...soaks.map((name) => ['soak', name, SOAK_TIMEOUT]),
  ].filter(([, name]) => only.test(`${title}: ${name}`));
  for (const [method, name, timeout] of chosen) {
    try {
      report(`${title}: ${name}`, await page.run(name, (method, name) => window.faults[method](name), [method, name], { timeout }));
    } catch (error) {
      report(`${title}: ${name}`, [String(error.stack ?? error)]);
      if (error instanceof Hung) await open();
    }
  }
  await page.run('end', () => window.faults.end());
  await page.close().catch((error) => report(`${title}: the page`, [error.message]));
  console.log(`${title}: ${chosen.length} cases in ${Math.round((performance.now() - begun) / 1000)} s`);
}

/** Plays page after page in a browser of its own, so that nobody's threads wait for another's. */
async function runPages() {
  const browser = await launch();
  try {
    for (let page = pages.shift(); page; page = pages.shift()) {
      await runPage(browser, page).catch((error) => report(titleOf(page), [String(error.stack ?? error)]));
    }
  } finally {
    await browser.close();
  }
}

try {
  // Most of a case is waiting.
  await Promise.all(Array.from({ length: availableParallelism() }, runPages));
} finally {
  await site.close();
}
console.log(`faults: ${cases} cases, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
