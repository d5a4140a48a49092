// The few lines of raw protocol that tests speak to a server themselves.
import { connect as connectSocket } from 'node:net';
import { connect as connectSecure } from 'node:tls';

const WAIT = 10_000;

/** A connection to 127.0.0.1 that is read line by line. */
export class LineClient {
  #socket;
  #rest = '';
  #lines = [];
  #ended = null; // why no more lines will come
  #wake = () => {};

  /** @param {number} port @param {import('node:tls').ConnectionOptions} [tls] secures the connection */
  static connect(port, tls) {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port };
      const socket = tls ? connectSecure({ ...options, ...tls }) : connectSocket(options);
      socket.once('error', reject);
      socket.once(tls ? 'secureConnect' : 'connect', () => {
        socket.off('error', reject);
        resolve(new LineClient(socket));
      });
    });
  }

  constructor(socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text) => {
      const lines = (this.#rest + text).split('\r\n');
      this.#rest = lines.pop();
      this.#lines.push(...lines);
      this.#wake();
    });
    socket.on('error', (error) => this.#end(error.message));
    socket.on('close', () => this.#end('connection closed'));
  }

  #end(why) {
    this.#ended ??= why;
    this.#wake();
  }

  /** Sends text as latin1, or bytes. */
  send(data) {
    this.#socket.write(data, 'latin1');
  }

  /**
   * Reads on to the first line that matches `wanted` and resolves with it.
   * Rejects at one that matches `unwanted`, at the end, or after 10 s.
   */
  async until(wanted, unwanted) {
    const seen = [];
    const fail = (why) => { throw new Error(`${why} while waiting for ${wanted}; came: ${JSON.stringify(seen.slice(-20))}`); };
    let timedOut = false;
    const timer = setTimeout(() => { timedOut = true; this.#wake(); }, WAIT);
    try {
      for (;;) {
        while (this.#lines.length > 0) {
          const line = this.#lines.shift();
          seen.push(line);
          if (wanted.test(line)) return line;
          if (unwanted?.test(line)) fail('refused');
        }
        if (this.#ended) fail(this.#ended);
        if (timedOut) fail(`nothing more within ${WAIT / 1000} s`);
        await new Promise((resolve) => { this.#wake = resolve; });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  close() {
    return new Promise((resolve) => {
      if (this.#socket.destroyed) return resolve();
      this.#socket.once('close', resolve);
      this.#socket.destroy();
    });
  }
}
