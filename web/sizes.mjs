// What each module weighs, what it may weigh, and what it must not link.
// `node web/sizes.mjs` prints a table with the change since the last release, and
// fails over a budget; the same budgets are held by test/budget.test.mjs.
// `--by-package irc` prints what makes a module large; `--release` makes sizes.json
// anew, which has the figures of the last release.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { section, sectionsOf } from '../wasm/binary.mjs';

const web = dirname(fileURLToPath(import.meta.url));

/** Bytes of what TinyGo makes, the whole files: an app chooses them for their size. */
export const smallBudgets = {
  'irc.tinygo.wasm': 480_000,
  'dns.tinygo.wasm': 420_000,
  'dnssec.tinygo.wasm': 630_000,
  'mail.tinygo.wasm': 1_000_000,
  'irc-tls.tinygo.wasm': 2_000_000,
  'mail-tls.tinygo.wasm': 2_500_000,
  'trust.tinygo.wasm': 1_750_000,
  'irc.js': 860_000,
  'dns.js': 720_000,
  'dnssec.js': 1_200_000,
  'mail.js': 1_600_000,
  'irc-tls.js': 4_200_000,
  'mail-tls.js': 5_000_000,
  'trust.js': 3_800_000,
};

/** Bytes of code section, which a 32-bit Gecko turns into eight times as much machine code at every start. */
export const budgets = {
  // Four protocols; phones have TinyGo's, which is a fifth of this file.
  mail: 2_600_000,
  irc: 1_950_000,
  dns: 1_950_000,
  dnssec: 2_300_000,
  // What crypto/tls, crypto/x509 and the roots cost is the price of an app that chooses them.
  'mail-tls': 4_900_000,
  'irc-tls': 4_250_000,
  'dns-tls': 4_150_000,
  'dnssec-tls': 4_450_000,
  trust: 3_850_000,
};

const reasons = {
  'crypto/tls': '3.1 MB of code; TLS is the phone\'s in a plain module',
  'crypto/x509': 'comes with crypto/tls, and brings math/big and encoding/asn1',
  'github.com/emersion/go-imap/v2/imapclient': 'links crypto/tls, and makes 239 allocations of an envelope; protocols/imap is the engine',
  'net/textproto': 'protocols/imap reads headers by itself',
  'net/http': '1.2 MB of code, and crypto/tls with it; the platform has XMLHttpRequest',
  // go-sasl imports it for its OAUTHBEARER, so that its init is there, but neither reader nor writer may be.
  'encoding/json.(*decodeState)': 'reflection; wasm/call has Args',
  'encoding/json.Marshal': 'reflection; wasm/call has Record',
  'encoding/gob': 'reflection',
  'text/template': 'reflection that keeps the linker from dropping methods',
  'html/template': 'reflection that keeps the linker from dropping methods',
  regexp: '0.2 MB of code, and slow to start',
  'runtime/pprof': 'bloat',
  'go/token': 'bloat',
  testing: 'bloat',
  'golang.org/x/text/encoding/charmap': 'tables; the platform has TextDecoder',
  'github.com/miekg/dns': '3.2 MB of code; dnsmessage is 0.14 MB',
  'github.com/ergochat/irc-go/ircevent': 'links crypto/tls',
};

/** What comes with TLS of our own. */
const tls = ['crypto/tls', 'crypto/x509'];
const withTLS = Object.fromEntries(Object.entries(reasons).filter(([name]) => !tls.includes(name)));

/** Package or function → reason, for each module. */
export const forbidden = {
  mail: { ...reasons, fmt: '0.16 MB of code, with the reflection that it brings' },
  irc: reasons,
  dns: reasons,
  dnssec: reasons,
  'mail-tls': withTLS,
  'irc-tls': withTLS,
  'dns-tls': withTLS,
  'dnssec-tls': withTLS,
  trust: withTLS,
};

