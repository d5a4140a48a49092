// An app's folder: what is in it, and the one manifest of which both phones' are made.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The source of both manifests: KaiOS 3's, with one member more, `webapp`, of what KaiOS 2.5's alone has. */
export const SOURCE = 'manifest.webmanifest';
/** KaiOS 2.5's, which is made. */
export const WEBAPP = 'manifest.webapp';

/** What lies in an app's folder and is no part of the app. */
const OUTSIDE = /^(node_modules|package(-lock)?\.json)$/;

/** What cannot be gone on with, in words for the person at the terminal. */
export class Refusal extends Error {}

/** The folder that is meant: the one that was named, this one if an app is in it, or `app`. */
export function folderOf(named) {
  const folder = named ?? (existsSync(SOURCE) ? '.' : 'app');
  if (!existsSync(folder)) throw new Refusal(`There is no folder ${folder}: name the app's, or make one with “kaiwire init”.`);
  return folder;
}

/** The files of an app, as paths with slashes from its folder, in the order of their bytes. */
export function filesOf(folder) {
  const walk = (path) => readdirSync(join(folder, path), { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && (path || !OUTSIDE.test(name)))
    .flatMap((entry) => (entry.isDirectory() ? walk(`${path}${entry.name}/`) : entry.isFile() ? [path + entry.name] : []));
  return walk('').sort((a, b) => (a < b ? -1 : 1));
}

export const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The source manifest. Throws what JSON.parse throws, or a Refusal where it is no object. */
export function readSource(folder) {
  const source = JSON.parse(readFileSync(join(folder, SOURCE), 'utf8'));
  if (!isObject(source)) throw new Refusal(`${SOURCE} is no JSON object.`);
  return source;
}

/** manifest.webmanifest as KaiOS 3 gets it. */
export function toWebmanifest(source) {
  const { webapp, ...rest } = source;
  return rest;
}

/** What of b2g_features has the same name and form in manifest.webapp. */
const SHARED = ['version', 'subtitle', 'developer', 'permissions', 'default_locale', 'locales', 'activities', 'messages', 'inputs',
  'redirects', 'role', 'cursor', 'dependencies'];

/** manifest.webapp as KaiOS 2.5 gets it. What the source says under `webapp` comes last, and so over all else. */
export function toWebapp(source) {
  const features = isObject(source.b2g_features) ? source.b2g_features : {};
  const made = { name: source.name ?? source.short_name };
  if (source.description !== undefined) made.description = source.description;
  if (source.start_url !== undefined) made.launch_path = source.start_url;
  if (source.display === 'fullscreen') made.fullscreen = 'true';
  if (source.orientation !== undefined) made.orientation = [source.orientation].flat();
  if (source.theme_color !== undefined) made.theme_color = source.theme_color;
  if (Array.isArray(source.icons)) {
    made.icons = Object.fromEntries(source.icons.filter(isObject)
      .map(({ src, sizes }) => [String(sizes ?? '').split('x')[0], src]).filter(([size]) => size));
  }
  for (const name of SHARED) if (features[name] !== undefined) made[name] = features[name];
  return { ...made, ...(isObject(source.webapp) ? source.webapp : {}) };
}
