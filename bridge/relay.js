// Sockets in a worker. The platform offers sockets to the page alone, so the
// page half opens them and the worker half shows them with the same faces as
// the phone's own: stream.js, listener.js and datagram.js do not know the
// difference.
//
// Messages are arrays [operation, socket number, …]. The worker numbers what it
// opens from 1 up, the page numbers accepted connections from -1 down. Bytes
// cross in buffers that are transferred. Page and worker each keep count of
// what the other has not yet taken, so that neither can fill the other's
// memory: the page suspends a socket while more than WINDOW received bytes are
// on their way, drops datagrams beyond it, and the worker sees send() return
// false while more than ROOM sent bytes are.
//
// What is to be sent waits in the page while the platform has its window full,
// so that the worker makes the next bytes while these are on their way. What
// the worker sends in one turn is joined: the platform is slow with many small
// sends, as a port is with messages. The buffers that brought it go back to be
// filled again: new ones cost more than the copying.
//
// Both halves take what comes as if it were hostile: a message that is not of
// its form is ignored.

import { failure, Lifetime } from './lifetime.js';
import { SEND_WINDOW } from './stream.js';

const WINDOW = 1024 * 1024;
/** What the worker may have on its way to the page before it is asked for a pause. */
const ROOM = 512 * 1024;
/** What has been taken, or sent, is told when it comes to so much: a message for each would cost the page as much as the data. */
const TOOK = WINDOW / 8;
const SENT = ROOM / 4;
/** The buffers in which bytes are joined, and how many that have come back are kept: a socket in bulk has no more on their way. */
const PIECE = 128 * 1024;
const SPARES = 6;
/** What comes alone and is less is not joined; and what was joined and is less travels in a buffer of its size: what is
 *  on its way would else take many times the memory that it counts for. */
const PIECE_MIN = 16 * 1024;
const PIECE_FULL = 96 * 1024;
/** Sockets that one worker may have open; a phone's kernel has 1024 files for all. */
const MAX_SOCKETS = 256;
/** How long a closed socket is kept for its close event, which may never come: see stream.js. */
const LINGER = 30000;

const number = (value) => typeof value === 'number' && isFinite(value) && Math.floor(value) === value;
const natural = (value) => number(value) && value >= 0;
const text = (value) => typeof value === 'string' && value.length <= 65536;
const buffer = (value) => value instanceof ArrayBuffer;
const bytes = (value) => typeof value === 'string' || buffer(value);
const options = (value) => typeof value === 'object' && value !== null;
const flag = (value) => typeof value === 'boolean';
/** Holes cross, and every() passes over them. */
const listOf = (form) => (value) => Array.isArray(value) && value.findIndex((each) => !form(each)) < 0;

/** What may cross, and the form of what follows the socket's number. */
const toPage = {
  __proto__: null,
  open: [text, natural, options], send: [bytes, natural], took: [natural], suspend: [], resume: [], upgrade: [], close: [],
  listen: [natural, options, natural], unlisten: [],
  bind: [options], sendTo: [bytes, text, natural], group: [flag, text], unbind: [],
};
const toWorker = {
  __proto__: null,
  open: [], data: [listOf(bytes)], sent: [natural, listOf(buffer)], error: [text, text], close: [],
  listening: [natural], accepted: [number, text, natural], unlistened: [],
  bound: [text, natural], message: [buffer, text, natural], unbound: [text, text],
  online: [],
};

/** Where a message is a socket's, the form of what follows in it, and nothing otherwise. */
const formOf = (forms, message) => (Array.isArray(message) && typeof message[0] === 'string' ? forms[message[0]] : undefined);

function wellFormed(form, message) {
  if (message.length !== form.length + 2 || !number(message[1])) return false;
  for (let i = 0; i < form.length; i++) {
    if (!form[i](message[i + 2])) return false;
  }
  return true;
}

const lengthOf = (data) => (typeof data === 'string' ? data.length : data.byteLength);
/** Whether data may bring so many bytes: a piece need not be quite full. */
const brings = (data, length) => lengthOf(data) === length ||
  (buffer(data) && data.byteLength === PIECE && length >= PIECE_FULL && length < PIECE);
const transferOf = (data) => (typeof data === 'string' ? [] : [data]);

/** The page half: opens sockets for the worker behind post. */
export class PageRelay {
  /** @param post (message, transfer) → void */
  constructor(phone, post) {
    this.phone = phone;
    this.post = post;
    this.sockets = new Map();   // connections
    this.servers = new Map();
    this.datagrams = new Map();
    this.nextAccepted = -1;
    this.stopWatching = phone.whenOnline ? phone.whenOnline(() => this.post(['online', 0])) : () => {};
  }

