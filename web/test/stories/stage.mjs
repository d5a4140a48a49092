// Puts up what a story needs around the page stage.html: the site with the
// built package, the relay, and one Firefox for the file.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { startRelay } from '../../relay/relay.mjs';
import { launch, openPage } from '../browser.mjs';
import { startSite } from '../site.mjs';

/** The package under test: web/dist, or what the environment's KAIWIRE_DIST names. */
const dist = process.env.KAIWIRE_DIST ?? fileURLToPath(new URL('../../dist/', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

/** Each story is played in both. */
export const MODES = [
  { mode: 'page mode', worker: false },
  { mode: 'worker mode', worker: true },
];

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
 */
export async function openStage(t, { hosts, ca }) {
  const site = await startSite({ '/dist/': dist, '/': here });
  t.after(site.close);
  const raise = async (ca) => {
    const relay = await startRelay({ allow: Object.values(hosts), hosts, ca, origins: [site.origin] });
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
    /** Opens a page with kaiwire loaded in it. `relay` replaces the stage's own. */
    async open({ modules, worker, tls, nameServers, relay: other = relay }) {
      const page = await openPage(browser, { url: site.url('/stage.html') });
      await page.run('load kaiwire', (options) => stage.begin(options), [{ relay: other.url, modules, worker, tls, nameServers }]);
      return {
        run: page.run.bind(page),
        expect: page.expect.bind(page),
        screenshot: page.screenshot.bind(page),
        /** Closes kaiwire, then the page: no socket may stay open, no error unseen, nothing may have frozen it. */
        async close() {
          assert.equal(await page.run('close kaiwire', () => stage.end()), 0, 'sockets left open');
          const stall = await page.run('longest stall', () => stage.longestStall);
          assert.ok(stall < LONGEST_STALL, `the page was frozen for ${Math.round(stall)} ms`);
          await page.close();
        },
      };
    },
  };
}

