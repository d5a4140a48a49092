// The phone's TCP sockets, wherever this host keeps them.
//
// KaiOS 2.5 and 3 have navigator.mozTCPSocket (a new wrapper object at every
// read; absent, not null, without the permission "tcp-socket") and, beside it,
// the constructor TCPSocket. Neither exists in a worker, in any version.

import { failure } from './lifetime.js';

/**
 * A phone: open(host, port, options) → TCPSocket, and where the host has them listen(port, options, backlog) →
 * TCPServerSocket, bind(options) → UDPSocket, whenOnline(callback) → a function that ends the watch. Besides, what the
 * sockets are good for, as every host of bridge/hosts says: its name, tls and multicast, and the permissions missing.
 * @returns {object | null} null where there are no TCP sockets
 */
export function findPhone(scope) {
  const navigator = scope.navigator;
  const phone = { name: 'kaios', tls: true, multicast: false, missing: [] };
  if (navigator && navigator.mozTCPSocket) {
    phone.open = (host, port, options) => navigator.mozTCPSocket.open(host, port, options);
    if (navigator.mozTCPSocket.listen) {
      phone.listen = (port, options, backlog) => navigator.mozTCPSocket.listen(port, options, backlog);
    }
  } else if (typeof scope.TCPSocket === 'function' && !('opened' in scope.TCPSocket.prototype)) {
    // With that property it is Direct Sockets' class of the same name.
    phone.open = (host, port, options) => new scope.TCPSocket(host, port, options);
    if (typeof scope.TCPServerSocket === 'function') {
      phone.listen = (port, options, backlog) => new scope.TCPServerSocket(port, options, backlog);
    }
  } else {
    return null;
  }
  // KaiOS 3 keeps it from apps, whatever they have asked for.
  if (typeof scope.UDPSocket === 'function') {
    phone.bind = (options) => new scope.UDPSocket(options);
    phone.multicast = true;
  } else if (/KAIOS\/2/i.test(navigator && navigator.userAgent)) {
    phone.missing.push('udp-socket');
  }
  if (scope.addEventListener) {
    phone.whenOnline = (callback) => {
      scope.addEventListener('online', callback);
      return () => scope.removeEventListener('online', callback);
    };
  }
  return phone;
}

export const NO_SOCKETS = 'no TCP sockets: the app needs the permission "tcp-socket" and the type "privileged"';

/** Stands in where the host has no sockets: every open fails with what is missing. */
export const noPhone = {
  open() {
    throw failure('NotAllowedError', NO_SOCKETS);
  },
};
