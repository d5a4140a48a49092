// Pages with Gecko's own TCPSocket, TCPServerSocket and UDPSocket, which
// today's Firefox keeps for itself: pages of chrome://, in the parent process.
import { mkdtempSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Hung, launch } from './browser.mjs';

const RUN_TIMEOUT = 30_000;

/** Starts a Firefox that has such pages, besides the ordinary ones. */
export function launchGecko() {
  return launch({
    args: ['--remote-allow-system-access'],
    preferences: {
      'dom.udpsocket.enabled': true,
      // WebAssembly in a page of the system principal takes both.
      'security.chrome_baseline_csp.enabled': false,
      'security.allow_unsafe_dangerous_privileged_evil_eval': true,
    },
  });
}

/**
 * Opens a page that has the sockets.
 * @param {Awaited<ReturnType<typeof launchGecko>>} browser
 * @param {{mounts: Record<string, string>, path: string}} options `mounts` names the files and folders that the page
 *   sees, by the name they have at its root; `path` is the page's own
 */
export async function openSystemPage(browser, { mounts, path }) {
  // Puppeteer has no word for the browser's own window, nor for chrome: pages.
  const { connection } = browser.puppeteer;
  const command = async (method, parameters) => (await connection.send(method, parameters)).result;
  const evaluated = ({ exceptionDetails, result }) => {
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value;
  };

  const directory = mkdtempSync(join(browser.directory, 'page-'));
  for (const [name, target] of Object.entries(mounts)) symlinkSync(target, join(directory, name));
  const name = basename(directory).toLowerCase();
  const { contexts: [window] } = await command('browsingContext.getTree', { 'moz:scope': 'chrome' });
  evaluated(await command('script.callFunction', {
    target: { context: window.context },
    awaitPromise: false,
    // The registration lasts as long as what registerChrome returns.
    functionDeclaration: String((name, base) => {
      globalThis[name] = Cc['@mozilla.org/addons/addon-manager-startup;1'].getService(Ci.amIAddonManagerStartup)
        .registerChrome(Services.io.newURI(base), [['content', name, './']]);
    }),
    arguments: [name, pathToFileURL(join(directory, 'manifest.json')).href].map((value) => ({ type: 'string', value })),
  }));
  const { context } = await command('browsingContext.create', { type: 'tab' });
  await command('browsingContext.navigate', { context, url: `chrome://${name}/content/${path}`, wait: 'complete' });

  return {
    /** Calls `body` in the page with `args` (JSON) and resolves with what it returns (JSON); rejects with Hung after `timeout` ms. */
    async run(what, body, args = [], { timeout = RUN_TIMEOUT } = {}) {
      let timer;
      const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Hung(`“${what}” hung for ${timeout} ms`)), timeout);
      });
      try {
        const text = evaluated(await Promise.race([late, command('script.callFunction', {
          target: { context },
          awaitPromise: true,
          functionDeclaration: `async (args) => JSON.stringify(await (${body})(...JSON.parse(args)))`,
          arguments: [{ type: 'string', value: JSON.stringify(args) }],
        })]));
        return text === undefined ? undefined : JSON.parse(text);
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => command('browsingContext.close', { context }),
  };
}
