// What the zone files beside this one say: the one source of both the server's
// answers and the tests' expectations.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Zone names, without the last dot, and their files. */
export const ZONES = ['kaiwire.test', '2.0.192.in-addr.arpa', '8.b.d.0.1.0.0.2.ip6.arpa']
  .map((name) => ({ name, file: fileURLToPath(new URL(`${name}.zone`, import.meta.url)) }));

// Types of which some words of the data are names, by their places.
const NAMES = { CNAME: [0], MX: [1], NS: [0], PTR: [0], SOA: [0, 1], SRV: [3] };

/**
 * Reads a zone file (RFC 1035 §5.1) of one record a line.
 * @returns {{name: string, ttl: number, type: string, data: string[]}[]} names absolute, without the last dot
 */
export function parseZone(text) {
  const records = [];
  let origin, ttl;
  const absolute = (name) => {
    if (name === '@') return origin;
    return name.endsWith('.') ? name.slice(0, -1) : `${name}.${origin}`;
  };
  for (const line of text.split('\n')) {
    const words = [...line.matchAll(/"([^"]*)"|;.*|[^\s";]+/g)]
      .filter(([word]) => !word.startsWith(';'))
      .map(([word, quoted]) => quoted ?? word);
    if (words.length === 0) continue;
    if (words[0] === '$ORIGIN') { origin = words[1].slice(0, -1); continue; }
    if (words[0] === '$TTL') { ttl = Number(words[1]); continue; }
    const [name, klass, type, ...data] = words;
    if (klass !== 'IN' || data.length === 0) throw new Error(`not a record: ${line}`);
    for (const place of NAMES[type] ?? []) data[place] = absolute(data[place]);
    records.push({ name: absolute(name), ttl, type, data });
  }
  return records;
}

/** All records of all zones. */
export const records = ZONES.flatMap(({ file }) => parseZone(readFileSync(file, 'utf8')));

/** The data of every record of that name and type, in the file's order. */
export const lookup = (name, type) => records.filter((r) => r.name === name && r.type === type).map((r) => r.data);
