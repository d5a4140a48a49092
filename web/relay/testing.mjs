// What the tests of the relay share.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import net from 'node:net';
import WebSocket from 'ws';
import { install, Tunnel } from '../../bridge/mock/index.js';
import { startRelay } from './relay.mjs';

export const ORIGIN = 'http://127.0.0.1:8080';
const KINDS = ['open', 'data', 'drain', 'error', 'close'];
export const waitLimit = { timeout: 20_000 };

export class PageSocket extends WebSocket {
  constructor(url) { super(url, { origin: ORIGIN }); }
}

/** A server on a free port of 127.0.0.1, closed at the end of the test. */
export async function serve(t, handler, create = net.createServer) {
  const connections = new Set();
  const server = create(handler);
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return server.address().port;
}

export async function relayFor(t, options) {
  const relay = await startRelay({ origins: [ORIGIN], ...options });
  t.after(() => relay.close());
  return relay;
}

export function phoneOn(t, relay, profile = 'kaios3') {
  const target = { navigator: {} };
  const phone = install(target, { profile, network: new Tunnel(relay.url, { WebSocket: PageSocket }) });
  t.after(() => phone.uninstall());
  return { phone, target, open: (...parameters) => target.navigator.mozTCPSocket.open(...parameters) };
}

export const event = (socket, type) => new Promise((resolve) => { socket.addEventListener(type, resolve, { once: true }); });

export function record(socket) {
  const seen = [];
  for (const type of KINDS) {
    socket.addEventListener(type, (e) => {
      if (type === 'data') seen.push(`data ${Buffer.from(e.data).toString('latin1')}`);
      else seen.push(type === 'error' ? `error ${e.name} ${e.message}` : type);
    });
  }
  return seen;
}

/** Resolves once `figure` has stood still for 2000 turns of the event loop. */
export async function stalled(figure) {
  let last;
  for (let turns = 0; turns < 2000; turns++) {
    if (figure() !== last) {
      last = figure();
      turns = 0;
    }
    await new Promise(setImmediate);
  }
}

/** The status of an upgrade request that is answered without an upgrade. */
export function refusal(relay, query, headers = { Origin: ORIGIN }) {
  return new Promise((resolve, reject) => {
    httpRequest({
      host: '127.0.0.1',
      port: relay.port,
      path: query,
      headers: { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==', ...headers },
    }).on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('upgrade', (response, socket) => {
      socket.destroy();
      resolve(101);
    }).on('error', reject).end();
  });
}

/** A WebSocket to the relay, past `open`. */
export async function link(relay, port) {
  const page = new PageSocket(`${relay.url}?host=127.0.0.1&port=${port}&tls=0`);
  const [first] = await once(page, 'message');
  assert.deepEqual(JSON.parse(first), { type: 'open' });
  return page;
}
