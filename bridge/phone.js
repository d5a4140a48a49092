// The phone's TCP sockets, wherever this host keeps them.
//
// KaiOS 2.5 and 3 have navigator.mozTCPSocket (a new wrapper object at every
// read; absent, not null, without the permission "tcp-socket") and, beside it,
// the constructor TCPSocket. Neither exists in a worker, in any version.

/** @returns {{open(host: string, port: number, options: object): object} | null} */
export function findPhone(scope) {
  const navigator = scope.navigator;
  if (navigator && navigator.mozTCPSocket) {
    return { open: (host, port, options) => navigator.mozTCPSocket.open(host, port, options) };
  }
  if (typeof scope.TCPSocket === 'function') {
    return { open: (host, port, options) => new scope.TCPSocket(host, port, options) };
  }
  return null;
}

/** Stands in where the host has no sockets: every open fails with what is missing. */
export const noPhone = {
  open() {
    const error = new Error('no TCP sockets: the app needs the permission "tcp-socket" and the type "privileged"');
    error.name = 'NotAllowedError';
    throw error;
  },
};
