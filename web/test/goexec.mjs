#!/usr/bin/env node
// Runs Go tests as they run on the phone, on the mock of its sockets:
//
//     GOOS=js GOARCH=wasm go test -exec "node /path/to/goexec.mjs --host=firefox" ./...
//
// --host=node|firefox|gecko  default node; gecko is Firefox with its own TCP
//                       sockets in place of the mock's, and real servers
// --engine=go|tinygo    which compiler has made the program; default go
// --timeout=SECONDS     when to kill a run that hangs; default: ten seconds after
//                       go test's own -timeout, or 600
//
// Go's output is passed on as it comes, and the exit status is Go's; 124 after
// a kill, 125 where the host itself failed.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { tighten } from '../../wasm/go/tighten.mjs';
import { startServers } from '../conformance/servers.mjs';
import { findEngines } from '../engines.mjs';
import { ENGINES } from '../src/files.js';
import { Hung, launch, openPage } from './browser.mjs';
import { launchGecko, openSystemPage } from './gecko.mjs';
import { faultAddresses, Pairs } from './pairs.mjs';
import { missing } from './requirements.mjs';
import { watch } from './servers/process.mjs';
import { startSite } from './site.mjs';

const KILLED = 124;
const FAILED = 125;
const DEFAULT_TIMEOUT = 600_000;
const GRACE = 10_000;

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');

/** Splits the command line; `args` are the Go program's. */
export function parseArguments(words) {
  const options = { host: 'node', engine: 'go', timeout: null };
  let i = 0;
  for (; words[i]?.startsWith('--'); i++) {
    const [, name, value] = words[i].match(/^--(host|engine|timeout)=(.+)$/) ?? [];
    if (name === 'host' && ['node', 'firefox', 'gecko'].includes(value)) options.host = value;
    else if (name === 'engine' && ENGINES.includes(value)) options.engine = value;
    else if (name === 'timeout' && Number(value) > 0) options.timeout = Number(value) * 1000;
    else throw new Error(`goexec: ${words[i]} makes no sense`);
  }
  const [binary, ...args] = words.slice(i);
  if (binary === undefined) throw new Error('goexec: which program?');
  options.timeout ??= goTestTimeout(args);
  return { ...options, binary, args };
}

function goTestTimeout(args) {
  const word = args.findLast((arg) => /^--?test\.timeout=/.test(arg));
  const own = word === undefined ? 0 : milliseconds(word.slice(word.indexOf('=') + 1));
  return own > 0 ? own + GRACE : DEFAULT_TIMEOUT;
}

/** A duration as Go writes it: "1m30s", "500ms". */
function milliseconds(duration) {
  const units = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };
  let sum = 0;
  for (const [, number, unit] of duration.matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g)) sum += Number(number) * units[unit];
  return sum;
}

const wasmExec = (engine) => findEngines([engine])[0].wasmExec;

function runInNode({ engine, binary, args, timeout }) {
  const child = spawn(process.execPath, ['--expose-gc', join(here, 'goexec-node.mjs'), wasmExec(engine), binary, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const unwatch = child.pid ? watch(child.pid) : () => {};
  const timer = setTimeout(() => child.kill('SIGKILL'), timeout);
  return new Promise((done, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      unwatch();
      if (signal === null) return done(code);
      process.stderr.write(`goexec: ended by ${signal} (limit ${timeout / 1000} s)\n`);
      done(signal === 'SIGKILL' ? KILLED : FAILED);
    });
  });
}

/** What a page that runs `binary` needs besides itself. */
const OUTPUT = {
  '/stdout': (bytes) => { process.stdout.write(bytes); },
  '/stderr': (bytes) => { process.stderr.write(bytes); },
};

/** Runs the program in a page that has loaded goexec-browser.js, by its function `run`, and says what became of it. */
function runInPage(page, run, { binary, args, timeout }, ...rest) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(GO(DEBUG|TRACEBACK|GC)|KAIWIRE_\w+)$/.test(name)));
  return page.run('go test', (run, ...parameters) => globalThis[run](...parameters), [run, [binary, ...args], env, ...rest], { timeout })
    .catch((error) => {
      process.stderr.write(`goexec: ${error.message}\n`);
      return error instanceof Hung ? KILLED : FAILED;
    });
}

async function runInFirefox(options) {
  const site = await startSite({
    '/go/wasm_exec.js': wasmExec(options.engine),
    '/test.wasm': resolve(options.binary),
    '/web/test/': here,
    '/bridge/': join(root, 'bridge/'),
    '/wasm/call/': join(root, 'wasm/call/'),
  }, OUTPUT);
  let browser;
  try {
    browser = await launch();
    const page = await openPage(browser, { url: site.url('/web/test/goexec.html') });
    const code = await runInPage(page, 'goexecRun', options);
    for (const problem of page.problems) process.stderr.write(`goexec: the page said: ${problem}\n`);
    return code;
  } finally {
    await browser?.close();
    await site.close();
  }
}

async function runInGecko(options) {
  const pairs = new Pairs();
  const site = await startSite({ '/test.wasm': resolve(options.binary) }, {
    ...OUTPUT,
    '/pair': async () => JSON.stringify(await pairs.listen()),
  });
  const servers = await startServers();
  let browser;
  try {
    browser = await launchGecko();
    const page = await openSystemPage(browser, {
      mounts: { go: dirname(wasmExec(options.engine)), web: join(root, 'web'), bridge: join(root, 'bridge'), wasm: join(root, 'wasm') },
      path: 'web/test/goexec.html',
    });
    const code = await runInPage(page, 'goexecRunGecko', options, { origin: site.origin, faults: faultAddresses(servers) });
    await page.close(); // or Firefox waits for its sockets, for seconds
    return code;
  } finally {
    await browser?.close();
    pairs.close();
    await servers.close();
    await site.close();
  }
}

function runInBrowser(options) {
  const lacking = missing('firefox-esr');
  if (lacking) throw new Error(`goexec: ${lacking}`);
  return options.host === 'gecko' ? runInGecko(options) : runInFirefox(options);
}

/** Runs the program as it ships: what Go's compiler makes is tightened. */
async function run(options) {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-goexec-'));
  try {
    if (options.engine === 'go') {
      const binary = join(folder, basename(options.binary));
      writeFileSync(binary, tighten(readFileSync(options.binary)));
      options = { ...options, binary };
    }
    return await (options.host === 'node' ? runInNode(options) : runInBrowser(options));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    process.exitCode = await run(parseArguments(process.argv.slice(2)));
  } catch (error) {
    process.stderr.write(`${error.stack ?? error}\n`);
    process.exitCode = FAILED;
  }
}
