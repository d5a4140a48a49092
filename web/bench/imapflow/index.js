// ImapFlow on the phone's sockets, at its best: its documented transport for
// an API of events, without a stream of another kind in between.
import { ImapFlow } from 'imapflow';
import { Duplex } from 'readable-stream';

class PhoneDuplex extends Duplex {
  #socket;
  #suspended = false;
  #drained = null;

  constructor({ host, port, secure }, onConnect) {
    super({ allowHalfOpen: false });
    const socket = navigator.mozTCPSocket.open(host, port, { binaryType: 'arraybuffer', useSecureTransport: secure });
    socket.onopen = onConnect;
    socket.ondata = ({ data }) => {
      if (this.push(Buffer.from(data))) return;
      this.#suspended = true;
      socket.suspend();
    };
    socket.ondrain = () => {
      const drained = this.#drained;
      this.#drained = null;
      if (drained) drained();
    };
    socket.onerror = ({ name }) => this.destroy(new Error(name));
    socket.onclose = () => this.push(null);
    this.#socket = socket;
  }

  _read() {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#socket.resume();
  }

  _write(chunk, encoding, done) {
    if (this.#socket.send(chunk.buffer, chunk.byteOffset, chunk.byteLength)) done();
    else this.#drained = done;
  }

  _destroy(error, done) {
    this.#socket.close();
    done(error);
  }

  /** The watchdog of socketTimeout; these connections are never idle for long. */
  setTimeout() { return this; }
}

/** A client that has logged in and selected INBOX. */
export async function connect({ host, port, auth }) {
  const client = new ImapFlow({
    host, port, auth,
    secure: false,
    doSTARTTLS: false,
    disableAutoIdle: true,
    logger: false,
    transport: { connect: (options, onConnect) => new PhoneDuplex(options, onConnect) },
  });
  await client.connect();
  await client.mailboxOpen('INBOX');
  return client;
}
