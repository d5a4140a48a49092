import { TCPSocketErrorEvent, TCPSocketEvent } from './events.js';
import { PROFILES } from './profiles.js';
import { defineTCPSocket } from './socket.js';

/**
 * Gives `target`, a window or Node's global object, the sockets of a KaiOS phone:
 * navigator.mozTCPSocket, TCPSocket, TCPSocketEvent and TCPSocketErrorEvent.
 * Without the permission `tcp-socket`, and in a worker, it gives nothing, as
 * the phone does.
 *
 * Options:
 *   profile      a name in PROFILES, or an object like those; default `kaios3`
 *   network      what the sockets reach: MemoryNetwork, Tunnel or FaultyNetwork
 *   permissions  the app's; default `['tcp-socket']`
 *
 * The phone that is returned:
 *   offline      set to true, it cuts every connection but those to loopback,
 *                and refuses new ones
 *   sockets      the sockets that have not closed yet
 *   uninstall()  closes them without an event and puts `target` back as it was
 */
export function install(target, { profile = 'kaios3', network, permissions = ['tcp-socket'] } = {}) {
  const chosen = typeof profile === 'string' ? PROFILES[profile] : profile;
  if (!chosen) throw new RangeError(`no such profile: ${profile}`);
  if (typeof network?.connect !== 'function') throw new TypeError('install needs a network');

  const transports = new Map();
  const undo = [];
  let offline = false;
  let uninstalled = false;
  const host = {
    profile: chosen,
    network,
    sockets: {
      delete: (socket) => {
        phone.sockets.delete(socket);
        transports.delete(socket);
      },
    },
    get offline() { return offline; },
    get uninstalled() { return uninstalled; },
    adopt(socket, transport) {
      phone.sockets.add(socket);
      transports.set(socket, transport);
    },
  };

  function unload() {
    for (const transport of transports.values()) transport.unload();
    transports.clear();
    phone.sockets.clear();
  }

  const phone = {
    sockets: new Set(),
    get offline() { return offline; },
    set offline(value) {
      offline = Boolean(value);
      if (offline) for (const transport of transports.values()) transport.offline();
    },
    uninstall() {
      if (uninstalled) return;
      uninstalled = true;
      unload();
      while (undo.length > 0) undo.pop()();
    },
  };

  function define(object, name, descriptor) {
    const before = Object.getOwnPropertyDescriptor(object, name);
    Object.defineProperty(object, name, { configurable: true, ...descriptor });
    undo.push(() => {
      if (before) Object.defineProperty(object, name, before);
      else delete object[name];
    });
  }

  const worker = typeof WorkerGlobalScope === 'function' && target instanceof WorkerGlobalScope;
  if (worker || !permissions.includes('tcp-socket')) return phone;

  const TCPSocket = defineTCPSocket(host);

  class LegacyMozTCPSocket {
    open(...parameters) {
      if (parameters.length < 2) {
        throw new TypeError(`LegacyMozTCPSocket.open: At least 2 arguments required, but only ${parameters.length} passed`);
      }
      return new TCPSocket(...parameters);
    }

    get [Symbol.toStringTag]() { return 'LegacyMozTCPSocket'; }
  }

  if (!target.navigator) define(target, 'navigator', { value: {} });
  define(target.navigator, 'mozTCPSocket', { enumerable: true, get: () => new LegacyMozTCPSocket() });
  for (const Class of [TCPSocket, TCPSocketEvent, TCPSocketErrorEvent]) {
    define(target, Class.name, { writable: true, value: Class });
  }
  if (typeof target.addEventListener === 'function') {
    target.addEventListener('pagehide', unload);
    undo.push(() => target.removeEventListener('pagehide', unload));
  }
  return phone;
}
