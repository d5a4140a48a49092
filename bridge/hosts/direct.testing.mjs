// Chrome's Direct Sockets over Node's, for tests: the classes as the
// specification has them (WICG/direct-sockets, 2024-10, and Chrome's multicast),
// on loopback. Chrome itself offers them to an Isolated Web App only, which
// takes a signed bundle and an administrator's leave to install.
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

const exception = (name, message = name) => new DOMException(message, name);

function settleable() {
  const settle = {};
  const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
  promise.catch(() => {});
  return Object.assign(settle, { promise });
}

/** Both streams' ends, of which the socket's is made. */
class Base {
  #opened = settleable();
  #closed = settleable();
  #info = null;
  #live = new Set();
  #error = null;
  #stop;

  constructor(world, stop) {
    world.open.add(this);
    this.#closed.promise.finally(() => world.open.delete(this)).catch(() => {});
    this.#stop = stop;
  }

  get opened() { return this.#opened.promise; }
  get closed() { return this.#closed.promise; }

  close() {
    const { readable, writable } = this.#info ?? {};
    if (!this.#info) return Promise.reject(exception('InvalidStateError'));
    if (this.#live.size === 0) return this.closed;
    if (readable.locked || writable?.locked) return Promise.reject(exception('InvalidStateError'));
    readable.cancel().catch(() => {});
    writable?.abort().catch(() => {});
    return this.closed;
  }

  protectedOpen(info) {
    this.#info = info;
    for (const name of ['readable', 'writable']) if (info[name]) this.#live.add(name);
    this.#opened.resolve(info);
  }

  protectedRefuse(error) {
    this.#opened.reject(error);
    this.#closed.reject(error);
  }

  /** One stream is closed or errored; after the last the socket closes. */
  protectedEnded(name, error = null) {
    if (!this.#live.delete(name)) return;
    this.#error ??= error;
    if (this.#live.size > 0) return;
    this.#stop();
    if (this.#error) this.#closed.reject(this.#error);
    else this.#closed.resolve();
  }
}

/** @returns the classes for a window; `open` are the sockets that have not closed, `asked` the options of each constructor */
export function directSockets({ policies = ['direct-sockets', 'direct-sockets-private', 'direct-sockets-multicast'] } = {}) {
  const world = { open: new Set(), asked: [] };
  const allowsFeature = (name) => policies.includes(name);
  const admit = (port, options) => {
    world.asked.push(options);
    if (!allowsFeature('direct-sockets')) throw exception('NotAllowedError');
    if (options.localPort === 0) throw new TypeError('localPort must be greater than zero');
    if (options.backlog === 0) throw new TypeError('backlog must be greater than zero');
  };

  function streams(socket, raw) {
    raw.pause();
    raw.on('error', () => {}); // 'close' tells
    const broken = () => exception('NetworkError', 'Stream aborted by the remote');
    let input;
    let output;
    raw.once('close', (failed) => {
      if (!failed) return;
      try { input.error(broken()); } catch { /* it has ended before */ }
      output.error(broken());
      socket.protectedEnded('readable', broken());
      socket.protectedEnded('writable', broken());
    });
    const readable = new ReadableStream({
      type: 'bytes',
      start(controller) { input = controller; },
      async pull(controller) {
        for (;;) {
          const bytes = raw.read();
          if (bytes) return controller.enqueue(new Uint8Array(bytes));
          if (raw.readableEnded || raw.destroyed) return undefined;
          await Promise.race([once(raw, 'readable'), once(raw, 'end'), once(raw, 'close')]).catch(() => {});
          if (raw.readableEnded) {
            controller.close();
            controller.byobRequest?.respond(0);
            socket.protectedEnded('readable');
            return undefined;
          }
        }
      },
      cancel: () => socket.protectedEnded('readable'),
    });
    const writable = new WritableStream({
      start(controller) { output = controller; },
      write: (chunk) => new Promise((resolve, reject) => {
        if (!ArrayBuffer.isView(chunk) && !(chunk instanceof ArrayBuffer)) throw new TypeError('not a BufferSource');
        raw.write(Buffer.from(chunk), (error) => (error ? reject(broken()) : resolve()));
      }),
      close: () => new Promise((resolve) => {
        raw.end(() => {
          socket.protectedEnded('writable');
          resolve();
        });
      }),
      abort() {
        raw.resetAndDestroy();
        socket.protectedEnded('writable');
      },
    }, new ByteLengthQueuingStrategy({ highWaterMark: 65536 }));
    return { readable, writable, remoteAddress: raw.remoteAddress, remotePort: raw.remotePort, localAddress: raw.localAddress, localPort: raw.localPort };
  }

  class TCPSocket extends Base {
    constructor(host, port, options = {}, accepted = null) {
      const raw = accepted ?? net.connect({ host, port, allowHalfOpen: true });
      super(world, () => raw.destroy());
      if (accepted) {
        this.protectedOpen(streams(this, raw));
        return;
      }
      try {
        admit(port, options);
      } catch (error) {
        raw.destroy();
        throw error;
      }
      const refuse = () => this.protectedRefuse(exception('NetworkError'));
      raw.once('error', refuse);
      raw.once('connect', () => {
        raw.off('error', refuse);
        this.protectedOpen(streams(this, raw));
      });
    }
  }

  class TCPServerSocket extends Base {
    constructor(localAddress, options = {}) {
      const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
      super(world, () => server.close());
      admit(options.localPort, options);
      let input;
      const readable = new ReadableStream({
        start(controller) { input = controller; },
        cancel: () => this.protectedEnded('readable'),
      });
      server.on('connection', (raw) => input.enqueue(new TCPSocket('', 0, {}, raw)));
      server.once('error', () => this.protectedRefuse(exception('NetworkError')));
      if (options.localPort < 32768) {
        this.protectedRefuse(exception('NotAllowedError'));
        return;
      }
      server.listen({ host: '127.0.0.1', port: options.localPort ?? 0, backlog: options.backlog }, () =>
        this.protectedOpen({ readable, localAddress, localPort: server.address().port }));
    }
  }

  class UDPSocket extends Base {
    constructor(options = {}) {
      const socket = dgram.createSocket({ type: 'udp4', reuseAddr: !!options.multicastAllowAddressSharing });
      super(world, () => socket.close());
      admit(options.localPort, options);
      if (!net.isIP(options.localAddress)) throw new TypeError('localAddress');
      let input;
      const readable = new ReadableStream({ start(controller) { input = controller; }, cancel: () => this.protectedEnded('readable') });
      const writable = new WritableStream({
        write: ({ data, remoteAddress, remotePort }) => new Promise((resolve, reject) => {
          socket.send(data, remotePort, remoteAddress, (error) => (error ? reject(exception('NetworkError')) : resolve()));
        }),
        close: () => this.protectedEnded('writable'),
        abort: () => this.protectedEnded('writable'),
      });
      socket.on('message', (bytes, from) => input.enqueue({ data: new Uint8Array(bytes), remoteAddress: from.address, remotePort: from.port }));
      socket.once('error', () => this.protectedRefuse(exception('NetworkError')));
      const joined = [];
      const multicastController = allowsFeature('direct-sockets-multicast') && {
        joinGroup: async (group) => { joined.push(group); },
        leaveGroup: async (group) => { joined.splice(joined.indexOf(group), 1); },
        get joinedGroups() { return [...joined]; },
      };
      socket.bind({ address: '127.0.0.1', port: options.localPort, exclusive: true }, () => this.protectedOpen({
        readable, writable, localAddress: options.localAddress, localPort: socket.address().port, ...(multicastController && { multicastController }),
      }));
    }
  }

  return { ...world, scope: { TCPSocket, TCPServerSocket, UDPSocket, document: { permissionsPolicy: { allowsFeature } } } };
}
