import { UDPMessageEvent, defineHandlers, failure } from './events.js';
import { isAddress, isLoopback } from './network.js';
import { arrayBufferLength, dictionary } from './socket.js';
import { task } from './tasks.js';

/** The most bytes that leave in one datagram; the copy from stream to socket has a buffer of this size. */
const CHUNK = 1400;
/** The buffer that a datagram is received into. */
const RECEIVE = 9216;

const DOM = {
  AbortError: 'The operation was aborted. ',
  InvalidAccessError: 'A parameter or an operation is not supported by the underlying object',
  InvalidStateError: 'An attempt was made to use an object that is not, or is no longer, usable',
  NetworkError: 'A network error occurred.',
};
const exception = (name) => new DOMException(DOM[name], name);

const utf8 = new TextEncoder();

/**
 * A UDPSocket without its event target. The network knows this half only, so
 * that nothing but the page refers to the other one: a phone closes a socket
 * that the page has dropped.
 */
class Endpoint {
  onmessage = () => {};
  state = 'opening';
  localAddress;
  localPort;
  opened = settleable();
  closed = settleable();
  #phone;
  #child;
  #commands = [];
  #datagrams = null;

  constructor(phone, { localAddress, localPort, addressReuse, loopback }) {
    this.#phone = phone;
    this.#child = phone.profile.process === 'child';
    this.localAddress = localAddress;
    this.localPort = localPort;
    task(() => {
      if (this.state !== 'opening') return;
      this.#post(() => this.#bind({ address: localAddress, port: localPort ?? 0, reuse: addressReuse && localPort !== null, loopback }));
    });
  }

  /** A message to the parent process, where there is one. */
  #post(run) {
    if (this.#child) task(run);
    else run();
  }

  #bind(request) {
    if (this.state === 'closed') return;
    const datagrams = this.#phone.network.bind(request);
    this.#datagrams = datagrams;
    datagrams.onbound = (address, port) => this.#post(() => this.#bound(address, port));
    datagrams.onerror = () => {
      this.#datagrams = null;
      this.#post(() => {
        if (this.state === 'opening') this.close(exception('NetworkError'));
        else this.#died();
      });
    };
    datagrams.onmessage = (bytes, address, port) => {
      if (bytes.length === 0 && this.#phone.profile.emptyDatagram === 'closes') this.stop();
      else this.#post(() => this.#received(bytes, address, port));
    };
  }

  #bound(address, port) {
    if (this.state !== 'opening') return;
    this.localAddress = address;
    this.localPort = port;
    for (const [command, group] of this.#commands.splice(0)) {
      try {
        this.#execute(command, group);
      } catch {
        this.close(exception('NetworkError'));
        return;
      }
    }
    this.state = 'open';
    this.opened.resolve();
  }

  #received(bytes, address, port) {
    if (this.state !== 'open') return;
    const data = new Uint8Array(bytes.subarray(0, RECEIVE)).buffer;
    // Posted: a close() in between does not hold it back.
    task(() => this.onmessage(data, address, port));
  }

  send(bytes, address, port) {
    if (address === '') {
      if (!this.#child) throw failure('NS_ERROR_UNEXPECTED');
      this.#refused();
      return;
    }
    if (bytes instanceof Uint8Array) this.#post(() => this.#split(bytes, address, port));
    else this.#post(async () => this.#split(new Uint8Array(await bytes.arrayBuffer()), address, port));
  }

  #split(bytes, address, port) {
    for (let i = 0; i < bytes.length && port !== 0; i += CHUNK) {
      this.#datagrams?.send(bytes.subarray(i, i + CHUNK), address, port);
    }
  }

  /** `command` is join or leave. */
  multicast(command, group) {
    if (this.state === 'closed') throw exception('InvalidStateError');
    if (this.state === 'opening') this.#commands.push([command, group]);
    else this.#execute(command, group);
  }

  #execute(command, group) {
    if (isAddress(group)) this.#post(() => this.#datagrams?.[command](group));
    else if (this.#child) this.#refused();
    else throw failure(group === '' ? 'NS_ERROR_ILLEGAL_VALUE' : 'NS_ERROR_FAILURE');
  }

  /** The parent process takes a bad argument for the end of the socket. */
  #refused() {
    task(() => task(() => this.close(exception('NetworkError'))));
  }

  close(reason) {
    if (this.state === 'closed') return;
    if (this.state === 'opening') this.opened.reject(reason ?? exception('AbortError'));
    this.state = 'closed';
    this.#commands = [];
    this.#phone.udp.delete(this);
    this.#post(() => this.#unbind());
    if (reason) this.closed.reject(reason);
    else this.closed.resolve();
  }

  #unbind() {
    this.#datagrams?.close();
    this.#datagrams = null;
  }

  /** The kernel's socket is no more. */
  stop() {
    this.#unbind();
    this.#post(() => this.#died());
  }

  #died() {
    this.close(this.#child ? undefined : failure('NS_ERROR_ABORT'));
  }

  /** The phone has lost its network. */
  offline() {
    if (this.#datagrams && !isLoopback(this.localAddress ?? '')) this.stop();
  }

  /** The page is gone, and nobody is told. */
  unload() {
    this.state = 'closed';
    this.#unbind();
  }
}

