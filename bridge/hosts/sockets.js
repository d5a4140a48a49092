// The phone's sockets over a network that is not a phone's: what the hosts of
// this folder have in common. A host knows its platform and shows it as the
// Link, Listener and Datagrams of bridge/mock/network.js; this makes of them
// what stream.js, listener.js and datagram.js use. The phone's traps are left
// out: what can be told is told, and nothing is lost by a close.
//
// Bytes are handed over as an ArrayBuffer of their own, whatever framing was
// asked for, and taken as ArrayBuffer, Uint8Array or, on connections, text of
// one byte a character.

import { failure, Lifetime } from '../lifetime.js';
import { ERRORS } from '../mock/network.js';

/** Bytes that may wait to be sent before send() asks for a pause, as on the phone. */
const BUFFER = 64 * 1024;
/** How long the other side may leave the last bytes of a closed connection where they are, in milliseconds. */
const LINGER = 30000;

/** What a network's onerror may name, besides ERRORS, in the words that the bridge knows. */
const CAUSES = Object.assign({
  denied: { name: 'NotAllowedError', message: 'the host does not allow it' },
  inUse: { name: 'PortInUseError', message: 'the port is taken' },
  notFound: { name: 'DomainNotFoundError', message: 'Network' },
  unsupported: { name: 'NotSupportedError', message: 'this host has no TLS of its own' },
}, ERRORS);

/** The bytes in a buffer that may be given away. */
const owned = (bytes) => (bytes.length === bytes.buffer.byteLength ? bytes.buffer : new Uint8Array(bytes).buffer);

function copied(data, offset, length) {
  if (typeof data === 'string') return Uint8Array.from(data, (character) => character.charCodeAt(0));
  if (data instanceof ArrayBuffer) return new Uint8Array(data.slice(offset || 0, length === undefined ? undefined : (offset || 0) + length));
  return new Uint8Array(data);
}

/** In the queue of what is to be sent: from here on encrypted. */
const START_TLS = null;

class Socket {
  constructor(link, { host, port, readyState, ssl, canSecure }) {
    this.host = host;
    this.port = port;
    this.ssl = ssl;
    this.readyState = readyState;
    this.bufferedAmount = 0;
    this.onopen = this.ondata = this.ondrain = this.onerror = this.onclose = null;
    this.link = link;
    this.canSecure = canSecure;
    this.queue = [];
    this.suspended = 0;
    this.waitsForDrain = false;
    this.leaving = false;   // nobody sends any more: the queue empties, and then the link ends
    this.timer = null;
    link.onconnect = () => {
      if (this.readyState !== 'connecting') return;
      this.readyState = 'open';
      this.fire('open', {});
    };
    link.ondata = (bytes) => { if (bytes.length > 0) this.fire('data', { data: owned(bytes) }); };
    link.onwritable = () => this.flush();
    link.onend = () => this.ended();
    link.onerror = (kind) => this.failed(CAUSES[kind] || CAUSES.reset);
  }

  fire(type, event) {
    const handler = this['on' + type];
    if (handler) handler.call(this, event);
  }

  send(data, offset, length) {
    if (this.readyState !== 'open') throw failure('NS_ERROR_FAILURE', 'the socket is not open');
    const bytes = copied(data, offset, length);
    if (bytes.length === 0) return true;
    this.bufferedAmount += bytes.length;
    this.queue.push(bytes);
    this.flush();
    if (this.bufferedAmount > BUFFER) this.waitsForDrain = true;
    return !this.waitsForDrain;
  }

  flush() {
    if (this.leaving) this.linger();
    while (this.queue.length > 0) {
      const bytes = this.queue[0];
      if (bytes === START_TLS) {
        this.link.startTLS();
      } else {
        const taken = this.link.write(bytes);
        this.bufferedAmount -= taken;
        if (taken < bytes.length) {
          this.queue[0] = bytes.subarray(taken);
          return;
        }
      }
      this.queue.shift();
    }
    if (this.waitsForDrain) {
      this.waitsForDrain = false;
      this.fire('drain', {});
    }
    if (this.leaving && this.queue.length === 0) this.left(() => this.link.end());
  }

  suspend() {
    if (this.suspended++ === 0) this.link.pause();
  }

  resume() {
    if (this.suspended > 0 && --this.suspended === 0 && !this.leaving) this.link.resume();
  }

  upgradeToSecure() {
    if (this.readyState !== 'open') throw failure('NS_ERROR_FAILURE', 'the socket is not open');
    if (this.ssl) return;
    if (!this.canSecure) {
      this.link.destroy();
      this.failed(CAUSES.unsupported);
      return;
    }
    this.ssl = true;
    this.queue.push(START_TLS);
    this.flush();
  }

