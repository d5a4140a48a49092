// A server for DNS over HTTPS (RFC 8484), by HTTP on 127.0.0.1 and so without
// the S, in front of a name server; beside it, one for each way not to answer.
import { createServer } from 'node:http';
import { exchangeTCP } from './unbound.mjs';

const TYPE = 'application/dns-message';

/** What is at a path other than /dns-query; message is the right answer. */
const FAULTS = {
  '/status/404': (response) => response.writeHead(404, { 'Content-Type': TYPE }).end(),
  '/status/503': (response) => response.writeHead(503, { 'Content-Type': TYPE }).end(),
  '/html': (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>Sign in to this network'),
  '/empty': (response) => response.writeHead(200, { 'Content-Type': TYPE }).end(),
  '/half': (response, message) => response.writeHead(200, { 'Content-Type': TYPE }).end(message.subarray(0, message.length - 3)),
  '/other': (response, message) => {
    message[13] ^= 1; // the name's first letter
    response.writeHead(200, { 'Content-Type': TYPE }).end(message);
  },
  '/long': (response, message) => response.writeHead(200, { 'Content-Type': TYPE }).end(Buffer.concat([message, Buffer.alloc(65536)])),
  '/endless': (response) => {
    response.writeHead(200, { 'Content-Type': TYPE });
    const more = () => { while (!response.destroyed && response.write(Buffer.alloc(16384))); };
    response.on('drain', more);
    more();
  },
  '/reset': (response) => response.socket.resetAndDestroy(),
  '/silent': () => {},
};

/**
 * Starts the server in front of the one that takes TCP on `port`. `requests` has a line for each request, without those that
 * ask for leave: its method, path and headers; `underWay` is how many have not ended.
 * @returns {Promise<{origin: string, requests: {method: string, path: string, headers: object}[], underWay: number, stop(): Promise<void>}>}
 */
export async function start(port) {
  const requests = [];
  const open = new Set();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://127.0.0.1');
    // Any origin may, but with no cookies; from /private nobody.
    if (pathname !== '/private') response.setHeader('Access-Control-Allow-Origin', '*');
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { 'Access-Control-Allow-Headers': 'content-type', 'Access-Control-Allow-Methods': 'POST' }).end();
      return;
    }
    requests.push({ method: request.method, path: pathname, headers: request.headers });
    open.add(response);
    response.on('close', () => open.delete(response));
    try {
      const parts = [];
      for await (const part of request) parts.push(part);
      const question = request.method === 'GET' ? Buffer.from(searchParams.get('dns') || '', 'base64url') : Buffer.concat(parts);
      const message = await exchangeTCP(port, question);
      if (FAULTS[pathname]) FAULTS[pathname](response, message);
      else response.writeHead(200, { 'Content-Type': TYPE, 'Set-Cookie': 'who=you' }).end(message);
    } catch (error) {
      response.destroy(error);
    }
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    requests,
    get underWay() { return open.size; },
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
