import net from 'node:net';
import WebSocket from 'ws';
import { join, printable } from './wire.mjs';

/** A connection that has come in and that no page has taken yet. */
class Incoming {
  /** As RelayedLink has it: the port that was listened on, for cut(). */
  asked;
  onover = () => {};
  #socket;
  #timer;
  #lost = () => this.drop();

  constructor(socket, asked, timeout) {
    this.asked = asked;
    this.#socket = socket;
    socket.on('error', this.#lost);
    this.#timer = setTimeout(this.#lost, timeout);
  }

  take() {
    clearTimeout(this.#timer);
    this.#socket.off('error', this.#lost);
    this.onover();
    return this.#socket;
  }

  drop() {
    clearTimeout(this.#timer);
    this.#socket.resetAndDestroy();
    this.onover();
  }
}

/** A port of 127.0.0.1 that a page listens on. */
export class RelayedListener {
  asked;
  port = 0;
  onover = () => {};
  onlistening = () => {};
  onfailed = () => {};
  #options;
  #server;
  #page = null;
  /** What has come in before there was a page to tell. */
  #untold = [];
  #timer = null;
  #over = false;

  /** `offer(incoming)` gives what has come in an id, or null if there are too many. */
  constructor(asked, options) {
    this.asked = asked;
    this.#options = options;
    const server = net.createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => this.#accept(socket));
    this.#server = server;
    server.on('error', (error) => {
      if (this.#over) return;
      options.log(`${asked.asked}: ${printable(error.code ?? error.message)}`);
      this.#tell({ type: 'error' });
      this.#finish();
      if (this.port === 0) this.onfailed();
    });
    server.once('listening', () => {
      if (this.#over) {
        server.close();
        return;
      }
      this.port = server.address().port;
      this.asked = { ...asked, asked: join('127.0.0.1', this.port) };
      this.#tell({ type: 'listening', port: this.port });
      this.onlistening();
    });
    // Node takes 0 for its own default.
    server.listen({ host: '127.0.0.1', port: asked.port, backlog: Math.max(1, asked.backlog) });
  }

  /** Its port is not kept for a page that does not come. */
  expire(milliseconds) {
    this.#timer = setTimeout(() => this.#finish(), milliseconds);
  }

  attach(page) {
    clearTimeout(this.#timer);
    this.#page = page;
    page.on('message', () => this.#finish(1008));
    page.on('close', () => this.#finish());
    page.on('error', () => this.#finish());
    if (this.port !== 0) this.#tell({ type: 'listening', port: this.port });
    for (const incoming of this.#untold.splice(0)) this.#tell(incoming.message);
  }

  #accept(socket) {
    const { remoteAddress: host, remotePort: port } = socket;
    const incoming = new Incoming(socket, this.asked.asked, this.#options.timeout);
    const id = this.#options.offer(incoming);
    if (id === null || host === undefined) {
      incoming.drop();
      return;
    }
    const message = { type: 'connect', id, host, port };
    if (this.#page) this.#tell(message);
    else this.#untold.push({ message, drop: () => incoming.drop() });
  }

  #tell(message) {
    if (this.#page?.readyState === WebSocket.OPEN) this.#page.send(JSON.stringify(message));
  }

  /** Whom the page was told of may still be taken, for as long as that lasts. */
  #finish(code = 1000) {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#server.close();
    for (const { drop } of this.#untold.splice(0)) drop();
    this.#page?.close(code);
    this.onover();
  }

  /** The port is free when this returns. */
  close() { this.#finish(); }

  cut() {
    if (this.#over) return;
    this.#page?.terminate();
    this.#finish();
  }
}
