// Runs the conformance script in Firefox, on the mock or on Gecko's own classes.
import { fileURLToPath } from 'node:url';
import { startRelay } from '../relay/relay.mjs';
import { openPage } from '../test/browser.mjs';
import { openSystemPage } from '../test/gecko.mjs';
import { startSite } from '../test/site.mjs';

/** What the script joins. */
const GROUP = '224.0.0.251';
const TIMEOUT = 240_000;
const web = fileURLToPath(new URL('../', import.meta.url));
const bridge = fileURLToPath(new URL('../../bridge/', import.meta.url));

/**
 * @param {Awaited<ReturnType<import('../test/browser.mjs').launch>>} browser
 * @param {Awaited<ReturnType<import('./servers.mjs').startServers>>} servers
 * @param {{profile: string, only?: string[]}} options
 * @returns {Promise<Record<string, Record<string, string>>>} group → fact → what was seen
 */
export async function observeMock(browser, servers, { profile, only }) {
  const site = await startSite({ '/web/': web, '/bridge/': bridge });
  const { ports, datagrams, closed, own, silent, six } = servers;
  const relay = await startRelay({
    origins: [site.origin],
    ca: servers.ca,
    // Even where nothing good can come of it: Firefox waits longer and longer after a WebSocket that was turned away.
    allow: [...ports, closed, own, silent].flatMap((port) => [`127.0.0.1:${port}`, `localhost:${port}`, `0.0.0.0:${port}`, `null:${port}`])
      .concat('127.0.0.1:1', '127.0.0.1:65535', `no-such-host.invalid:${closed}`, six ? `[::1]:${six}` : []),
    listen: [0, own],
    bind: [0, own],
    datagrams: [...datagrams, closed].flatMap((port) => [`127.0.0.1:${port}`, `localhost:${port}`]),
    multicast: [GROUP],
  });
  try {
    const page = await openPage(browser, { url: site.url('/web/conformance/page.html') });
    page.expect(/./); // the script provokes errors, and reports what it does not expect
    const report = await page.run('the script on the mock', (options) => observeMock(options),
      [{ server: servers.url, relay: relay.url, profile, only }], { timeout: TIMEOUT });
    await page.close();
    return report;
  } finally {
    await relay.close();
    await site.close();
  }
}

/** The same on Gecko's classes; `browser` is launchGecko's. */
export async function observeGecko(browser, servers, { only }) {
  const page = await openSystemPage(browser, { mounts: { web, bridge }, path: 'web/conformance/page.html' });
  try {
    return await page.run('the script on Gecko', (options) => observeGecko(options),
      [{ server: servers.url, ca: servers.ca, only }], { timeout: TIMEOUT });
  } finally {
    await page.close();
  }
}
