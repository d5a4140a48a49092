// The demo's web server: a few files and folders, served to this computer only,
// as a KaiOS phone serves an app out of its package.

import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

/**
 * What KaiOS 2.5 and 3 lay on every privileged app. Browsers of today want
 * 'wasm-unsafe-eval' as well; the phones' Gecko does not know the word.
 */
const POLICY = [
  'default-src * data: blob:',
  "script-src 'self' 'wasm-unsafe-eval'",
  "object-src 'none'",
  "style-src 'self' 'unsafe-inline'",
].join('; ');

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webapp': 'application/x-web-app-manifest+json',
  '.webmanifest': 'application/manifest+json',
};

/** Listens on 127.0.0.1; port 0 takes one that is free. What it serves is added afterwards. */
export async function startSite(port) {
  const files = new Map();
  const folders = new Map();
  const server = createServer((request, response) => {
    answer(files, folders, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port: server.address().port,
    /** Serves a path on disk, or {text}, under exactly this path; `change` gets the text and returns what to send. */
    file: (path, source, change) => files.set(path, { source, change }),
    /** Serves what is in a folder under a path that ends in '/'. */
    folder: (path, directory) => folders.set(path, directory),
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function answer(files, folders, request, response) {
  const refuse = (status, text) => response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405, 'GET or HEAD');
  // Another site's name that leads to this computer gets nothing.
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '')) return refuse(421, 'Not the name of this server');
  const { path, source, change } = find(files, folders, request.url);
  const headers = {
    'Content-Type': TYPES[path.endsWith('/') ? '.html' : extname(path)] ?? 'application/octet-stream',
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  };
  if (source && (source.text !== undefined || change)) {
    const text = source.text ?? await readFile(source, 'utf8');
    response.writeHead(200, headers).end(change ? change(text) : text);
    return;
  }
  const facts = source && await stat(source).catch(() => null);
  if (!facts?.isFile()) return refuse(404, 'Not here');
  response.writeHead(200, { ...headers, 'Content-Length': facts.size });
  if (request.method === 'HEAD') return response.end();
  // A browser that goes away in the middle is no failure.
  await pipeline(createReadStream(source), response).catch(() => {});
}

function find(files, folders, url) {
  let path = '';
  try {
    path = decodeURIComponent(url.split(/[?#]/, 1)[0]);
  } catch {
    return { path };
  }
  if (files.has(path)) return { path, ...files.get(path) };
  for (const [prefix, directory] of folders) {
    if (!path.startsWith(prefix) || path.includes('\0')) continue;
    const file = normalize(join(directory, path.slice(prefix.length)));
    if (file.startsWith(normalize(join(directory, sep)))) return { path, source: file };
  }
  return { path };
}
