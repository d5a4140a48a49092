#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startRelay } from './relay.mjs';

const HELP = `kaiwire-relay: lets a page with kaiwire's mock socket reach real servers.

Usage: kaiwire-relay --allow HOST:PORT --origin URL [options]

  --allow HOST:PORT      a server that may be dialled; may be repeated
  --listen PORT          a port of 127.0.0.1 that a page may listen on, 0 for any
                         that is free; may be repeated
  --datagrams HOST:PORT  where a page may send datagrams, on this machine; may be
                         repeated
  --bind PORT            a port of 127.0.0.1 that a page may have for datagrams;
                         default 0, any that is free; may be repeated
  --multicast GROUP      a group that a page may join, on this machine only; may
                         be repeated
  --origin URL           a page's origin that may ask; may be repeated
  --port N               where to listen, on 127.0.0.1; default 8081
  --map NAME=HOST        dial HOST for NAME, whose certificate is still checked;
                         NAME:PORT=HOST:PORT works too; may be repeated
  --ca FILE              PEM of the authorities to trust in place of Node's own
  --allow-no-origin      also answer clients that are no browsers
  --help
`;

/** What is no decimal number is no port either, and startRelay says so. */
const decimal = (text) => (/^\d+$/.test(text) ? Number(text) : text);

function usage(message) {
  process.stderr.write(`kaiwire-relay: ${message}\n${HELP}`);
  process.exitCode = 2;
}

async function main() {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        allow: { type: 'string', multiple: true, default: [] },
        listen: { type: 'string', multiple: true, default: [] },
        datagrams: { type: 'string', multiple: true, default: [] },
        bind: { type: 'string', multiple: true },
        multicast: { type: 'string', multiple: true, default: [] },
        origin: { type: 'string', multiple: true, default: [] },
        port: { type: 'string', default: '8081' },
        map: { type: 'string', multiple: true, default: [] },
        ca: { type: 'string' },
        'allow-no-origin': { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    usage(error.message);
    return;
  }
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    usage(`not a port: ${values.port}`);
    return;
  }
  if ([values.allow, values.listen, values.datagrams, values.bind ?? []].every((list) => list.length === 0)) {
    usage('nothing to do: give --allow, --listen, --datagrams or --bind');
    return;
  }
  if (values.origin.length === 0 && !values['allow-no-origin']) {
    usage('no page to answer: give --origin');
    return;
  }
  const hosts = {};
  for (const pair of values.map) {
    const [name, host, ...rest] = pair.split('=');
    if (!name || !host || rest.length > 0) {
      usage(`not NAME=HOST: ${pair}`);
      return;
    }
    hosts[name] = host;
  }
  let relay;
  try {
    relay = await startRelay({
      port,
      allow: values.allow,
      listen: values.listen.map(decimal),
      datagrams: values.datagrams,
      bind: values.bind?.map(decimal),
      multicast: values.multicast,
      origins: values.origin,
      allowNoOrigin: values['allow-no-origin'],
      hosts,
      ca: values.ca === undefined ? undefined : await readFile(values.ca),
      log: (line) => process.stderr.write(`${line}\n`),
    });
  } catch (error) {
    process.stderr.write(`kaiwire-relay: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(`${relay.url}\n`);
  const stop = () => relay.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

await main();
