// irc-framework on the phone's sockets, by the class that it documents for
// transports of one's own.
import { EventEmitter } from 'events';
import IRC from 'irc-framework';

class PhoneTransport extends EventEmitter {
  #socket = null;
  #pending = '';
  #decoder = new TextDecoder();

  constructor(options) {
    super();
    this.options = options;
    this.connected = false;
  }

  isConnected() { return this.connected; }

  connect() {
    const { host, port } = this.options;
    const socket = navigator.mozTCPSocket.open(host, port, { binaryType: 'arraybuffer' });
    socket.onopen = () => {
      this.connected = true;
      this.emit('open');
    };
    socket.ondata = ({ data }) => {
      const lines = (this.#pending + this.#decoder.decode(data, { stream: true })).split(/\r?\n/);
      this.#pending = lines.pop();
      for (const line of lines) this.emit('line', line);
    };
    socket.onclose = () => {
      this.connected = false;
      this.emit('close', false);
    };
    this.#socket = socket;
  }

  writeLine(line, done) {
    const bytes = new TextEncoder().encode(line + '\r\n');
    this.#socket.send(bytes.buffer, 0, bytes.length);
    if (done) setTimeout(done, 0);
  }

  close() { this.#socket.close(); }
  disposeSocket() { this.close(); }
  setEncoding() { return true; }
}

/** Resolves with a client that is registered. */
export function connect(options) {
  const client = new IRC.Client();
  return new Promise((resolve) => {
    client.on('registered', () => resolve(client));
    client.connect({ ...options, transport: PhoneTransport, auto_reconnect: false, ping_interval: 0, enable_chghost: true, enable_setname: true });
  });
}
