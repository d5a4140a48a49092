#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { folderOf, Refusal } from './app.mjs';
import { check } from './check.mjs';
import { init, update } from './init.mjs';
import { pack } from './pack.mjs';
import { startPhone } from './serve.mjs';

const HELP = `kaiwire: makes, checks, packs and shows an app for KaiOS.

Usage: kaiwire init [FOLDER] [--name NAME]     a minimal app that connects, in a new folder
       kaiwire init [FOLDER] --update          kaiwire's files in an app's folder, brought up to date
       kaiwire check [FOLDER] [--json]         what the phones and the store would refuse
       kaiwire pack [FOLDER] [--out FOLDER] [--json]
                                               the packages for KaiOS 2.5 and KaiOS 3
       kaiwire serve [FOLDER] [options]        the app in a phone on a page

  FOLDER is this one if an app is in it, else app.

serve:
  --allow HOST:PORT      a server that the app may dial; may be repeated
  --datagrams HOST:PORT  where it may send datagrams, on this machine; may be repeated
  --map NAME=HOST        dials HOST where the app says NAME, both with or both without a
                         port; may be repeated. Certificates are still checked for NAME
  --ca FILE              trusts only the certificate authorities in a PEM file
  --kaios 2.5|3          which phone; default 3
  --locale NAME          the phone's language: hi-IN; default the app's
  --port N               default 8080; 0 for one that is free

Status: 0 all is well, 1 something is wrong with the app, 2 something else.
`;

const text = { type: 'string' };
const list = { type: 'string', multiple: true, default: [] };
const flag = { type: 'boolean', default: false };
const COMMANDS = {
  init: { options: { name: text, update: flag }, run: runInit },
  check: { options: { json: flag }, run: runCheck },
  pack: { options: { out: { type: 'string', default: '.' }, json: flag }, run: runPack },
  serve: {
    options: { allow: list, datagrams: list, map: list, ca: text, kaios: { type: 'string', default: '3' }, locale: text,
      port: { type: 'string', default: '8080' } },
    run: runServe,
  },
};

const print = (line) => process.stdout.write(`${line}\n`);

function runInit(named, { name, update: updates }) {
  const folder = updates ? folderOf(named) : named ?? 'app';
  if (updates) {
    for (const path of update(folder)) print(`${folder}/${path}`);
    return 0;
  }
  for (const path of init(folder, name)) print(`${folder}/${path}`);
  print(`\nEnter your mail server in ${folder}/config.js, and see: npx kaiwire serve ${folder} --allow HOST:PORT`);
  return 0;
}

function report(findings) {
  for (const { file, line, pointer, rule, level, message, source, cure } of findings) {
    const place = line ? `:${line}` : pointer ? `#${pointer}` : '';
    print(`${file}${place}: ${level}: ${message} [${rule}]\n    ${cure}\n    (${source})`);
  }
}

const status = (findings) => (findings.some(({ level }) => level === 'error') ? 1 : 0);

function runCheck(folder, { json }) {
  const findings = check(folderOf(folder));
  if (json) print(JSON.stringify({ findings }, null, 2));
  else report(findings);
  if (!json && findings.length === 0) print('Nothing is wrong with the app.');
  return status(findings);
}

function runPack(folder, { out, json }) {
  const result = pack(folderOf(folder), out);
  if (json) print(JSON.stringify(result, null, 2));
  else report(result.findings);
  if (!json) for (const { kaios, file, bytes, files } of result.packages) print(`KaiOS ${kaios}: ${file}, ${files} files, ${bytes} bytes`);
  return status(result.findings);
}

async function runServe(folder, { allow, datagrams, map, ca, kaios, locale, port }) {
  if (!['2.5', '3'].includes(kaios)) throw new Usage(`--kaios takes 2.5 or 3, not ${kaios}`);
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new Usage(`--port takes a number up to 65535, not ${port}`);
  const hosts = Object.fromEntries(map.map((pair) => {
    const [name, host, ...rest] = pair.split('=');
    if (!name || !host || rest.length > 0) throw new Usage(`not NAME=HOST: ${pair}`);
    return [name, host];
  }));
  const phone = await startPhone({
    folder: folderOf(folder), kaios, locale, port: Number(port),
    relay: { allow, datagrams, hosts, ca: ca === undefined ? undefined : readFileSync(ca) },
    log: (line) => process.stderr.write(`${line}\n`),
  });
  print(`${phone.url}`);
  print('Open it in Firefox or Chrome; Ctrl-C ends it.');
  await new Promise((resolve) => { for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, resolve); });
  await phone.close();
  return 0;
}

/** How it was called is wrong. */
class Usage extends Error {}

async function main([name, ...words]) {
  if (name === undefined || name === '--help' || name === 'help') {
    process.stdout.write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new Usage(`there is no command ${name}`);
  const { options, run } = COMMANDS[name];
  let parsed;
  try {
    parsed = parseArgs({ args: words, options: { ...options, help: flag }, allowPositionals: true });
  } catch (error) {
    throw new Usage(error.message);
  }
  if (parsed.values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (parsed.positionals.length > 1) throw new Usage(`one folder is enough: ${parsed.positionals.join(' ')}`);
  return run(parsed.positionals[0], parsed.values);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // What has a code is the file system's or the network's, and says what it is about.
  if (!(error instanceof Refusal || error instanceof Usage || error.code)) throw error;
  process.stderr.write(`kaiwire: ${error.message}\n${error instanceof Usage ? HELP : ''}`);
  process.exitCode = 2;
}