function settleable() {
  const settle = {};
  settle.promise = new Promise((resolve, reject) => {
    settle.resolve = resolve;
    settle.reject = reject;
  });
  return settle;
}

/** A reference that does not keep its object, where the engine has such. */
function weakly(object) {
  return typeof WeakRef === 'function' ? new WeakRef(object) : { deref: () => object };
}

/** Makes the phone's UDPSocket class. `phone` has profile, network, uninstalled and the set `udp`. */
export function defineUDPSocket(phone) {
  /** Out here, as closures keep each other's surroundings: none that the network knows may be made where the socket is in sight. */
  function dispatcher(socket) {
    return (data, remoteAddress, remotePort) => {
      if (!phone.uninstalled) socket.deref()?.dispatchEvent(new UDPMessageEvent('message', { data, remoteAddress, remotePort }));
    };
  }

  class UDPSocket extends EventTarget {
    #endpoint;
    #options;

    constructor(options) {
      super();
      this.#options = udpOptions(options);
      this.#endpoint = new Endpoint(phone, this.#options);
      const self = weakly(this);
      this.#endpoint.onmessage = dispatcher(self);
      phone.udp.add(this.#endpoint, self);
    }

    get localAddress() { return this.#endpoint.localAddress; }
    get localPort() { return this.#endpoint.localPort; }
    get remoteAddress() { return this.#options.remoteAddress; }
    get remotePort() { return this.#options.remotePort; }
    get addressReuse() { return this.#options.addressReuse; }
    get loopback() { return this.#options.loopback; }
    get readyState() { return this.#endpoint.state; }
    get opened() { return this.#endpoint.opened.promise; }
    get closed() { return this.#endpoint.closed.promise; }
    get [Symbol.toStringTag]() { return 'UDPSocket'; }

    send(data, remoteAddress, remotePort) {
      if (arguments.length < 1) {
        throw new TypeError('UDPSocket.send: At least 1 argument required, but only 0 passed');
      }
      const bytes = payload(data);
      const givenAddress = remoteAddress === undefined || remoteAddress === null ? remoteAddress : `${remoteAddress}`;
      const givenPort = remotePort === undefined || remotePort === null ? null : +remotePort & 0xffff;
      if (this.#endpoint.state !== 'open') throw exception('InvalidStateError');
      const address = givenAddress === undefined ? this.#options.remoteAddress : givenAddress ?? '';
      const port = givenPort ?? this.#options.remotePort;
      if (address === null || port === null) throw exception('InvalidAccessError');
      this.#endpoint.send(bytes, address, port);
      return true;
    }

    close() {
      this.#endpoint.close();
      return this.closed;
    }

    joinMulticastGroup(multicastGroupAddress) { this.#multicast('join', arguments.length, multicastGroupAddress); }
    leaveMulticastGroup(multicastGroupAddress) { this.#multicast('leave', arguments.length, multicastGroupAddress); }

    #multicast(command, count, group) {
      if (count < 1) {
        throw new TypeError(`UDPSocket.${command}MulticastGroup: At least 1 argument required, but only 0 passed`);
      }
      this.#endpoint.multicast(command, `${group}`);
    }
  }
  defineHandlers(UDPSocket, ['message']);
  return UDPSocket;
}

/** What is not given is null, as the attributes show it. */
function udpOptions(options) {
  const {
    addressReuse = true, localAddress, localPort, loopback = false, remoteAddress, remotePort,
  } = dictionary(options, 'UDPSocket constructor: Argument 1');
  const given = (value, convert) => (value === undefined ? null : convert(value));
  const text = (value) => `${value}`;
  const short = (value) => +value & 0xffff;
  const converted = {
    addressReuse: Boolean(addressReuse),
    localAddress: given(localAddress, text),
    localPort: given(localPort, short),
    loopback: Boolean(loopback),
    remoteAddress: given(remoteAddress, text),
    remotePort: given(remotePort, short),
  };
  if (converted.remotePort === 0 || converted.localPort === 0
    || (converted.localAddress !== null && !isAddress(converted.localAddress))) throw exception('InvalidAccessError');
  return converted;
}

/** What send() puts on the wire, copied; a Blob, which cannot change, is read later. */
function payload(data) {
  if (ArrayBuffer.isView(data)) {
    arrayBufferLength(data.buffer, 'UDPSocket.send');
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  }
  if (arrayBufferLength(data, 'UDPSocket.send') !== undefined) return new Uint8Array(data).slice();
  return typeof Blob === 'function' && data instanceof Blob ? data : utf8.encode(`${data}`);
}
