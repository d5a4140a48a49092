// Where kaiwire runs: what it takes from there, and what it says about it.

import { findPhone, NO_SOCKETS } from '../../bridge/phone.js';
import { localError } from './errors.js';

/**
 * A page. Another platform has the same members: find() looks for sockets (null where there are none), tunnel(url) makes
 * those of a relay (the method is null where that can't be), location() is what relative URLs start from, hasWorkers()
 * tells whether Go can have a thread of its own, and read(url), absent here, gets a file as an ArrayBuffer.
 * @param hosts () → hosts.js, or nothing where that has not been loaded
 */
export const pageOf = (scope, hosts) => ({
  // By what the platform can do and not by its name. A phone's sockets come first.
  find: () => findPhone(scope) || (hosts() ? hosts().directHost(scope) : null),
  get tunnel() { return hosts() ? hosts().tunnelHost : null; },
  location: () => scope.location.href,
  hasWorkers: () => typeof scope.Worker === 'function',
});

export function locate(platform, path) {
  return new URL(path, platform.location()).href;
}

/**
 * The sockets of the platform unless the app brings its own, or a relay's address. Throws a KaiwireError: EPERM where the
 * platform has none and there is no `otherwise`.
 */
export function chooseSockets(platform, wanted, otherwise) {
  if (wanted === undefined || wanted === null) {
    const host = platform.find() || otherwise;
    if (!host) throw localError('EPERM', NO_SOCKETS);
    return host;
  }
  if (typeof wanted === 'string') {
    if (!/^wss?:\/\/./.test(wanted)) {
      throw localError('EINVAL', wanted, 'The option "sockets" must be the ws: address of a relay, or a host.');
    }
    if (!platform.tunnel) {
      throw localError('EINVAL', '', 'With kaiwire.classic.js, a relay needs kaiwire-hosts.js on the page.');
    }
    if (typeof WebSocket !== 'function') {
      throw localError('EINVAL', '', 'A relay is reached by WebSocket, which this host does not have.');
    }
    return platform.tunnel(wanted);
  }
  if (typeof wanted.open !== 'function') {
    throw localError('EINVAL', '', 'The option "sockets" must have the method open(host, port, options).');
  }
  return wanted;
}

export function capabilitiesOf(platform, options) {
  const wanted = options && options.sockets;
  const host = wanted === undefined || wanted === null ? platform.find() : chooseSockets(platform, wanted);
  const tcp = host !== null && host.tcp !== false;
  return {
    host: host && (host.name || 'custom'),
    tcp,
    listen: tcp && typeof host.listen === 'function',
    udp: tcp && typeof host.bind === 'function',
    multicast: tcp && typeof host.bind === 'function' && !!host.multicast,
    tls: tcp && !!host.tls,
    worker: platform.hasWorkers(),
    webAssembly: typeof WebAssembly === 'object',
    missing: host ? host.missing || [] : ['tcp-socket'],
  };
}
