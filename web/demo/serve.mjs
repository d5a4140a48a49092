// The demo: a phone in a browser's window, with the app on it that could be
// packaged for a real one, and servers for it to speak to.
//
//     node web/demo/serve.mjs [--port 8080] [--no-open] [--talk 3s]
//
// --talk is how often somebody says something in the chat.
// Enter delivers a new mail; Ctrl-C ends it all.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { startRelay } from '../relay/relay.mjs';
import { moduleFile } from '../src/files.js';
import { startServers } from './servers.mjs';
import { startSite } from './site.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What of the bundle goes into the app's package: load() takes the smallest module that was built. */
const PACKAGED = ['kaiwire.classic.js', 'kaiwire-worker.js', ...['imap', 'irc', 'dns'].map(smallest)];

function smallest(name) {
  const small = moduleFile(name, 'phone', 'tinygo');
  return existsSync(here(`../dist/${small}`)) ? small : moduleFile(name, 'phone', 'go');
}

/** The ports that the app is told of; the relay knows what they stand for. */
const PORTS = { imap: 993, irc: 6697, dns: 53 };

class Refusal extends Error {}

/** The app's config.js, for these servers. */
function configuration({ imap, irc, dns }) {
  return `var config = ${JSON.stringify({
    mail: { host: imap.host, port: PORTS.imap, security: imap.security, auth: { user: imap.user, pass: imap.password } },
    chat: {
      host: irc.host,
      port: PORTS.irc,
      security: irc.security,
      nick: 'asha',
      altNicks: ['asha_', 'asha__', 'asha___'],
      channels: ['#kaios', '#cooking', '#cricket'],
    },
    lookup: { servers: [`${dns.host}:${PORTS.dns}`], name: 'kaiwire.example' },
  }, null, 2)};\n`;
}

/** Before anything of the app runs, its window gets what a phone has and a browser has not. */
function withSockets(html, relay) {
  // A module, hence deferred: it runs before the app's own scripts, which are deferred and come later.
  const script = `<script type="module" src="/phone/socket.js?relay=${encodeURIComponent(relay)}"></script>`;
  return html.replace('<head>', `<head>${script}`);
}

async function startDemo({ port, talk }, asked) {
  const missing = PACKAGED.concat('kaiwire-mock.js').filter((name) => !existsSync(here(`../dist/${name}`)));
  if (missing.length > 0) throw new Refusal(`web/dist lacks ${missing.join(', ')}: run “make bundle” first.`);

  // First of all, because it is the one that is likely to fail.
  const site = await startSite(port).catch((error) => {
    if (error.code === 'EADDRINUSE') throw new Refusal(`Port ${port} is taken: choose another with --port.`);
    if (error.code === 'EACCES') throw new Refusal(`Port ${port} may not be used: choose another with --port.`);
    throw error;
  });
  let servers;
  try {
    servers = await startServers(talk, asked).catch((error) => { throw new Refusal(error.message); });
    if (!servers) {
      await site.close();
      return null;
    }
    const { imap, irc, dns, ca } = servers.places;
    const relay = await startRelay({
      allow: [imap.address, irc.address, dns.address],
      hosts: {
        [`${imap.host}:${PORTS.imap}`]: imap.address,
        [`${irc.host}:${PORTS.irc}`]: irc.address,
        [`${dns.host}:${PORTS.dns}`]: dns.address,
      },
      origins: [`http://127.0.0.1:${site.port}`, `http://localhost:${site.port}`],
      ca,
      log: (line) => console.error(`relay: ${line}`),
    });
    site.folder('/app/', here('app/'));
    site.folder('/phone/', here('phone/'));
    site.file('/', here('phone/frame.html'));
    site.file('/phone/mock.js', here('../dist/kaiwire-mock.js'));
    for (const name of PACKAGED) site.file(`/app/lib/${name}`, here(`../dist/${name}`));
    site.file('/app/config.js', { text: configuration(servers.places) });
    for (const path of ['/app/', '/app/index.html']) {
      site.file(path, here('app/index.html'), (html) => withSockets(html, relay.url));
    }
    return {
      url: `http://127.0.0.1:${site.port}/`,
      deliver: servers.deliver,
      failed: servers.ended,
      stop: () => Promise.all([site.close(), relay.close(), servers.stop()]),
    };
  } catch (error) {
    await Promise.all([site.close(), servers?.stop()]);
    throw error;
  }
}

/** Opens the person's browser, where there is one. */
function openBrowser(url) {
  const [command, ...args] = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[process.platform] ?? ['xdg-open'];
  const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  child.on('error', () => {});
  child.unref();
}

function options() {
  const usage = 'Usage: node web/demo/serve.mjs [--port 8080] [--no-open] [--talk 3s]';
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8080' },
        'no-open': { type: 'boolean', default: false },
        talk: { type: 'string', default: '3s' },
      },
    });
    const port = Number(values.port);
    if (!/^\d+$/.test(values.port) || port > 65535) throw new Error(`--port takes a number up to 65535, not ${values.port}`);
    return { port, talk: values.talk, open: !values['no-open'] };
  } catch (error) {
    throw new Refusal(`${error.message}\n${usage}`);
  }
}

try {
  const { open, ...wanted } = options();
  const asked = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve(null));
  });
  const demo = await startDemo(wanted, asked);
  if (demo) {
    console.log(`kaiwire demo: ${demo.url}`);
    console.log('Enter delivers a new mail; Ctrl-C ends the demo.');
    const input = createInterface(process.stdin);
    input.on('line', demo.deliver);
    if (open) openBrowser(demo.url);
    const failure = await Promise.race([asked, demo.failed]);
    input.close();
    await demo.stop();
    if (failure) throw new Refusal(failure);
  }
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
