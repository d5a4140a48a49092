// Node's sockets, for tests and tools: node:net, node:tls and node:dgram.

import net from 'node:net';
import { Listener } from '../mock/network.js';
import { NodeDatagrams } from './node-datagrams.js';
import { KINDS, NodeLink } from './node-link.js';
import { hostOver } from './sockets.js';

class NodeListener extends Listener {
  #server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });

  constructor({ host, port, backlog }) {
    super();
    this.#server.on('connection', (socket) => {
      if (socket.remoteAddress === undefined) socket.destroy(); // gone again
      else this.onconnect(new NodeLink(socket, {}), { host: socket.remoteAddress, port: socket.remotePort });
    });
    this.#server.on('error', (error) => {
      this.failed = true;
      this.onerror(KINDS[error.code]);
    });
    // Node takes 0 for its own default.
    this.#server.listen({ host, port, backlog: Math.max(1, backlog) }, () => {
      this.port = this.#server.address().port;
      this.onlisten();
    });
  }

  close() { this.#server.close(); }
}

/**
 * A host over Node's sockets.
 *   address  where it listens and binds unless an address is given; default '0.0.0.0', as a phone does
 *   ca       PEM of the authorities that its TLS trusts, in place of Node's own
 */
export function nodeHost({ address = '0.0.0.0', ca } = {}) {
  return hostOver({
    connect: ({ host, port, tls }) => new NodeLink(net.connect({ host, port, allowHalfOpen: true, noDelay: true }), { host, tls, ca }),
    listen: ({ port, backlog }) => new NodeListener({ host: address, port, backlog }),
    bind: (request) => new NodeDatagrams({ ...request, address: request.address ?? address }),
  }, { name: 'node', tls: true, multicast: true, missing: [] });
}