  /** What the worker half needs to know of the phone. */
  get offers() {
    return { listen: !!this.phone.listen, bind: !!this.phone.bind, whenOnline: !!this.phone.whenOnline };
  }

  /** Whether a message from the worker was meant for here. */
  receive(message) {
    const form = formOf(toPage, message);
    if (!form) return false;
    if (!wellFormed(form, message)) return true;
    const [operation, id, a, b, c] = message;
    try {
      this[operation](id, a, b, c);
    } catch (error) {
      this.failed(id, error);
    }
    return true;
  }

  failed(id, error) {
    const entry = this.sockets.get(id);
    if (entry) this.postHeld(entry);
    this.post(['error', id, String(error.name || 'Error'), String(error.message || '')]);
  }

  /** Whether a new socket may have this number; says why not otherwise. */
  admit(id) {
    if (id <= 0 || this.sockets.has(id) || this.servers.has(id) || this.datagrams.has(id)) return false;
    if (this.sockets.size + this.servers.size + this.datagrams.size < MAX_SOCKETS) return true;
    throw failure('QuotaExceededError', 'more than ' + MAX_SOCKETS + ' sockets');
  }

  open(id, host, port, wanted) {
    try {
      if (this.admit(id)) this.watch(id, this.phone.open(host, port, wanted));
    } catch (error) {
      this.failed(id, error);
      this.post(['close', id]);
    }
  }

  /** Passes on what a connection says. */
  watch(id, socket) {
    const entry = {
      id, socket, closing: false, timer: 0,
      unacknowledged: 0, held: [], heldLength: 0, choked: false, suspended: 0, // of what has been received
      queue: [], queued: 0, full: false, ahead: 0, sent: 0, used: [], // of what is to be sent
    };
    this.sockets.set(id, entry);
    socket.onopen = () => {
      // Current Gecko ignores a close() that comes before the connection attempt has begun.
      if (entry.closing) socket.close();
      this.post(['open', id]);
    };
    socket.ondata = (event) => this.ondata(entry, event.data);
    socket.ondrain = () => {
      entry.full = false;
      entry.ahead = 0;
      this.sendQueued(entry, false);
    };
    socket.onerror = (event) => this.failed(id, event);
    socket.onclose = () => this.forget(entry);
  }

  forget(entry) {
    const { id, socket, timer } = entry;
    clearTimeout(timer);
    this.postHeld(entry);
    this.sockets.delete(id);
    socket.onopen = socket.ondata = socket.ondrain = socket.onerror = socket.onclose = null;
    this.post(['close', id]);
  }

  ondata(entry, data) {
    // Nobody reads any more; data that was under way still comes.
    if (entry.closing) return;
    entry.unacknowledged += lengthOf(data);
    if (entry.unacknowledged > WINDOW && !entry.choked) {
      entry.choked = true;
      entry.socket.suspend();
    }
    entry.held.push(data);
    entry.heldLength += lengthOf(data);
    if (entry.unacknowledged - entry.heldLength < TOOK || entry.heldLength >= TOOK) this.postHeld(entry);
  }

  postHeld(entry) {
    const { id, held } = entry;
    if (held.length === 0) return;
    entry.held = [];
    entry.heldLength = 0;
    this.post(['data', id, held], held.filter(buffer));
  }

  took(id, length) {
    const entry = this.sockets.get(id) || this.datagrams.get(id);
    if (!entry) return;
    entry.unacknowledged = Math.max(0, entry.unacknowledged - length);
    this.postHeld(entry);
    if (entry.choked && entry.unacknowledged <= WINDOW / 2) {
      entry.choked = false;
      entry.socket.resume();
    }
  }

  /** Sends the first `length` bytes of data. */
  send(id, data, length) {
    const entry = this.sockets.get(id);
    if (!entry || entry.closing || length === 0 || !brings(data, length)) return;
    // Who sends on without room fills the page's memory.
    if (entry.queued + length > WINDOW) {
      this.close(id);
      throw failure('QuotaExceededError', 'more than ' + WINDOW + ' bytes wait to be sent');
    }
    entry.queue.push({ data, length });
    entry.queued += length;
    this.sendQueued(entry, false);
  }

