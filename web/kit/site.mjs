// The web server of the phone on a page: a few files and folders, served to
// this computer only, as a KaiOS phone serves an app out of its package.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

/** What a phone says of its files, by their endings; of what it does not know it says that. */
const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webapp': 'application/x-web-app-manifest+json',
  '.webmanifest': 'application/manifest+json',
};

/**
 * Listens on 127.0.0.1; port 0 takes one that is free. What it serves is added afterwards.
 * @param {{port: number, names: string[]}} options the names that it answers to, besides the loopback's
 */
export async function startSite({ port, names }) {
  const files = new Map();
  const folders = new Map();
  const known = ['127.0.0.1', 'localhost', ...names];
  const server = createServer((request, response) => {
    answer({ files, folders, known }, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: server.address().port,
    /** Serves a path on disk, or {text}, or {location}, under exactly this path. For the options see folder. */
    file: (path, source, options = {}) => files.set(path, { source, ...options }),
    /**
     * Serves what is in a folder under a path that ends in '/'; what was added first comes first. Options: headers; types,
     * other than TYPES, by ending; change(text), what to send in place of a page; not(path), what is not there.
     */
    folder: (path, directory, options = {}) => folders.set(path, { directory, ...options }),
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function answer({ files, folders, known }, request, response) {
  const refuse = (status, text) => response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'GET or HEAD');
  // Another site's name that leads to this computer gets nothing.
  if (!known.includes((request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase())) return refuse(421, 'Not the name of this server');
  const { path, source, headers, types, change } = find(files, folders, request.url);
  if (!source) return refuse(404, 'Not here');
  if (source.location) return response.writeHead(302, { Location: source.location }).end();
  const extension = extname(path);
  let body;
  try {
    body = source.text ?? await readFile(source);
  } catch {
    return refuse(404, 'Not here');
  }
  if (change && extension === '.html') body = change(body.toString());
  response.writeHead(200, {
    'Content-Type': types?.[extension] ?? TYPES[extension] ?? 'application/octet-stream',
    'Cache-Control': 'no-store',
    ...headers,
  }).end(body);
}

function find(files, folders, url) {
  let path = '';
  try {
    path = decodeURIComponent(url.split(/[?#]/, 1)[0]);
  } catch {
    return { path };
  }
  if (files.has(path)) return { path, ...files.get(path) };
  for (const [prefix, { directory, not, ...options }] of folders) {
    if (!path.startsWith(prefix) || path.includes('\0') || not?.(path)) continue;
    const file = normalize(join(directory, path.slice(prefix.length)));
    if (file.startsWith(normalize(join(directory, sep)))) return { path, source: file, ...options };
  }
  return { path };
}
