import { defineUDPSocket } from './datagram.js';
import { TCPServerSocketEvent, TCPSocketErrorEvent, TCPSocketEvent, UDPMessageEvent } from './events.js';
import { PROFILES } from './profiles.js';
import { defineTCPServerSocket } from './server.js';
import { defineTCPSocket } from './socket.js';

const MEBIBYTE = 1 << 20;
/** So much garbage is kept for a while, as what dies at once is collected apart. */
const RETAINED = 64;
/** So much is made before the engine is given up on. */
const ROUNDS = 4096;

/**
 * Gives `target`, a window or Node's global object, the sockets of a KaiOS phone:
 * navigator.mozTCPSocket, TCPSocket and TCPServerSocket with their events for
 * the permission `tcp-socket`; UDPSocket and UDPMessageEvent for `udp-socket`, if
 * the profile has UDP. In a worker it gives nothing, as the phone does.
 *
 * Options:
 *   profile      a name in PROFILES, or an object like those; default `kaios3`
 *   network      what the sockets reach: MemoryNetwork, Tunnel or FaultyNetwork
 *   permissions  the app's; default `['tcp-socket', 'udp-socket']`
 *
 * The phone that is returned:
 *   offline      set to true, it cuts every connection but those to loopback,
 *                refuses new ones, and ends listeners and UDP sockets, in the
 *                child process without an event
 *   sockets      the TCPSockets that have not closed yet
 *   servers      the TCPServerSockets that listen
 *   udpSockets   how many UDPSockets have not closed yet: a number, for a phone does not
 *                keep them
 *   collectGarbage()  makes garbage until the engine collects it, closes the UDPSockets that the
 *                page no longer refers to, and resolves with how many those were
 *   uninstall()  closes all without an event and puts `target` back as it was
 */
export function install(target, { profile = 'kaios3', network, permissions = ['tcp-socket', 'udp-socket'] } = {}) {
  const chosen = typeof profile === 'string' ? PROFILES[profile] : profile;
  if (!chosen) throw new RangeError(`no such profile: ${profile}`);
  if (typeof network?.connect !== 'function') throw new TypeError('install needs a network');

  const transports = new Map();
  const listeners = new Map();
  const endpoints = new Map();
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
    servers: {
      add(server, listener) {
        phone.servers.add(server);
        listeners.set(server, listener);
      },
      delete(server) {
        phone.servers.delete(server);
        listeners.delete(server);
      },
    },
    udp: {
      add: (endpoint, socket) => endpoints.set(endpoint, socket),
      delete: (endpoint) => endpoints.delete(endpoint),
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
    for (const listener of listeners.values()) listener.unload();
    listeners.clear();
    phone.servers.clear();
    for (const endpoint of endpoints.keys()) endpoint.unload();
    endpoints.clear();
  }

  const phone = {
    sockets: new Set(),
    servers: new Set(),
    get udpSockets() { return endpoints.size; },
    get offline() { return offline; },
    set offline(value) {
      offline = Boolean(value);
      if (!offline) return;
      for (const transport of transports.values()) transport.offline();
      for (const listener of listeners.values()) listener.offline();
      for (const endpoint of endpoints.keys()) endpoint.offline();
    },
    async collectGarbage() {
      await collected();
      let dropped = 0;
      for (const [endpoint, socket] of endpoints) {
        if (socket.deref()) continue;
        endpoint.close();
        dropped++;
      }
      return dropped;
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
  if (worker) return phone;

  function expose(classes) {
    for (const Class of classes) define(target, Class.name, { writable: true, value: Class });
  }

  if (permissions.includes('tcp-socket')) {
    const TCPSocket = defineTCPSocket(host);
    const TCPServerSocket = defineTCPServerSocket(host, TCPSocket);
    const checked = (method, needed, passed) => {
      if (passed >= needed) return;
      throw new TypeError(`LegacyMozTCPSocket.${method}: At least ${needed} argument${needed > 1 ? 's' : ''} required, but only ${passed} passed`);
    };

    class LegacyMozTCPSocket {
      open(...parameters) {
        checked('open', 2, parameters.length);
        return new TCPSocket(...parameters);
      }

      listen(...parameters) {
        checked('listen', 1, parameters.length);
        return new TCPServerSocket(...parameters);
      }

      get [Symbol.toStringTag]() { return 'LegacyMozTCPSocket'; }
    }

    if (!target.navigator) define(target, 'navigator', { value: {} });
    define(target.navigator, 'mozTCPSocket', { enumerable: true, get: () => new LegacyMozTCPSocket() });
    expose([TCPSocket, TCPSocketEvent, TCPSocketErrorEvent, TCPServerSocket, TCPServerSocketEvent]);
  }
  if (chosen.udp && permissions.includes('udp-socket')) expose([defineUDPSocket(host), UDPMessageEvent]);
  if (typeof target.addEventListener === 'function') {
    target.addEventListener('pagehide', unload);
    undo.push(() => target.removeEventListener('pagehide', unload));
  }
  return phone;
}

/**
 * Resolves when the engine has collected what nothing refers to. It does that
 * for who makes enough garbage, leaves it time, and does not ask about the canary
 * meanwhile: who asks a WeakRef keeps its target. The canary is as hard to
 * collect as a socket, an event target whose listener refers to it.
 */
async function collected() {
  if (typeof FinalizationRegistry !== 'function') throw new Error('the engine does not say what it has collected');
  let dead = false;
  const registry = new FinalizationRegistry(() => { dead = true; });
  registry.register(canary(), null);
  let garbage = [];
  for (let round = 0; !dead; round++) {
    if (round === ROUNDS) throw new Error('the engine collects no garbage');
    garbage.push(new ArrayBuffer(MEBIBYTE));
    if (garbage.length === RETAINED) garbage = [];
    await new Promise((resolve) => { setTimeout(resolve, 0); });
  }
}

function canary() {
  const target = new EventTarget();
  target.addEventListener('', () => target);
  return target;
}