  close() {
    const before = this.readyState;
    if (before !== 'open' && before !== 'connecting') return;
    this.readyState = 'closing';
    this.leaving = true;
    if (before === 'connecting') {
      this.left(() => this.link.destroy());
      return;
    }
    this.link.pause();
    this.flush();
  }

  /** The other side's FIN. There is no half-close above; what has been written is still sent. */
  ended() {
    if (this.readyState !== 'open') return;
    this.readyState = 'closed';
    this.leaving = true;
    this.flush();
    this.fire('close', {});
  }

  linger() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.left(() => this.link.destroy()), LINGER);
  }

  /** Lets the link go, by end or destroy; who closed is told in a later turn. */
  left(release) {
    if (!this.leaving) return;
    this.leaving = false;
    clearTimeout(this.timer);
    this.queue = [];
    release();
    if (this.readyState === 'closing') Promise.resolve().then(() => this.gone());
  }

  gone() {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.fire('close', {});
  }

  failed({ name, message }) {
    clearTimeout(this.timer);
    this.leaving = false;
    this.queue = [];
    this.bufferedAmount = 0;
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.fire('error', { name, message });
    this.fire('close', {});
  }
}

class ServerSocket {
  constructor(listener, port) {
    this.asked = port;
    this.onconnect = this.onerror = null;
    this.listener = listener;
    /** Settled when it is known whether the port is ours; see listener.js. */
    this.listening = new Promise((resolve, reject) => {
      listener.onlisten = resolve;
      listener.onerror = (kind) => {
        const { name, message } = CAUSES[kind] || CAUSES.inUse;
        reject(failure(name, message));
        if (listener.port !== 0 && this.onerror) this.onerror({});
      };
    });
    this.listening.catch(() => {}); // for who does not ask
    listener.onconnect = (link, { host, port }) => {
      const socket = new Socket(link, { host, port, readyState: 'open', ssl: false, canSecure: false });
      if (this.onconnect) this.onconnect({ socket });
      else socket.close();
    };
  }

  /** Until it is known which it is, the one that was asked for, as in a phone's app. */
  get localPort() { return this.listener.port || this.asked; }

  close() { this.listener.close(); }
}

class DatagramSocket extends Lifetime {
  constructor(datagrams) {
    super();
    this.readyState = 'opening';
    this.localAddress = this.localPort = null;
    this.onmessage = null;
    this.datagrams = datagrams;
    datagrams.onbound = (address, port) => {
      if (this.readyState !== 'opening') return;
      this.readyState = 'open';
      this.localAddress = address;
      this.localPort = port;
      this.settleOpened.resolve();
    };
    datagrams.onmessage = (bytes, remoteAddress, remotePort) => {
      if (this.readyState === 'open' && this.onmessage) this.onmessage({ data: owned(bytes), remoteAddress, remotePort });
    };
    datagrams.onerror = (kind) => {
      const { name, message } = CAUSES[kind] || CAUSES.reset;
      this.end(failure(name, message));
    };
  }

  send(data, address, port) {
    if (this.readyState !== 'open') throw failure('InvalidStateError', 'the socket is not open');
    this.datagrams.send(copied(data), address, port);
    return true;
  }

  joinMulticastGroup(group) { this.multicast('join', group); }
  leaveMulticastGroup(group) { this.multicast('leave', group); }

  multicast(command, group) {
    if (this.readyState === 'closed') throw failure('InvalidStateError', 'the socket is closed');
    if (this.readyState === 'open') this.datagrams[command](group);
    else this.opened.then(() => this.readyState === 'open' && this.datagrams[command](group), () => {});
  }

  close() {
    if (this.readyState !== 'closed') {
      this.datagrams.close();
      this.end(null);
    }
    return this.closed;
  }

  end(error) {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    super.end(error);
  }
}

/**
 * A host for bridge/host.js and bridge/relay.js, with the face that phone.js describes.
 * @param network {connect, listen, bind}, as bridge/mock/network.js describes them
 * @param traits  {name, tls: whether the network can do startTLS, multicast, missing: permissions that it lacks}
 */
export function hostOver(network, traits) {
  return Object.assign({
    open(host, port, options) {
      const tls = !!(options && options.useSecureTransport);
      if (tls && !traits.tls) throw failure(CAUSES.unsupported.name, CAUSES.unsupported.message);
      return new Socket(network.connect({ host, port, tls }), { host, port, readyState: 'connecting', ssl: tls, canSecure: traits.tls });
    },
    listen: (port, options, backlog) => new ServerSocket(network.listen({ port, backlog: backlog || 0, now: false }), port),
    bind: ({ localAddress, localPort, addressReuse, loopback }) => new DatagramSocket(network.bind({
      address: localAddress || null, port: localPort || 0, reuse: addressReuse !== false, loopback: !!loopback,
    })),
  }, traits);
}
