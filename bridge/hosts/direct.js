// Chrome's Direct Sockets (wicg.github.io/direct-sockets), for Isolated Web
// Apps. Its classes have the names of the phone's and little else in common
// with them: promises and streams, half-close both ways, no TLS.

import { DATAGRAM, Datagrams, Link, Listener } from '../mock/network.js';
import { ignore, overStreams } from './direct-streams.js';
import { hostOver } from './sockets.js';

/** The most bytes of datagrams that wait to be sent; more are dropped. */
const DATAGRAMS_WAITING = 1 << 20;

class DirectLink extends overStreams(Link) {
  constructor(socket, accepted) {
    super();
    this.blocked = false;
    this.begin(socket, () => {
      if (!accepted) this.onconnect();
      if (this.blocked) this.wait();
    });
  }

  take(bytes) { this.ondata(bytes); }

  inputEnded(error) {
    if (error) super.inputEnded(error);
    else this.onend();
  }

  write(bytes) {
    if (this.over) return bytes.length;
    if (this.writer && this.writer.desiredSize > 0) {
      this.writer.write(bytes).catch(ignore); // writer.closed tells
      return bytes.length;
    }
    if (this.writer && !this.blocked) this.wait();
    this.blocked = true;
    return 0;
  }

  wait() {
    this.writer.ready.then(() => {
      this.blocked = false;
      if (!this.over) this.onwritable();
    }, ignore);
  }

  end() { this.close(); }
}

class DirectListener extends overStreams(Listener) {
  constructor(server) {
    super();
    this.begin(server, ({ localPort }) => {
      this.port = localPort;
      this.onlisten();
    });
  }

  take(socket) {
    socket.opened.then(({ remoteAddress, remotePort }) => {
      const link = new DirectLink(socket, true);
      if (this.over) link.destroy();
      else this.onconnect(link, { host: remoteAddress, port: remotePort });
    }, ignore);
  }
}

class DirectDatagrams extends overStreams(Datagrams) {
  constructor(socket) {
    super();
    this.waiting = 0;
    this.groups = null;
    this.begin(socket, ({ localAddress, localPort, multicastController }) => {
      this.groups = multicastController;
      this.onbound(localAddress, localPort);
    });
  }

  take({ data, remoteAddress, remotePort }) { this.onmessage(data, remoteAddress, remotePort); }

  send(data, remoteAddress, remotePort) {
    if (data.length > DATAGRAM || this.waiting + data.length > DATAGRAMS_WAITING) return;
    const sent = () => { this.waiting -= data.length; };
    this.waiting += data.length;
    this.writer.write({ data, remoteAddress, remotePort }).then(sent, sent);
  }

  join(group) { if (this.groups) this.groups.joinGroup(group).catch(ignore); }
  leave(group) { if (this.groups) this.groups.leaveGroup(group).catch(ignore); }
}

/** A host over the Direct Sockets of scope, or null where it has none. */
export function directHost(scope) {
  // A phone's TCPSocket has no such property, and its UDPSocket joins groups by itself.
  const has = (Class) => typeof Class === 'function' && 'opened' in Class.prototype && !('joinMulticastGroup' in Class.prototype);
  if (!has(scope.TCPSocket)) return null;
  const policy = scope.document && (scope.document.permissionsPolicy || scope.document.featurePolicy);
  const missing = ['direct-sockets', 'direct-sockets-private', 'direct-sockets-multicast'].filter((name) => policy && !policy.allowsFeature(name));
  const multicast = missing.indexOf('direct-sockets-multicast') < 0;
  const host = hostOver({
    connect: ({ host, port }) => new DirectLink(new scope.TCPSocket(host, port, { noDelay: true }), false),
    // 0 is refused; left out, the kernel chooses.
    listen: ({ port, backlog }) => new DirectListener(new scope.TCPServerSocket('0.0.0.0', defined({ localPort: port, backlog }))),
    bind: ({ address, port, reuse, loopback }) => new DirectDatagrams(new scope.UDPSocket(Object.assign(
      defined({ localAddress: address || '0.0.0.0', localPort: port }),
      multicast ? { multicastAllowAddressSharing: reuse && port !== 0, multicastLoopback: loopback } : {}))),
  }, { name: 'direct', tcp: missing.indexOf('direct-sockets') < 0, tls: false, multicast, missing });
  if (!has(scope.TCPServerSocket)) delete host.listen;
  if (!has(scope.UDPSocket)) delete host.bind;
  return host;
}

function defined(options) {
  Object.keys(options).forEach((name) => { if (!options[name]) delete options[name]; });
  return options;
}
