// What each module weighs, what it may weigh, and what it must not link.
// `node web/sizes.mjs` prints a table and fails over a budget; the same table is
// held by test/budget.test.mjs.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const web = dirname(fileURLToPath(import.meta.url));

/** Bytes of what TinyGo makes, the whole files: an app chooses them for their size. */
export const smallBudgets = {
  'irc.tinygo.wasm': 500_000,
  'dns.tinygo.wasm': 420_000,
  'irc-tls.tinygo.wasm': 2_300_000,
  'irc.js': 860_000,
  'dns.js': 720_000,
  'irc-tls.js': 4_700_000,
};

/** Bytes of code section, which a 32-bit Gecko turns into eight times as much machine code at every start. */
export const budgets = {
  mail: 2_650_000,
  irc: 2_300_000,
  dns: 2_300_000,
  dnssec: 3_000_000,
  // What crypto/tls, crypto/x509 and the roots cost is the price of an app that chooses them.
  'mail-tls': 5_200_000,
  'irc-tls': 5_000_000,
  'dns-tls': 4_900_000,
  'dnssec-tls': 5_300_000,
  trust: 4_700_000,
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
  const CODE = 10;
  let at = 8;
  const number = () => {
    let value = 0;
    for (let shift = 1, byte = 0x80; byte & 0x80; shift *= 128) value += ((byte = binary[at++]) & 0x7f) * shift;
    return value;
  };
  while (at < binary.length) {
    const id = binary[at++];
    const length = number();
    if (id === CODE) return length;
    at += length;
  }
  return 0;
}

/** TinyGo's modules are there only where there is TinyGo. */
export function isBuilt(file) {
  return existsSync(join(web, 'dist', file));
}

/** Bytes of a file of web/dist; a script has no code section. */
export function measure(file) {
  const binary = readFileSync(join(web, 'dist', file));
  return {
    raw: binary.length,
    code: file.endsWith('.wasm') ? codeSection(binary) : null,
    gzip: gzipSync(binary, { level: 9 }).length,
    brotli: brotliCompressSync(binary, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length,
  };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (!existsSync(join(web, 'dist'))) {
    console.error('web/dist is missing: run `make bundle`');
    process.exit(1);
  }
  const row = (...cells) => console.log(cells.map((cell, i) => String(cell)[i ? 'padStart' : 'padEnd'](i ? 11 : 20)).join(''));
  row('module', 'raw', 'code', 'budget', 'gzip', 'brotli');
  let over = 0;
  for (const file of Object.keys(smallBudgets).filter(isBuilt)) {
    const { raw, code, gzip, brotli } = measure(file);
    row(file, raw, code ?? '', smallBudgets[file], gzip, brotli);
    if (raw > smallBudgets[file]) {
      over++;
      console.error(`${file} is ${raw - smallBudgets[file]} bytes over its budget`);
    }
  }
  for (const module of Object.keys(budgets)) {
    const { raw, code, gzip, brotli } = measure(module + '.wasm');
    row(module, raw, code, budgets[module], gzip, brotli);
    if (code > budgets[module]) {
      over++;
      console.error(`${module}: the code section is ${code - budgets[module]} bytes over its budget`);
    }
  }
  process.exitCode = over ? 1 : 0;
}
