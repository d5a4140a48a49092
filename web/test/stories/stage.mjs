// Puts up what a story needs around the page stage.html: the site with the
// built package, the relay, and one Firefox for the file.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { maskScript } from '../../gates/mask.mjs';
import { startRelay } from '../../relay/relay.mjs';
import { ENGINES, moduleFile } from '../../src/files.js';
import { launch, openPage } from '../browser.mjs';
import { startSite } from '../site.mjs';

/** The package under test: web/dist, or what the environment's KAIWIRE_DIST names. */
export const dist = process.env.KAIWIRE_DIST ?? fileURLToPath(new URL('../../dist/', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

/** The Gecko that the phone's page and worker are made to look like, if the environment's KAIWIRE_MASK names one: 48 or 84. */
const mask = process.env.KAIWIRE_MASK && Number(process.env.KAIWIRE_MASK);

/** How long the relay may take to see that a connection has been closed, and how often it is asked, in milliseconds. */
const CLOSE_TIMEOUT = 5000;
const TICK = 10;

/** Each story is played in both. */
export const MODES = [
  { mode: 'page mode', worker: false },
  { mode: 'worker mode', worker: true },
];

/** Gecko 48 has no WebAssembly; what stands in for it is not for those that have. */
const RUN = { 48: ['js'], 84: ['go', 'tinygo'] }[mask] || ENGINES;

/** The engines that have a module in the package under test; Go's is there whatever was built. */
export const enginesOf = (name, tls = 'phone') => RUN.filter((engine) => engine === 'go' || existsSync(join(dist, moduleFile(name, tls, engine))));

/** MODES for each engine that has all these modules; there has to be one. */
export function modesOf(...names) {
  const engines = RUN.filter((engine) => names.every((name) => enginesOf(name).includes(engine)));
  assert.ok(engines.length > 0, `${dist} has none of ${names} for Gecko ${mask}`);
  return engines.flatMap((engine) => MODES.map(({ mode, worker }) => ({ mode: `${mode}, ${engine}`, worker, engine })));
}

/**
 * No more than this may one task hold the page's thread, in milliseconds. The
 * machines that run the tests are shared: this tells a frozen page, no more.
 */
const LONGEST_STALL = 2000;

/**
 * @param {import('node:test').TestContext} t what is put up is taken down after it
 * @param {object} o
 * @param {Record<string, string>} o.hosts what apps may dial, and where it is: 'imap.example:993' → '127.0.0.1:20993'
 * @param {string} [o.ca] the authority that the phone trusts, as PEM
 * @param {string[]} [o.datagrams] where apps may send datagrams: '127.0.0.1:20053'
 * @param {Record<string, string>} [o.mounts] what the site has besides; see site.mjs
 */
export async function openStage(t, { hosts, ca, mounts, datagrams }) {
  const site = await startSite({ '/dist/': dist, '/': here, ...(mask && masked(t)), ...mounts });
  t.after(site.close);
  const raise = async (ca) => {
    const relay = await startRelay({ allow: Object.values(hosts), hosts, ca, origins: [site.origin], datagrams });
    t.after(() => relay.close());
    return relay;
  };
  const relay = await raise(ca);
  const browser = await launch();
  t.after(browser.close);

  return {
    relay,
    /** A second relay to the same hosts, for a phone that trusts other authorities. */
    raise,
    /**
     * Opens a page with kaiwire loaded in it. `relay` replaces the stage's own, `permissions` are those of the app; the
     * rest are options of load().
     */
    async open({ relay: other = relay, permissions, ...options }) {
      const page = await openPage(browser, { url: site.url('/stage.html') });
      await page.run('load kaiwire', (options) => stage.begin(options),
        [{ relay: other.url, frame: mask && 'masked.html', permissions, ...options }]);
      return {
        run: page.run.bind(page),
        expect: page.expect.bind(page),
        screenshot: page.screenshot.bind(page),
        /** Closes kaiwire, then the page: no socket may stay open, no error unseen, nothing may have frozen it. */
        async close() {
          assert.equal(await page.run('close kaiwire', () => stage.end()), 0, 'sockets left open');
          const deadline = Date.now() + CLOSE_TIMEOUT;
          while (other.links > 0 && Date.now() < deadline) await delay(TICK);
          assert.equal(other.links, 0, 'connections left open');
          const stall = await page.run('longest stall', () => stage.longestStall);
          assert.ok(stall < LONGEST_STALL, `the page was frozen for ${Math.round(stall)} ms`);
          await page.close();
        },
      };
    },
  };
}

/** What the site has besides, and in place of the worker's own script: the mask comes first in page and worker. */
function masked(t) {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-mask-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const script = maskScript(mask);
  writeFileSync(join(folder, 'mask.js'), script);
  writeFileSync(join(folder, 'worker.js'), script + readFileSync(join(dist, 'kaiwire-worker.js'), 'utf8'));
  return { '/mask.js': join(folder, 'mask.js'), '/dist/kaiwire-worker.js': join(folder, 'worker.js') };
}
