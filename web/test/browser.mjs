// Headless Firefox over WebDriver BiDi, and pages that report what went wrong in them.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';
import { commandPath } from './requirements.mjs';
import { watch } from './servers/process.mjs';

const LAUNCH_TIMEOUT = 60_000;
const PAGE_TIMEOUT = 30_000;
const RUN_TIMEOUT = 30_000;
const CLOSE_TIMEOUT = 10_000;
const LAST = 'the last error of this page';

/** Where screenshots go; not tracked. */
export const OUTPUT = fileURLToPath(new URL('out/', import.meta.url));

const PREFERENCES = {
  'dom.max_script_run_time': 0, // long runs of wasm are no "slow script"
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.reportingpolicy.firstRun': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'privacy.reduceTimerPrecision': false,
  // Two pages may talk to each other; the one behind must not be slowed down.
  'dom.min_background_timeout_value': 4,
  'dom.min_background_timeout_value_without_budget_throttling': 4,
  'dom.timeout.enable_budget_timer_throttling': false,
};

/**
 * Starts Firefox with a profile of its own; one will do for a whole test file.
 * It is the `firefox-esr` of PATH or what the environment's FIREFOX names.
 * @param {{args?: string[], preferences?: Record<string, boolean | number | string>}} [options] besides its own
 * @returns {Promise<{puppeteer: import('puppeteer-core').Browser, directory: string, tabMemory(): number, close(): Promise<void>}>}
 *   `directory` is the browser's own, and goes with it; tabMemory() is what its pages' processes have for themselves,
 *   in bytes
 */
export async function launch({ args = [], preferences = {} } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'kaiwire-firefox-'));
  for (const name of ['profile', 'home', 'run']) mkdirSync(join(directory, name), { mode: 0o700 });
  let browser;
  try {
    browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath: commandPath('firefox-esr'),
      headless: true,
      args,
      userDataDir: join(directory, 'profile'),
      extraPrefsFirefox: { ...PREFERENCES, ...preferences },
      timeout: LAUNCH_TIMEOUT,
      env: {
        ...process.env,
        HOME: join(directory, 'home'),
        XDG_RUNTIME_DIR: join(directory, 'run'),
        MOZ_CRASHREPORTER_DISABLE: '1',
      },
    });
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  const unwatch = watch(browser.process().pid, directory); // puppeteer gives it a group of its own
  return {
    puppeteer: browser,
    directory,
    tabMemory: () => tabMemory(browser.process().pid),
    close: async () => {
      const process = browser.process();
      const gone = new Promise((resolve) => {
        if (process.exitCode !== null || process.signalCode !== null) resolve();
        else process.once('exit', resolve);
      });
      const timer = setTimeout(() => process.kill('SIGKILL'), CLOSE_TIMEOUT);
      await browser.close().catch(() => process.kill('SIGKILL'));
      await gone;
      clearTimeout(timer);
      unwatch();
      rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Linux tells it of each process; Firefox tells them apart by their command lines. */
function tabMemory(firefox) {
  let bytes = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0/g, ' ').trim();
      if (!command.endsWith(' tab') || !command.includes(` -parentPid ${firefox} `)) continue;
      bytes += Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Private_Dirty:\s+(\d+) kB/m)[1]) * 1024;
    } catch (error) {
      // A process may end while it is looked at.
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    }
  }
  return bytes;
}

/**
 * Opens a page of a phone's size.
 * @param {Awaited<ReturnType<typeof launch>>} browser
 * @param {{url: string, width?: number, height?: number}} options
 */
export async function openPage(browser, { url, width = 240, height = 320 }) {
  const page = await browser.puppeteer.newPage();
  const opened = new Page(page);
  await page.setViewport({ width, height });
  await page.goto(url, { timeout: PAGE_TIMEOUT, waitUntil: 'load' });
  return opened;
}

/** The page did not answer in time. */
export class Hung extends Error {}

class Page {
  #problems = [];
  #expected = [];
  #last = null;

  constructor(page) {
    /** Puppeteer's own page, for what this class has no word for. */
    this.puppeteer = page;
    /** Everything that was written to the console, as `type: text`. */
    this.console = [];
    page.on('console', (message) => {
      const line = `${message.type()}: ${message.text()}`;
      this.console.push(line);
      if (message.type() === 'error' || message.type() === 'warn') this.#problems.push(line);
    });
    page.on('pageerror', (error) => {
      if (this.#last && error.message.includes(LAST)) this.#last();
      else this.#problems.push(`uncaught: ${error.stack ?? error}`);
    });
  }

  /** Console errors, warnings and uncaught errors that match are no failure. */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  /** Those that nobody expects. */
  get problems() {
    return this.#problems.filter((line) => !this.#expected.some((pattern) => pattern.test(line)));
  }

  /**
   * Calls `body` in the page with `args` (JSON) and resolves with what it
   * returns. A page that is stuck or has crashed never answers by itself:
   * after `timeout` milliseconds this rejects with Hung and names `what`.
   */
  run(what, body, args = [], { timeout = RUN_TIMEOUT } = {}) {
    return bounded(this.puppeteer.evaluate(body, ...args), timeout, () =>
      `“${what}” hung for ${timeout} ms; the page said:\n${[...this.console, ...this.#problems].join('\n') || '(nothing)'}`);
  }

  /** Writes web/test/out/`name`.png. */
  async screenshot(name) {
    mkdirSync(OUTPUT, { recursive: true });
    await bounded(this.puppeteer.screenshot({ path: join(OUTPUT, `${name}.png`) }), PAGE_TIMEOUT, () => `screenshot of “${name}” hung`);
  }

  /** Closes the page; rejects if anything in it went wrong that nobody expects. */
  async close() {
    // Firefox reports uncaught errors in their order, and some time later: after one of our own all have been told.
    const told = new Promise((resolve) => { this.#last = resolve; });
    const closed = async () => {
      await this.puppeteer.evaluate((last) => { setTimeout(() => { throw new Error(last); }); }, LAST);
      await told;
      await this.puppeteer.close();
    };
    await bounded(closed(), CLOSE_TIMEOUT, () => 'closing the page hung');
    if (this.problems.length > 0) throw new Error(`the page had problems:\n${this.problems.join('\n')}`);
  }
}

async function bounded(promise, timeout, message) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Hung(message())), timeout);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
