import { Link, addressOf } from './network.js';
import { task } from './tasks.js';

/** What the kernel keeps of either direction before a writer has to wait. */
const KERNEL = 256 * 1024;

/** One way of a connection: a bounded queue between a writing and a reading link. */
class Direction {
  writer = null;
  reader = null;
  unread = 0;
  ended = false;
  dead = false;
  #chunks = [];
  #blocked = false;
  #paused = false;
  #flushing = false;
  #finished = false;

  write(bytes) {
    const taken = Math.min(bytes.length, KERNEL - this.unread);
    if (taken > 0) {
      this.#chunks.push(taken === bytes.length ? bytes : bytes.subarray(0, taken));
      this.unread += taken;
      this.flush();
    }
    this.#blocked = taken < bytes.length;
    return taken;
  }

  end() {
    this.ended = true;
    this.flush();
  }

  pause() { this.#paused = true; }

  resume() {
    this.#paused = false;
    this.flush();
  }

  flush() {
    if (this.#flushing || !this.reader) return;
    this.#flushing = true;
    task(() => {
      this.#flushing = false;
      if (!this.#finished) this.#deliver(false);
    });
  }

  /** Hands on what is there, even to a paused reader if `all`. */
  #deliver(all) {
    const chunks = this.#chunks;
    let next = 0;
    while (next < chunks.length && (all || !this.#paused) && !this.#finished) {
      const chunk = chunks[next++];
      this.unread -= chunk.length;
      this.reader.ondata(chunk);
    }
    if (this.#finished) return;
    this.#chunks = chunks.slice(next);
    if (this.#blocked && this.unread < KERNEL) {
      this.#blocked = false;
      this.writer.onwritable();
    }
    if (this.ended && this.#chunks.length === 0 && !this.#paused) {
      this.#finished = true;
      this.reader.onend();
    }
  }

  /** The reader learns that the connection is dead, after what had arrived. */
  reset() {
    this.dead = true;
    if (!this.reader) return;
    if (!this.#finished) this.#deliver(true);
    this.#finished = true;
    this.reader.fail('reset');
  }

  /** The reader is gone. */
  discard() {
    this.#finished = true;
    this.#chunks = [];
    this.unread = 0;
  }
}

class MemoryLink extends Link {
  #in;
  #out;
  #closed = false;
  /** Set on the other end's behalf: called when this end starts TLS. */
  onsecure = () => {};

  constructor(incoming, outgoing) {
    super();
    this.#in = incoming;
    this.#out = outgoing;
    outgoing.writer = this;
  }

  /** From now on, what arrives is delivered; until then it waits. */
  attach() {
    this.#in.reader = this;
    if (this.#in.dead) task(() => this.#in.reset());
    else this.#in.flush();
  }

  get closed() { return this.#closed; }

  write(bytes) {
    if (this.#closed) return bytes.length;
    if (this.#out.reader?.closed) {
      task(() => this.#in.reset());
      return bytes.length;
    }
    return this.#out.write(bytes);
  }

  pause() { this.#in.pause(); }
  resume() { if (!this.#closed) this.#in.resume(); }
  startTLS() { this.#out.reader?.onsecure(); }

  /** FIN without close: the other way stays open. Phones cannot do this; servers can. */
  shutdown() { if (!this.#closed) this.#out.end(); }

  end() {
    if (this.#closed) return;
    this.#closed = true;
    const unread = this.#in.unread > 0;
    this.#in.discard();
    if (unread) task(() => this.#out.reset());
    else this.#out.end();
  }

  destroy() {
    if (this.#closed) return;
    this.#closed = true;
    this.#in.discard();
    task(() => this.#out.reset());
  }

  fail(kind) {
    if (this.#closed) return;
    this.#closed = true;
    this.#in.discard();
    this.onerror(kind);
  }
}

/** A connection's two ends. */
function connection() {
  const there = new Direction();
  const back = new Direction();
  return [new MemoryLink(back, there), new MemoryLink(there, back)];
}

const utf8 = new TextEncoder();

/**
 * The server's end of a connection to a MemoryNetwork. Set the callbacks
 * before the handler returns.
 */
export class Peer {
  /** What the phone asked for. */
  host;
  port;
  /** TLS is on: asked for at connect, or upgraded to. */
  secure;
  ondata(/* Uint8Array */) {}
  /** The phone closed. */
  onend() {}
  onreset() {}
  /** All that was written has left for the phone's kernel. */
  ondrain() {}
  onsecure() {}
  #link;
  #queue = [];
  #ending = false;

  constructor(link, { host, port, tls }) {
    this.host = host;
    this.port = port;
    this.secure = tls;
    this.#link = link;
    link.ondata = (bytes) => this.ondata(bytes);
    link.onend = () => this.onend();
    link.onerror = () => {
      this.#queue = [];
      this.onreset();
    };
    link.onwritable = () => {
      this.#write();
      if (this.#queue.length === 0) this.ondrain();
    };
    link.onsecure = () => {
      this.secure = true;
      this.onsecure();
    };
  }

  /** Bytes that the kernel has not taken yet. Unlimited: a test knows what it writes. */
  get bufferedAmount() {
    return this.#queue.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  /** Sends a copy of a Uint8Array, or a string as UTF-8. False if some of it has to wait for `ondrain`. */
  write(bytes) {
    this.#queue.push(typeof bytes === 'string' ? utf8.encode(bytes) : bytes.slice());
    this.#write();
    return this.#queue.length === 0;
  }

  #write() {
    let next = 0;
    while (next < this.#queue.length) {
      const bytes = this.#queue[next];
      const taken = this.#link.write(bytes);
      if (taken < bytes.length) {
        this.#queue[next] = bytes.subarray(taken);
        break;
      }
      next++;
    }
    this.#queue.splice(0, next);
    if (this.#ending && this.#queue.length === 0) this.#link.shutdown();
  }

  /** FIN after what was written. The phone may still send. */
  end() {
    this.#ending = true;
    this.#write();
  }

  /** RST. */
  reset() {
    this.#queue = [];
    this.#link.destroy();
  }

  pause() { this.#link.pause(); }
  resume() { this.#link.resume(); }
}

/** A network whose servers are functions in the same page. Addresses are compared as they are written. */
export class MemoryNetwork {
  #listeners = new Map();

  /**
   * `handler(peer)` is called for each connection to `address` ("host:port",
   * with brackets around an IPv6 address). Replaces an earlier listener.
   */
  listen(address, handler) {
    const dial = (request) => {
      const [near, far] = connection();
      task(() => {
        if (near.closed) return;
        near.attach();
        near.onconnect();
        far.attach();
        handler(new Peer(far, request));
      });
      return near;
    };
    this.#listeners.set(address, dial);
    return { close: () => { if (this.#listeners.get(address) === dial) this.#listeners.delete(address); } };
  }

  /**
   * The nth socket that dials `a` and the nth that dials `b` are connected
   * to each other. Neither dial waits for the other.
   */
  pair(a, b) {
    const waiting = { [a]: [], [b]: [] };
    const dial = (own, other) => () => {
      let link = waiting[own].shift();
      if (!link) {
        const [near, far] = connection();
        waiting[other].push(far);
        link = near;
      }
      task(() => {
        if (link.closed) return;
        link.attach();
        link.onconnect();
      });
      return link;
    };
    this.#listeners.set(a, dial(a, b));
    this.#listeners.set(b, dial(b, a));
  }

  connect(request) {
    const dial = this.#listeners.get(addressOf(request.host, request.port));
    if (dial) return dial(request);
    const link = new Link();
    task(() => link.onerror('refused'));
    return link;
  }
}
