// A minimal app that connects, and the package's files in an app's folder.

import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { filesOf, readSource, Refusal, SOURCE } from './app.mjs';
import { usesOf } from './check.mjs';
import { asset, filesFor } from './package.mjs';

const template = fileURLToPath(new URL('template/', import.meta.url));
/** What the template is called, in its page and its manifest. */
const NAME = 'My mail';
const PROTOCOLS = ['imap'];
const LIBRARY = 'kaiwire/';

/** Makes an app in a folder that is empty or not there. Returns the paths that it has written. */
export function init(folder, name = NAME) {
  if ([...name].length > 20 || !name.trim()) throw new Refusal('A name has 1 to 20 characters.');
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new Refusal(`${folder} is not empty. To bring kaiwire’s files in it up to date: kaiwire init --update`);
  }
  const written = filesOf(template);
  for (const path of written) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    copyFileSync(join(template, path), join(folder, path));
  }
  const source = readSource(folder);
  source.name = source.b2g_features.locales[source.b2g_features.default_locale].name = name;
  source.short_name = [...name].slice(0, 12).join('').trim();
  source.id = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '') || 'app';
  writeFileSync(join(folder, SOURCE), `${JSON.stringify(source, null, 2)}\n`);
  const page = join(folder, 'index.html');
  const shown = name.replace(/[&<>]/g, (letter) => `&#${letter.charCodeAt(0)};`);
  writeFileSync(page, readFileSync(page, 'utf8').replaceAll(`>${NAME}<`, () => `>${shown}<`));
  return [...written, ...copyLibrary(folder, LIBRARY, PROTOCOLS, 'phone')];
}

/** Brings the package's files in an app's folder up to date, and adds those that its scripts load. Returns their paths. */
export function update(folder) {
  const { protocols, tls, library } = usesOf(folder);
  return copyLibrary(folder, library ?? LIBRARY, protocols, tls);
}

function copyLibrary(folder, library, protocols, tls) {
  const names = filesFor(protocols, tls);
  mkdirSync(join(folder, library), { recursive: true });
  for (const name of names) copyFileSync(asset(name), join(folder, library, name));
  return names.map((name) => library + name);
}
