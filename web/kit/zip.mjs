// Archives that are the same wherever and whenever they are made.

import { zipSync } from 'fflate';

/** The first moment that a zip can tell. It is in local time there, as it is here. */
const FIRST = new Date(1980, 0, 1);
const UNIX = 3;
const MODE = 0o100644 << 16;

/**
 * @param {Record<string, Uint8Array>} files path with slashes → bytes
 * @returns {Uint8Array}
 */
export function zip(files) {
  const entries = Object.keys(files).sort((a, b) => (a < b ? -1 : 1));
  return zipSync(Object.fromEntries(entries.map((path) => [path, files[path]])),
    { level: 9, mtime: FIRST, os: UNIX, attrs: MODE });
}
