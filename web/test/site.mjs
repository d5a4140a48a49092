// A static file server on 127.0.0.1 that sends what a packaged KaiOS app gets
// from its package: no more than these files, under the policy of a privileged app.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream';

/**
 * The policy that KaiOS puts on every privileged app. Today's Firefox, unlike
 * the phone's Gecko, also wants leave to compile WebAssembly.
 */
export const POLICY = [
  'default-src * data: blob:',
  "script-src 'self' 'wasm-unsafe-eval'",
  "object-src 'none'",
  "style-src 'self' 'unsafe-inline'",
].join('; ');

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.map': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.webmanifest': 'application/manifest+json',
};

/**
 * Serves folders and files.
 * @param {Record<string, string>} mounts URL path → path on disk; one that ends in '/' is a folder
 * @param {Record<string, (body: Buffer) => unknown>} [posts] URL path → what takes a POST to it; a string that it
 *   returns, or resolves with, is the answer
 * @returns {Promise<{origin: string, url(path: string): string, close(): Promise<void>}>}
 */
export async function startSite(mounts, posts = {}) {
  const server = createServer((request, response) => {
    serve(mounts, posts, request, response).catch((error) => response.destroy(error));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    url: (path) => origin + path,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

async function serve(mounts, posts, request, response) {
  const answer = (status, text) => {
    response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
    response.end(`${text}\n`);
  };
  if (request.method === 'POST' && Object.hasOwn(posts, request.url)) {
    const text = await posts[request.url](Buffer.concat(await request.toArray()));
    if (typeof text === 'string') answer(200, text);
    else response.writeHead(204).end();
    return;
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') return answer(405, 'GET or HEAD');
  const file = fileFor(mounts, request.url);
  const facts = file && await stat(file).catch(() => null);
  if (!facts?.isFile()) return answer(404, `not here: ${request.url}`);
  response.writeHead(200, {
    'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
    'Content-Length': facts.size,
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  });
  if (request.method === 'HEAD') return response.end();
  pipeline(createReadStream(file), response, () => {});
}

function fileFor(mounts, url) {
  let path;
  try {
    path = decodeURIComponent(url.split(/[?#]/, 1)[0]);
  } catch {
    return null;
  }
  if (Object.hasOwn(mounts, path) && !path.endsWith('/')) return mounts[path];
  const prefix = Object.keys(mounts)
    .filter((mount) => mount.endsWith('/') && path.startsWith(mount))
    .sort((a, b) => b.length - a.length)[0];
  if (prefix === undefined || path.includes('\0')) return null;
  const file = join(mounts[prefix], path.slice(prefix.length));
  return file.startsWith(join(mounts[prefix], sep)) ? file : null;
}