/**
 * Whether code of a package (or a function or type, given with its package) is in a module, by the table of function names that every Go program carries. What is
 * imported but never called, the linker leaves out.
 */
export function links(binary, name) {
  return binary.includes(`\0${name}.`) || binary.includes(`\0${name}\0`);
}

/** Length of the code section of a WebAssembly binary. */
export function codeSection(binary) {
  for (const { id, piece } of sectionsOf(binary)) if (id === section.CODE) return piece.end - piece.at;
  throw new Error('no code section');
}

/** TinyGo's modules are there only where there is TinyGo. */
export function isBuilt(file) {
  return existsSync(join(web, 'dist', file));
}

/** Bytes of a file of web/dist, or of another folder; a script has no code section. */
export function measure(file, folder = join(web, 'dist')) {
  const binary = readFileSync(join(folder, file));
  return {
    raw: binary.length,
    code: file.endsWith('.wasm') ? codeSection(binary) : null,
    gzip: gzipSync(binary, { level: 9 }).length,
    brotli: brotliCompressSync(binary, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length,
  };
}

const released = () => JSON.parse(readFileSync(join(web, 'sizes.json'), 'utf8'));

/** A figure with its change since `before`, which may not be known. */
function withChange(figure, before) {
  const text = figure.toLocaleString('en');
  if (before === undefined) return `${text} (new)`;
  if (before === figure) return `${text} (=)`;
  return `${text} (${figure > before ? '+' : '−'}${Math.abs(figure - before).toLocaleString('en')})`;
}

/** The table as lines, and which files are over their budgets. */
export function report(measured, before) {
  const rows = [['file', 'raw', 'code', 'gzip', 'brotli', 'budget']];
  const over = [];
  for (const [file, figures] of Object.entries(measured)) {
    const [kind, budget] = smallBudgets[file] ? ['raw', smallBudgets[file]] : ['code', budgets[file.replace('.wasm', '')]];
    const past = before[file] || {};
    rows.push([file, ...['raw', 'code', 'gzip', 'brotli'].map((key) => (figures[key] ? withChange(figures[key], past[key]) : '')),
      `${kind} ${budget.toLocaleString('en')}`]);
    if (figures[kind] > budget) over.push(`${file}: ${kind} is ${figures[kind] - budget} bytes over its budget`);
  }
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return { lines: rows.map((row) => row.map((cell, i) => (i ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ')), over };
}

function measureAll() {
  const files = [...Object.keys(smallBudgets).filter(isBuilt), ...Object.keys(budgets).map((module) => module + '.wasm')];
  return Object.fromEntries(files.map((file) => [file, measure(file)]));
}

async function main([option, value]) {
  if (option === '--by-package') {
    const { packagesOf } = await import('./bypackage.mjs');
    const list = packagesOf(value);
    const all = list.reduce((sum, [, bytes]) => sum + bytes, 0);
    console.log(`${value}: ${all.toLocaleString('en')} bytes of code before wasm-opt`);
    for (const [name, bytes] of list.slice(0, 25)) {
      console.log(`${bytes.toLocaleString('en').padStart(10)}${(bytes / all * 100).toFixed(1).padStart(6)} %  ${name}`);
    }
    return;
  }
  if (!existsSync(join(web, 'dist'))) {
    console.error('web/dist is missing: run `make bundle`');
    process.exitCode = 1;
    return;
  }
  const measured = measureAll();
  if (option === '--release') {
    const { version } = JSON.parse(readFileSync(join(web, 'package.json'), 'utf8'));
    writeFileSync(join(web, 'sizes.json'), `${JSON.stringify({ version, files: measured }, null, 2)}\n`);
    return;
  }
  const { version, files } = released();
  const { lines, over } = report(measured, files);
  console.log(`bytes, and the change since ${version}\n${lines.join('\n')}`);
  for (const line of over) console.error(line);
  process.exitCode = over.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv.slice(2));
