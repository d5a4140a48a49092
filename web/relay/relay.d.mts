// Type definitions for kaiwire/relay. Shipped verbatim; relay.mjs says more of each option.

export interface RelayOptions {
  /** Where it listens, at 127.0.0.1. Default 0: one that is free. */
  port?: number;
  /** What may be dialled: exact `host:port`, `[::1]:port` for IPv6. */
  allow?: string[];
  /** The pages that may ask: exact origins. */
  origins?: string[];
  /** Also whoever sends no Origin header, which no browser does. Default false. */
  allowNoOrigin?: boolean;
  /** Names to dial elsewhere: `{ 'mail.example:993': '127.0.0.1:10993' }`. Certificates are checked for the name. */
  hosts?: Record<string, string>;
  /** Ports that a page may listen on; 0 for one that is free. */
  listen?: number[];
  /** Where a page may send datagrams: exact `host:port`, on this machine. */
  datagrams?: string[];
  /** Ports that a page may have for datagrams. Default `[0]` if there are `datagrams`, else none. */
  bind?: number[];
  /** IPv4 groups that a page may join, on this machine only. */
  multicast?: string[];
  /** PEM of the certificate authorities to trust. Default: Node's own. */
  ca?: string | Uint8Array;
  /** Connections, listeners and UDP ports at the same time. Default 256. */
  links?: number;
  /** Milliseconds for a dial and for a TLS handshake, each. Default 120000. */
  timeout?: number;
  /** Milliseconds for a page to have asked. Default 5000. */
  upgradeTimeout?: number;
  /** Called with one line for each refusal and failure. */
  log?(line: string): void;
}

export interface Relay {
  readonly url: string;
  readonly port: number;
  /** The last 100 requests that were turned away. */
  readonly refused: { host: string; port: number; origin?: string; reason: string }[];
  /** How many connections, listeners and UDP ports there are. */
  readonly links: number;
  /** Cuts the connections to `host:port`; says how many. */
  cut(address: string): number;
  /** Cuts all; resolves when the port is free. */
  close(): Promise<void>;
}

/** Starts a relay between pages on this computer and the servers that it allows. Rejects where the port is taken. */
export function startRelay(options?: RelayOptions): Promise<Relay>;