  /** Hands to the platform what waits for it, `all` of it or as far as the window goes, and tells the worker. */
  sendQueued(entry, all) {
    const { id, socket, queue } = entry;
    try {
      while (queue.length > 0 && (all || !entry.full || entry.ahead + queue[0].length <= SEND_WINDOW)) {
        const { data, length } = queue.shift();
        entry.queued -= length;
        entry.sent += length;
        const room = typeof data === 'string' ? socket.send(data) : socket.send(data, 0, length);
        if (!room) entry.full = true;
        if (entry.full) entry.ahead += length;
        if (buffer(data) && data.byteLength === PIECE) entry.used.push(data);
      }
    } catch (error) {
      entry.queue = [];
      entry.queued = 0;
      this.failed(id, error);
      return;
    }
    if (entry.sent < SENT) return;
    this.post(['sent', id, entry.sent, entry.used], entry.used);
    entry.sent = 0;
    entry.used = [];
  }

  suspend(id) {
    const entry = this.sockets.get(id);
    if (!entry) return;
    entry.suspended++;
    entry.socket.suspend();
  }

  resume(id) {
    const entry = this.sockets.get(id);
    if (!entry || entry.suspended === 0) return;
    entry.suspended--;
    entry.socket.resume();
  }

  upgrade(id) {
    const entry = this.sockets.get(id);
    if (!entry) return;
    this.sendQueued(entry, true);
    entry.socket.upgradeToSecure();
  }

  close(id) {
    const entry = this.sockets.get(id);
    if (!entry || entry.closing) return;
    entry.closing = true;
    entry.held = [];
    entry.timer = setTimeout(() => this.forget(entry), LINGER);
    this.release(entry);
    this.sendQueued(entry, true);
    entry.socket.close();
  }

  /** Takes back our suspensions: a suspended socket never reports its end. */
  release(entry) {
    try {
      if (entry.choked) entry.socket.resume();
      for (; entry.suspended > 0; entry.suspended--) entry.socket.resume();
    } catch (error) {
      // It has ended meanwhile.
    }
    entry.choked = false;
  }

  listen(id, port, wanted, backlog) {
    let server;
    try {
      if (!this.admit(id)) return;
      server = this.phone.listen(port, wanted, backlog);
    } catch (error) {
      this.post(['unlistened', id]);
      return;
    }
    this.servers.set(id, server);
    server.onconnect = (event) => {
      const socket = event.socket || event;
      if (this.sockets.size >= MAX_SOCKETS) {
        socket.close();
        return;
      }
      const accepted = this.nextAccepted--;
      this.post(['accepted', id, accepted, String(socket.host), socket.port]);
      this.watch(accepted, socket);
    };
    server.onerror = () => {
      this.servers.delete(id);
      this.post(['unlistened', id]);
    };
    // The phone's own has no such promise, and knows its port at once.
    Promise.resolve(server.listening).then(() => {
      if (this.servers.get(id) === server) this.post(['listening', id, server.localPort]);
    }, () => {
      if (this.servers.get(id) === server) server.onerror();
    });
  }

  unlisten(id) {
    const server = this.servers.get(id);
    if (!server) return;
    this.servers.delete(id);
    server.onconnect = server.onerror = null;
    server.close();
  }

  bind(id, wanted) {
    let socket;
    try {
      if (!this.admit(id)) return;
      socket = this.phone.bind(wanted);
    } catch (error) {
      this.post(['unbound', id, String(error.name || 'Error'), String(error.message || '')]);
      return;
    }
    const entry = { socket, unacknowledged: 0, held: [] }; // datagrams are not held
    this.datagrams.set(id, entry);
    socket.onmessage = (event) => {
      // As a kernel does with datagrams that nobody fetches.
      if (entry.unacknowledged > WINDOW) return;
      entry.unacknowledged += event.data.byteLength;
      this.post(['message', id, event.data, String(event.remoteAddress), event.remotePort], [event.data]);
    };
    const gone = (error) => {
      this.datagrams.delete(id);
      this.post(['unbound', id, error ? String(error.name) : '', error ? String(error.message) : '']);
    };
    // Rejected together with closed, which tells.
    socket.opened.then(() => this.post(['bound', id, String(socket.localAddress), socket.localPort]), () => {});
    socket.closed.then(() => gone(null), gone);
  }

  sendTo(id, data, address, port) {
    const entry = this.datagrams.get(id);
    if (entry) entry.socket.send(data, address, port);
  }

  group(id, join, address) {
    const entry = this.datagrams.get(id);
    if (!entry) return;
    if (join) entry.socket.joinMulticastGroup(address);
    else entry.socket.leaveMulticastGroup(address);
  }

  unbind(id) {
    const entry = this.datagrams.get(id);
    if (!entry) return;
    entry.socket.onmessage = null;
    entry.socket.close().catch(() => {});
  }

