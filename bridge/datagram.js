// One of the phone's UDP sockets, with a queue to read from. The platform has
// no back-pressure for datagrams: what nobody fetches in time is dropped here,
// as a kernel would.

import { OPEN, READABLE, ENDED } from './stream.js';

/** The most that the platform sends in one datagram; above it, it makes several of one. */
export const MAX_DATAGRAM = 1400;
const MAX_QUEUED = 256;
const MAX_QUEUED_BYTES = 256 * 1024;

export class Datagrams {
  /**
   * @param phone   see phone.js; phone.bind may be absent
   * @param options {localAddress, localPort, addressReuse, loopback}, what the platform takes
   * @param notify  called with OPEN, READABLE (only after read has answered null) or ENDED
   */
  constructor(phone, options, notify) {
    this.notify = notify;
    this.socket = null;
    this.opened = false;
    this.closed = false;
    this.ended = false;
    this.error = null;
    this.queue = [];          // {data: Uint8Array, address, port}
    this.queued = 0;
    this.wantsRead = false;
    if (!phone.bind) {
      this.fail('NotSupportedError', 'this phone offers no UDP sockets to apps');
      return;
    }
    let socket;
    try {
      socket = phone.bind(options);
    } catch (error) {
      this.fail(error.name || 'Error', error.message);
      return;
    }
    this.socket = socket;
    socket.onmessage = (event) => this.onmessage(event);
    socket.opened.then(() => {
      if (this.closed) return;
      this.opened = true;
      this.notify(OPEN);
    }, (error) => this.fail(error.name, error.message));
    socket.closed.then(() => this.end(), (error) => this.fail(error.name, error.message));
  }

  onmessage(event) {
    if (this.closed || this.ended) return;
    const data = new Uint8Array(event.data);
    if (this.queue.length >= MAX_QUEUED || this.queued + data.length > MAX_QUEUED_BYTES) return;
    this.queue.push({ data, address: event.remoteAddress, port: event.remotePort });
    this.queued += data.length;
    if (this.wantsRead) {
      this.wantsRead = false;
      this.notify(READABLE);
    }
  }

  fail(name, message) {
    if (!this.error && !this.ended) this.error = { name, message: message || '', opened: this.opened };
    this.end();
  }

  end() {
    if (this.ended) return;
    this.ended = true;
    this.wantsRead = false;
    if (this.closed) return;
    Promise.resolve().then(() => {
      if (!this.closed) this.notify(ENDED);
    });
  }

  /** The next datagram, or null where there is none yet, or undefined at the end. */
  read() {
    const datagram = this.queue.shift();
    if (datagram) {
      this.queued -= datagram.data.length;
      return datagram;
    }
    if (this.ended || this.closed) return undefined;
    this.wantsRead = true;
    return null;
  }

  /** Whether the platform took it; nobody ever learns whether it left. */
  write(bytes, address, port) {
    if (this.ended || this.closed || !this.opened) return false;
    try {
      this.socket.send(bytes, address, port);
      return true;
    } catch (error) {
      if (error.name !== 'InvalidAccessError') this.fail(error.name, error.message);
      return false;
    }
  }

  /** Joins or leaves a multicast group: whether the platform took it. */
  multicast(join, group) {
    if (this.ended || this.closed) return false;
    try {
      if (join) this.socket.joinMulticastGroup(group);
      else this.socket.leaveMulticastGroup(group);
      return true;
    } catch (error) {
      return false;
    }
  }

  close() {
    if (this.closed) return;
    this.closed = true;
    this.queue = [];
    if (!this.socket) return;
    this.socket.onmessage = null;
    // Closing one that is not open yet rejects `opened`, which is nobody's business any more.
    this.socket.close().catch(() => {});
  }
}
