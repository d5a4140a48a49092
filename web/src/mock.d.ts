// Type definitions for kaiwire/mock: a phone's sockets for Firefox and Node, traps included. Shipped verbatim.

/** What the mock's sockets stand on. Those that are here suffice for tests; their methods are the mock's own affair. */
export interface Network {
  connect(to: { host: string; port: number; tls: boolean }): object;
  listen(at: { port: number; backlog: number; now: boolean }): object;
  bind(at: { address: string | null; port: number; reuse: boolean; loopback: boolean }): object;
}

/** Real servers, by way of a `kaiwire-relay` at a `ws:` address. */
export class Tunnel implements Network {
  constructor(url: string, options?: { WebSocket?: unknown });
  connect: Network['connect'];
  listen: Network['listen'];
  bind: Network['bind'];
}

export interface InstallOptions {
  /** Whose sockets: KaiOS 2.5's, KaiOS 3's (default), or those of today's Gecko. */
  profile?: 'kaios25' | 'kaios3' | 'gecko';
  network: Network;
  /** The app's. Default `['tcp-socket', 'udp-socket']`; without one its API is absent. */
  permissions?: string[];
}

export interface Phone {
  /** Set to true it cuts every connection but those to loopback, and refuses new ones. */
  offline: boolean;
  /** The TCP sockets that have not closed yet. */
  readonly sockets: Set<object>;
  /** The TCP sockets that listen. */
  readonly servers: Set<object>;
  /** How many UDP sockets have not closed yet. */
  readonly udpSockets: number;
  /** Closes all without an event and puts `target` back as it was. */
  uninstall(): void;
}

/** Gives `target`, a window or Node's global object, `navigator.mozTCPSocket` and its like. */
export function install(target: object, options: InstallOptions): Phone;
