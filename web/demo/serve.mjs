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
import { filesFor } from '../kit/package.mjs';
import { startPhone } from '../kit/serve.mjs';
import { startServers } from './servers.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** What the app loads; load() takes the smallest module that was built. */
const PROTOCOLS = ['imap', 'smtp', 'mime', 'irc', 'dns', 'dnssec', 'trust'];

/** The ports that the app is told of; the relay knows what they stand for. */
const PORTS = { imap: 993, smtp: 465, irc: 6697, dns: 53 };

class Refusal extends Error {}

/** The app's config.js, for these servers: who looks up kaiwire.example finds them. */
function configuration({ imap, dns, anchor }) {
  return `var config = ${JSON.stringify({
    nameServers: [`${dns.host}:${PORTS.dns}`],
    anchors: [anchor],
    suggest: {
      address: imap.user, password: imap.password, network: 'kaiwire.example', nick: 'asha',
      channels: ['#kaios', '#cooking', '#cricket'], name: 'kaiwire.example', server: imap.host,
    },
  }, null, 2)};\n`;
}

async function startDemo({ port, talk }, asked) {
  if (!existsSync(here('../dist/build-info.json'))) throw new Refusal('There is no web/dist: run “make bundle” first.');
  const servers = await startServers(talk, asked).catch((error) => { throw new Refusal(error.message); });
  if (!servers) return null;
  try {
    const { imap, smtp, irc, dns, ca } = servers.places;
    const phone = await startPhone({
      folder: here('app/'),
      port,
      relay: {
        allow: [imap.address, smtp.address, irc.address, dns.address],
        hosts: {
          [`${imap.host}:${PORTS.imap}`]: imap.address,
          [`${smtp.host}:${PORTS.smtp}`]: smtp.address,
          [`${irc.host}:${PORTS.irc}`]: irc.address,
          [`${dns.host}:${PORTS.dns}`]: dns.address,
        },
        ca,
      },
      files: {
        ...Object.fromEntries(filesFor(PROTOCOLS).map((name) => [`/lib/${name}`, here(`../dist/${name}`)])),
        '/config.js': { text: configuration(servers.places) },
      },
      log: (line) => console.error(`relay: ${line}`),
    }).catch((error) => {
      if (error.code === 'EADDRINUSE') throw new Refusal(`Port ${port} is taken: choose another with --port.`);
      if (error.code === 'EACCES') throw new Refusal(`Port ${port} may not be used: choose another with --port.`);
      throw error;
    });
    return {
      url: phone.address,
      deliver: servers.deliver,
      failed: servers.ended,
      stop: () => Promise.all([phone.close(), servers.stop()]),
    };
  } catch (error) {
    await servers.stop();
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
