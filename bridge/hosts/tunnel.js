// Any browser on a computer, by way of kaiwire-relay: see web/relay.

import { Tunnel } from '../mock/tunnel.js';
import { hostOver } from './sockets.js';

/**
 * A host whose sockets are opened by the relay at url (ws://127.0.0.1:8081/), as far as it allows. Its TLS is the
 * relay's: Node's, with Node's roots.
 * @param WebSocket the class, where it is not the global one
 */
export function tunnelHost(url, WebSocket) {
  const classes = WebSocket ? { WebSocket } : undefined;
  return hostOver(new Tunnel(url, classes), { name: 'tunnel', tls: true, multicast: true, missing: [] });
}
