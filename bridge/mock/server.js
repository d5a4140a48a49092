import { TCPServerSocketEvent, defineHandlers, failure } from './events.js';
import { Accepted, binaryTypeOf, dictionary } from './socket.js';
import { task } from './tasks.js';

/**
 * Makes the phone's TCPServerSocket class; what comes in is one of its
 * TCPSockets. `phone` has profile, network, uninstalled and the set `servers`.
 */
export function defineTCPServerSocket(phone, TCPSocket) {
  const { profile } = phone;
  const child = profile.process === 'child';

  class TCPServerSocket extends EventTarget {
    #port;
    #binaryType;
    /** The parent's half. */
    #listener = null;
    #closed = false;

    constructor(port, options, backlog = 0) {
      if (arguments.length < 1) {
        throw new TypeError('TCPServerSocket constructor: At least 1 argument required, but only 0 passed');
      }
      super();
      this.#port = +port & 0xffff;
      const { binaryType } = dictionary(options, 'TCPServerSocket constructor: Argument 2');
      this.#binaryType = binaryTypeOf(binaryType, "TCPServerSocket constructor: 'binaryType' member of ServerSocketOptions");
      // The parent process has the port, or not, before it does anything else that it is asked for; the child is not told.
      const request = { port: this.#port, backlog: (+backlog & 0xffff) || profile.backlog, now: true };
      phone.servers.add(this, {
        offline: () => {
          this.#listener?.close();
          this.#stopped();
        },
        unload: () => this.#listener?.close(),
      });
      if (child) {
        task(() => { if (!this.#closed && !phone.uninstalled) this.#listen(request); });
        return;
      }
      this.#listen(request);
      if (this.#listener.failed) throw failure();
    }

    get localPort() { return child ? this.#port : this.#listener?.port || this.#port; }
    get [Symbol.toStringTag]() { return 'TCPServerSocket'; }

    close() {
      if (this.#closed) return;
      this.#closed = true;
      phone.servers.delete(this);
      this.#post(() => this.#listener?.close());
    }

    #post(run) {
      if (child) task(run);
      else run();
    }

    #listen(request) {
      const listener = phone.network.listen(request);
      this.#listener = listener;
      if (listener.failed) {
        phone.servers.delete(this);
        return;
      }
      listener.onconnect = (link, { host, port }) => {
        const socket = new TCPSocket(host, port, new Accepted(link, this.#binaryType));
        this.#post(() => this.#dispatch(new TCPServerSocketEvent('connect', { socket })));
      };
      listener.onerror = () => this.#stopped();
    }

    /** Nobody listens any more. The child process is not told. */
    #stopped() {
      phone.servers.delete(this);
      if (!child) task(() => this.#dispatch(new Event('error')));
    }

    #dispatch(event) {
      if (!phone.uninstalled) this.dispatchEvent(event);
    }
  }
  defineHandlers(TCPServerSocket, ['connect', 'error']);
  return TCPServerSocket;
}