  /** Closes everything: the worker is gone. */
  stop() {
    this.post = () => {};
    this.stopWatching();
    this.servers.forEach((server, id) => this.unlisten(id));
    this.datagrams.forEach((entry, id) => this.unbind(id));
    this.sockets.forEach((entry, id) => {
      try {
        this.close(id);
      } catch (error) {
        // Already closed.
      }
    });
  }
}

/** The worker half: a phone for stream.js, listener.js and datagram.js. */
export class WorkerRelay {
  /** @param post (message, transfer) → void */
  constructor(post) {
    this.post = post;
    this.sockets = new Map();
    this.nextId = 1;
    this.watchers = [];
    this.spares = [];
  }

  /** Takes on what the page's phone offers besides connections; see PageRelay.offers. */
  offer({ listen, bind, whenOnline }) {
    if (listen) this.listen = (port, wanted, backlog) => this.add(new RelayedServer(this), 'listen', port, wanted, backlog || 0);
    if (bind) this.bind = (wanted) => this.add(new RelayedDatagrams(this), 'bind', wanted);
    if (whenOnline) {
      this.whenOnline = (callback) => {
        this.watchers.push(callback);
        return () => { this.watchers = this.watchers.filter((other) => other !== callback); };
      };
    }
  }

  open(host, port, wanted) {
    return this.add(new RelayedSocket(this, 'connecting'), 'open', host, port, wanted);
  }

  add(socket, operation, ...rest) {
    socket.id = this.nextId++;
    this.sockets.set(socket.id, socket);
    this.post([operation, socket.id, ...rest]);
    return socket;
  }

  keep(buffers) {
    for (const spare of buffers) {
      if (this.spares.length < SPARES && spare.byteLength === PIECE) this.spares.push(spare);
    }
  }

  /** Whether a message from the page was meant for here. */
  receive(message) {
    const form = formOf(toWorker, message);
    if (!form) return false;
    if (!wellFormed(form, message)) return true;
    const [operation, id, a, b, c] = message;
    if (operation === 'online') {
      this.watchers.forEach((callback) => callback());
      return true;
    }
    const socket = this.sockets.get(id);
    if (socket && socket.handlers.hasOwnProperty(operation)) socket.handlers[operation].call(socket, a, b, c);
    return true;
  }
}

class RelayedSocket {
  constructor(relay, readyState) {
    this.relay = relay;
    this.id = 0;
    this.readyState = readyState;
    this.host = '';
    this.port = 0;
    this.bufferedAmount = 0;
    this.taken = 0; // bytes that the page has not been told of yet
    this.suspended = 0;
    this.unasked = 0; // bytes that have come since we asked for no more
    this.onopen = this.ondata = this.ondrain = this.onerror = this.onclose = null;
    this.waitsForDrain = false;
    this.piece = null; // what is sent in this turn, filled so far
    this.filled = 0;
  }

  get handlers() { return socketHandlers; }

  send(data, offset, length) {
    if (this.readyState !== 'open') throw failure('NS_ERROR_FAILURE', 'the socket is not open');
    if (typeof data === 'string') {
      length = data.length;
      this.flush();
      this.relay.post(['send', this.id, data, length]);
    } else if (!this.piece && length < PIECE_MIN) {
      const copy = data.slice(offset, offset + length);
      this.relay.post(['send', this.id, copy, length], [copy]);
    } else {
      this.fill(new Uint8Array(data, offset, length));
    }
    this.bufferedAmount += length;
    if (this.bufferedAmount > ROOM) this.waitsForDrain = true;
    return !this.waitsForDrain;
  }

  /** Copies into pieces, which leave when they are full or the turn is over. */
  fill(bytes) {
    for (let done = 0; done < bytes.length;) {
      if (!this.piece) {
        this.piece = this.relay.spares.pop() || new ArrayBuffer(PIECE);
        Promise.resolve().then(() => this.flush());
      }
      const part = bytes.subarray(done, done + PIECE - this.filled);
      new Uint8Array(this.piece).set(part, this.filled);
      this.filled += part.length;
      done += part.length;
      if (this.filled === PIECE) this.flush();
    }
  }

  flush() {
    const { piece, filled } = this;
    if (!piece) return;
    this.piece = null;
    this.filled = 0;
    const carrier = filled < PIECE_FULL ? piece.slice(0, filled) : piece;
    if (carrier !== piece) this.relay.keep([piece]);
    this.relay.post(['send', this.id, carrier, filled], [carrier]);
  }

