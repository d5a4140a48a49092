import dgram from 'node:dgram';
import net from 'node:net';
import { DATAGRAM, Datagrams } from '../mock/network.js';

/** The most bytes of datagrams that wait to be sent; more are dropped. */
const DATAGRAMS_WAITING = 1 << 20;

const isWildcard = (address) => address === '0.0.0.0' || address === '::';

/** A UDP port of Node's. */
export class NodeDatagrams extends Datagrams {
  #socket;
  #request;
  #groups = new Map();
  #waiting = 0;
  /** Settled when every group that was joined can be heard. */
  #joined = Promise.resolve();
  #over = false;

  constructor(request) {
    super();
    this.#request = request;
    const { address, port, reuse, loopback } = request;
    const socket = dgram.createSocket({ type: net.isIPv6(address) ? 'udp6' : 'udp4', reuseAddr: reuse && port !== 0 });
    this.#socket = socket;
    socket.on('error', (error) => {
      socket.close();
      this.onerror(error.code === 'EACCES' ? 'denied' : 'inUse');
    });
    socket.on('message', (bytes, from) => this.onmessage(bytes, from.address, from.port));
    socket.bind({ address, port, exclusive: true }, () => {
      socket.setMulticastLoopback(loopback);
      if (!isWildcard(address)) socket.setMulticastInterface(address);
      this.onbound(socket.address().address, socket.address().port);
    });
  }

  send(bytes, host, port) {
    if (bytes.length > DATAGRAM || this.#waiting + bytes.length > DATAGRAMS_WAITING) return;
    this.#waiting += bytes.length;
    this.#joined.then(() => this.#socket.send(bytes, port, host, () => {
      this.#waiting -= bytes.length;
      this.#finish();
    }));
  }

  join(group) {
    const { address, loopback } = this.#request;
    if (isWildcard(address)) {
      this.#try(() => this.#socket.addMembership(group));
      return;
    }
    // Nothing that is sent to a group arrives at a port of one address: the group gets a socket of its own.
    if (this.#groups.has(group)) return;
    const own = this.#socket.address();
    const socket = dgram.createSocket({ type: net.isIPv6(group) ? 'udp6' : 'udp4', reuseAddr: true });
    this.#groups.set(group, socket);
    const bound = new Promise((resolve) => {
      for (const event of ['listening', 'close']) socket.once(event, resolve);
    });
    this.#joined = this.#joined.then(() => bound);
    socket.on('error', () => this.leave(group));
    socket.on('message', (bytes, from) => {
      if (loopback || from.port !== own.port || from.address !== own.address) this.onmessage(bytes, from.address, from.port);
    });
    socket.bind({ address: group, port: own.port }, () => this.#try(() => socket.addMembership(group, address)));
  }

  leave(group) {
    this.#groups.get(group)?.close();
    if (!this.#groups.delete(group)) this.#try(() => this.#socket.dropMembership(group));
  }

  /** As on a phone, nobody hears of what can't be. */
  #try(run) {
    try {
      run();
    } catch {
      // An address that is no group's, or one that was not joined.
    }
  }

  close() {
    this.#over = true;
    this.#finish();
  }

  /** Node would drop what it has not sent yet. */
  #finish() {
    if (!this.#over || this.#waiting > 0) return;
    for (const group of [...this.#groups.keys()]) this.leave(group);
    this.#socket.close();
  }
}
