// Packages for both stores out of one folder.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOf, readSource, SOURCE, toWebapp, toWebmanifest, WEBAPP } from './app.mjs';
import { check } from './check.mjs';
import { folderIn, phoneOf } from './package.mjs';
import { zip } from './zip.mjs';

const text = (value) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** What a phone's package has: path → bytes. */
export function contents(folder, kaios) {
  const source = readSource(folder);
  const paths = filesOf(folder);
  const library = folderIn(paths);
  const files = {};
  for (const path of paths) {
    if (path === SOURCE || path === WEBAPP) continue;
    // The other phone's modules would only take up room.
    const phone = path.startsWith(library ?? '/') ? phoneOf(path.slice(library.length)) : null;
    if (phone === null || phone === kaios) files[path] = readFileSync(join(folder, path));
  }
  if (kaios === '2.5') files[WEBAPP] = text(toWebapp(source));
  else files[SOURCE] = text(toWebmanifest(source));
  return files;
}

/**
 * Writes both packages, unless something is wrong with the app.
 * @returns {{findings: object[], packages: {kaios: string, file: string, bytes: number, files: number}[]}}
 */
export function pack(folder, out) {
  const findings = check(folder);
  if (findings.some(({ level }) => level === 'error')) return { findings, packages: [] };
  const { name, b2g_features: { version } } = readSource(folder);
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'app';
  mkdirSync(out, { recursive: true });
  const packages = ['2.5', '3'].map((kaios) => {
    const files = contents(folder, kaios);
    const bytes = zip(files);
    const file = join(out, `${slug}-${version}-kaios${kaios}.zip`);
    writeFileSync(file, bytes);
    return { kaios, file, bytes: bytes.length, files: Object.keys(files).length };
  });
  return { findings, packages };
}