  suspend() {
    this.suspended++;
    this.relay.post(['suspend', this.id]);
  }

  resume() {
    if (this.suspended > 0) this.suspended--;
    this.unasked = 0;
    this.relay.post(['resume', this.id]);
  }

  upgradeToSecure() {
    this.flush();
    this.relay.post(['upgrade', this.id]);
  }

  close() {
    this.flush();
    this.readyState = 'closing';
    this.relay.post(['close', this.id]);
  }
}

const socketHandlers = {
  open() {
    if (this.readyState === 'connecting') this.readyState = 'open';
    if (this.onopen) this.onopen({});
  },
  data(chunks) {
    const length = chunks.reduce((sum, data) => sum + lengthOf(data), 0);
    if (this.suspended > 0) this.unasked += length;
    // More than the page could have had on its way: it does not stop.
    if (this.unasked > 2 * WINDOW) {
      if (this.readyState !== 'open') return;
      socketHandlers.error.call(this, 'QuotaExceededError', 'the page sends without end');
      this.relay.post(['close', this.id]);
      return;
    }
    took(this, length);
    chunks.forEach((data, i) => {
      if (this.ondata) this.ondata({ data, more: i + 1 < chunks.length });
    });
  },
  sent(length, used) {
    this.relay.keep(used);
    this.bufferedAmount = Math.max(0, this.bufferedAmount - length);
    // Not when all has gone, as on the phone: the page would have nothing to send until we have heard of it.
    if (this.bufferedAmount <= ROOM / 2 && this.waitsForDrain) {
      this.waitsForDrain = false;
      if (this.ondrain) this.ondrain({});
    }
  },
  error(name, message) {
    this.readyState = 'closed';
    if (this.onerror) this.onerror({ name, message });
  },
  close() {
    this.readyState = 'closed';
    this.relay.sockets.delete(this.id);
    if (this.onclose) this.onclose({});
  },
};

function took(socket, length) {
  socket.taken += length;
  if (socket.taken < TOOK) return;
  socket.relay.post(['took', socket.id, socket.taken]);
  socket.taken = 0;
}

class RelayedServer {
  constructor(relay) {
    this.relay = relay;
    this.id = 0;
    this.localPort = 0;
    this.onconnect = this.onerror = null;
    /** Settled when the page has tried to listen. */
    this.listening = new Promise((resolve, reject) => { this.settle = { resolve, reject }; });
  }

  get handlers() { return serverHandlers; }

  close() {
    this.relay.sockets.delete(this.id);
    this.relay.post(['unlisten', this.id]);
  }
}

const serverHandlers = {
  listening(port) {
    this.localPort = port;
    this.settle.resolve();
  },
  accepted(id, host, port) {
    if (id >= 0 || this.relay.sockets.has(id)) return;
    if (this.relay.sockets.size >= MAX_SOCKETS) {
      this.relay.post(['close', id]);
      return;
    }
    const socket = new RelayedSocket(this.relay, 'open');
    socket.id = id;
    socket.host = host;
    socket.port = port;
    this.relay.sockets.set(id, socket);
    if (this.onconnect) this.onconnect({ socket });
    else socket.close();
  },
  unlistened() {
    this.relay.sockets.delete(this.id);
    this.settle.reject(new Error('the port can not be had'));
    if (this.localPort !== 0 && this.onerror) this.onerror({});
  },
};

class RelayedDatagrams extends Lifetime {
  constructor(relay) {
    super();
    this.relay = relay;
    this.id = 0;
    this.localAddress = null;
    this.localPort = null;
    this.taken = 0;
    this.onmessage = null;
  }

  get handlers() { return datagramHandlers; }

  send(data, address, port) {
    const message = typeof data === 'string' ? data : data.slice().buffer;
    this.relay.post(['sendTo', this.id, message, address, port], transferOf(message));
  }

  joinMulticastGroup(address) { this.relay.post(['group', this.id, true, address]); }
  leaveMulticastGroup(address) { this.relay.post(['group', this.id, false, address]); }

  close() {
    this.relay.post(['unbind', this.id]);
    return this.closed;
  }
}

const datagramHandlers = {
  bound(address, port) {
    this.localAddress = address;
    this.localPort = port;
    this.settleOpened.resolve();
  },
  message(data, remoteAddress, remotePort) {
    took(this, data.byteLength);
    if (this.onmessage) this.onmessage({ data, remoteAddress, remotePort });
  },
  unbound(name, message) {
    this.relay.sockets.delete(this.id);
    this.end(name === '' ? null : failure(name, message));
  },
};
