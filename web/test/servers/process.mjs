// A server of the operating system's, started for one test run: in a fresh
// directory, in a process group of its own, never outliving the tests.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const LOG_LIMIT = 64 * 1024;
const READY_TIMEOUT = 20_000;
const STOP_TIMEOUT = 5_000;

// Ports are taken from below the range that the kernel hands to outgoing
// connections, which would otherwise compete for them.
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;

/** A port of 127.0.0.1 that nobody listens on. */
export async function freePort() {
  for (let tries = 0; tries < 100; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error('no free port found on 127.0.0.1');
}

/**
 * Calls `attempt` with a new directory, up to three times in all: between a
 * port being found free and the server's bind another test may have taken it.
 */
export async function inFreshDirectory(name, attempt) {
  for (let tries = 1; ; tries++) {
    const directory = mkdtempSync(join(tmpdir(), `kaiwire-${name}-`));
    chmodSync(directory, 0o755); // for servers that drop their privileges
    try {
      return await attempt(directory);
    } catch (error) {
      rmSync(directory, { recursive: true, force: true });
      if (tries === 3 || !/address already in use/i.test(error.message)) throw error;
    }
  }
}

/** The text of a template beside this file, with each @name@ replaced. */
export function fillTemplate(file, values) {
  const template = readFileSync(new URL(file, import.meta.url), 'utf8');
  return template.replace(/@(\w+)@/g, (_, name) => {
    if (!(name in values)) throw new Error(`${file} asks for @${name}@, which nobody gives`);
    return String(values[name]);
  });
}

// However this process ends (SIGKILL included), the pipe to the watcher ends
// with it; the watcher then kills the group and removes the directory.
const WATCH = 'IFS= read -r word || { kill -s KILL -- "-$1"; [ -z "$2" ] || rm -rf -- "$2"; }';

/**
 * Sees to it that process group `group` and, if given, `directory` do not outlive this
 * process. Returns a function that calls the watch off.
 */
export function watch(group, directory = '') {
  const watcher = spawn('/bin/sh', ['-c', WATCH, 'watch', String(group), directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.stdin.on('error', () => {});
  watcher.unref();
  watcher.stdin.unref();
  return () => watcher.stdin.end('done\n');
}

/**
 * Starts a server in the foreground and resolves when it has printed `ready`.
 * @param {object} o
 * @param {string} o.name for messages and the log
 * @param {string} o.command
 * @param {string[]} o.args
 * @param {RegExp} o.ready what it prints once it listens
 * @param {string} o.directory removed when the server stops
 */
export async function startProcess({ name, command, args, ready, directory }) {
  const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exited = new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started: ${error.message}`));
    child.once('close', (code, signal) => resolve(`ended with ${signal ?? `status ${code}`}`));
  });
  let log = '';
  const unwatch = child.pid ? watch(child.pid, directory) : () => {};

  let stopping;
  const stop = () => (stopping ??= (async () => {
    signalGroup(child.pid, 'SIGTERM');
    const timer = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), STOP_TIMEOUT);
    await exited;
    clearTimeout(timer);
    signalGroup(child.pid, 'SIGKILL'); // what the server has left behind
    unwatch();
    rmSync(directory, { recursive: true, force: true });
  })());

  try {
    await new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${name} ${why}; it said:\n${log || '(nothing)'}`));
      const timer = setTimeout(fail, READY_TIMEOUT, `was not ready within ${READY_TIMEOUT / 1000} s`);
      exited.then((why) => { clearTimeout(timer); fail(why); });
      for (const output of [child.stdout, child.stderr]) {
        output.setEncoding('utf8');
        output.on('data', (text) => {
          log = (log + text).slice(-LOG_LIMIT);
          if (ready.test(log)) { clearTimeout(timer); resolve(); }
        });
      }
    });
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid, log: () => log, stop };
}

function signalGroup(pid, signal) {
  if (!pid) return;
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
