import dgram from 'node:dgram';
import net from 'node:net';
import WebSocket from 'ws';
import { controlMessage, join, lookup, printable } from './wire.mjs';

/** The most bytes of datagrams under way in one direction of a port; more are dropped. */
const DATAGRAMS_WAITING = 1 << 20;
/** Who has sent a port something may be answered; so many of them are remembered. */
const CORRESPONDENTS = 256;
/** The most bytes that a datagram can carry over IPv4. */
const DATAGRAM = 65507;

/** A UDP port of this machine's loopback that a page has. */
export class RelayedDatagrams {
  asked;
  onover = () => {};
  #page;
  #options;
  #socket;
  #port = 0;
  #groups = new Map();
  /** Who has sent a datagram, the latest last. */
  #correspondents = new Set();
  #reported = new Set();
  #waiting = 0;
  #over = false;

  constructor(page, asked, options) {
    this.asked = asked;
    this.#page = page;
    this.#options = options;
    page.on('message', (data, binary) => {
      if (this.#over) return;
      if (binary) this.#send(data);
      else this.#control(data);
    });
    page.on('close', () => this.#finish());
    page.on('error', () => this.#finish());
    const { host, port, reuse } = asked;
    const address = net.isIPv6(host) ? '::1' : '127.0.0.1';
    this.#socket = dgram.createSocket({ type: net.isIPv6(host) ? 'udp6' : 'udp4', reuseAddr: reuse });
    this.#socket.on('error', (error) => this.#failed(error.code ?? error.message));
    this.#socket.on('message', (bytes, from) => this.#receive(bytes, from));
    if (!['', '0.0.0.0', '::', address].includes(host)) {
      queueMicrotask(() => this.#failed('not an address of the loopback'));
      return;
    }
    this.#socket.bind({ address, port }, () => {
      if (this.#over) return;
      if (address === '127.0.0.1') this.#socket.setMulticastInterface(address);
      this.#port = this.#socket.address().port;
      this.#tell({ type: 'bound', address: host === '' ? '0.0.0.0' : host, port: this.#port });
    });
  }

  #tell(message) {
    if (this.#page.readyState === WebSocket.OPEN) this.#page.send(JSON.stringify(message));
  }

  #receive(bytes, { address, port }) {
    if (this.#over || this.#page.bufferedAmount > DATAGRAMS_WAITING) return;
    const from = join(address, port);
    this.#correspondents.delete(from);
    this.#correspondents.add(from);
    if (this.#correspondents.size > CORRESPONDENTS) this.#correspondents.delete(this.#correspondents.values().next().value);
    const head = Buffer.from(`\0${address}\0\0`, 'latin1');
    head[0] = address.length;
    head.writeUInt16BE(port, head.length - 2);
    this.#page.send(Buffer.concat([head, bytes]));
  }

  #send(message) {
    const end = 1 + message[0];
    if (!(end + 2 <= message.length) || message.length - end - 2 > DATAGRAM) {
      this.#violation('malformed datagram');
      return;
    }
    const host = message.toString('latin1', 1, end);
    const port = message.readUInt16BE(end);
    const bytes = message.subarray(end + 2);
    // As on a phone: what cannot be sent is not heard of.
    if (!/^[\w.:-]{1,253}$/.test(host) || port === 0 || this.#port === 0) return;
    const to = lookup(this.#options.mapped, host, port);
    const name = join(to.host, to.port);
    if (!this.#options.destinations.has(name) && !this.#correspondents.has(name)) {
      this.#refuse(host, port);
      return;
    }
    if (this.#waiting > DATAGRAMS_WAITING) return;
    this.#waiting += bytes.length;
    this.#socket.send(bytes, to.port, to.host, () => { this.#waiting -= bytes.length; });
  }

  /** Once for each destination: a page may send many to one. */
  #refuse(host, port) {
    const name = join(host, port);
    if (this.#reported.has(name) || this.#reported.size >= CORRESPONDENTS) return;
    this.#reported.add(name);
    this.#options.refuse({ host, port, reason: 'not allowed' });
  }

  #control(data) {
    const message = controlMessage(data);
    const group = message?.group;
    if (typeof group !== 'string' || (message.type !== 'join' && message.type !== 'leave')) this.#violation('malformed message');
    else if (message.type === 'join') this.#join(group);
    else this.#leave(group);
  }

  /**
   * A socket of the group's own: the port's is bound to an address of the
   * loopback, where nothing that is sent to a group arrives.
   */
  #join(group) {
    if (!this.#options.groups.has(group)) {
      this.#refuse(group, this.#port);
      return;
    }
    if (this.#port === 0 || this.#groups.has(group)) return;
    const socket = dgram.createSocket({ type: 'udp4', reuseAddr: true });
    this.#groups.set(group, socket);
    socket.on('error', (error) => {
      this.#options.log(`${group}: ${printable(error.code ?? error.message)}`);
      this.#leave(group);
    });
    socket.on('message', (bytes, from) => {
      const own = from.port === this.#port && from.address === '127.0.0.1';
      if (!own || this.asked.loopback) this.#receive(bytes, from);
    });
    socket.bind({ address: group, port: this.#port }, () => {
      if (this.#groups.get(group) === socket) socket.addMembership(group, '127.0.0.1');
    });
  }

  #leave(group) {
    this.#groups.get(group)?.close();
    this.#groups.delete(group);
  }

  #failed(why) {
    if (this.#over) return;
    this.#options.log(`${this.asked.asked}: ${printable(why)}`);
    this.#tell({ type: 'error' });
    this.#finish();
  }

  #violation(what) {
    this.#options.log(`${this.asked.asked}: page: ${what}`);
    this.#finish(1008);
  }

  #finish(code = 1000) {
    if (this.#over) return;
    this.#over = true;
    this.#socket.close();
    for (const group of [...this.#groups.keys()]) this.#leave(group);
    this.#page.close(code);
    this.onover();
  }

  cut() {
    if (this.#over) return;
    this.#page.terminate();
    this.#finish();
  }
}
