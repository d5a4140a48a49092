// Sockets in a worker. The platform offers sockets to the page alone, so the
// page half opens them and the worker half shows them with the same face as
// the phone's own: stream.js does not know the difference.
//
// Messages are arrays [operation, socket number, …]. Bytes cross in buffers
// that are transferred. Page and worker each keep count of what the other has
// not yet taken, so that neither can fill the other's memory: the page suspends
// the socket while more than WINDOW received bytes are on their way, and the
// worker sees send() return false while more than SEND_WINDOW sent bytes are.

const WINDOW = 1024 * 1024;
const SEND_WINDOW = 64 * 1024;
/** Sockets that one worker may have open; a phone's kernel has 1024 files for all. */
const MAX_SOCKETS = 256;

/** What may cross, and in which direction; messages with another operation are ignored. */
const toPage = { open: 1, send: 1, took: 1, suspend: 1, resume: 1, upgrade: 1, close: 1 };
const toWorker = { open: 1, data: 1, sent: 1, error: 1, close: 1 };

export function isSocketMessage(message) {
  return Array.isArray(message) && typeof message[1] === 'number' &&
    (toPage.hasOwnProperty(message[0]) || toWorker.hasOwnProperty(message[0]));
}

/** The page half: opens sockets for the worker behind post. */
export class PageRelay {
  /** @param post (message, transfer) → void */
  constructor(phone, post) {
    this.phone = phone;
    this.post = post;
    this.sockets = new Map();
  }

  receive(message) {
    const [operation, id, a, b, c] = message;
    if (operation === 'open') {
      this.open(id, a, b, c);
      return;
    }
    const entry = this.sockets.get(id);
    if (!entry || !toPage.hasOwnProperty(operation)) return;
    try {
      this[operation](entry, a);
    } catch (error) {
      this.post(['error', id, error.name || 'Error', error.message || '']);
    }
  }

  open(id, host, port, options) {
    if (this.sockets.has(id)) return;
    const entry = { id, socket: null, unacknowledged: 0, choked: false, suspended: 0, blocked: 0 };
    try {
      if (this.sockets.size >= MAX_SOCKETS) {
        const error = new Error('more than ' + MAX_SOCKETS + ' sockets');
        error.name = 'QuotaExceededError';
        throw error;
      }
      entry.socket = this.phone.open(host, port, options);
    } catch (error) {
      this.post(['error', id, error.name || 'Error', error.message || '']);
      this.post(['close', id]);
      return;
    }
    this.sockets.set(id, entry);
    const socket = entry.socket;
    socket.onopen = () => {
      if (entry.closing) socket.close();
      this.post(['open', id]);
    };
    socket.ondata = (event) => this.ondata(entry, event.data);
    socket.ondrain = () => {
      this.post(['sent', id, entry.blocked]);
      entry.blocked = 0;
    };
    socket.onerror = (event) => this.post(['error', id, event.name, event.message]);
    socket.onclose = () => {
      this.sockets.delete(id);
      socket.onopen = socket.ondata = socket.ondrain = socket.onerror = socket.onclose = null;
      this.post(['close', id]);
    };
  }

  ondata(entry, data) {
    entry.unacknowledged += typeof data === 'string' ? data.length : data.byteLength;
    if (entry.unacknowledged > WINDOW && !entry.choked) {
      entry.choked = true;
      entry.socket.suspend();
    }
    this.post(['data', entry.id, data], typeof data === 'string' ? [] : [data]);
  }

  took(entry, bytes) {
    entry.unacknowledged = Math.max(0, entry.unacknowledged - bytes);
    if (entry.choked && entry.unacknowledged <= WINDOW / 2) {
      entry.choked = false;
      entry.socket.resume();
    }
  }

  send(entry, data) {
    const length = typeof data === 'string' ? data.length : data.byteLength;
    const room = typeof data === 'string' ? entry.socket.send(data) : entry.socket.send(data, 0, length);
    if (room && entry.blocked === 0) this.post(['sent', entry.id, length]);
    else entry.blocked += length; // told when the platform has handed all of it on
  }

  suspend(entry) {
    entry.suspended++;
    entry.socket.suspend();
  }

  resume(entry) {
    if (entry.suspended === 0) return;
    entry.suspended--;
    entry.socket.resume();
  }

  upgrade(entry) {
    entry.socket.upgradeToSecure();
  }

  close(entry) {
    entry.closing = true;
    this.release(entry);
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

  /** Closes every socket: the worker is gone. */
  stop() {
    this.post = () => {};
    this.sockets.forEach((entry) => {
      try {
        this.close(entry);
      } catch (error) {
        // Already closed.
      }
    });
  }
}

/** The worker half: a phone for stream.js. */
export class WorkerRelay {
  /** @param post (message, transfer) → void */
  constructor(post) {
    this.post = post;
    this.sockets = new Map();
    this.nextId = 1;
  }

  open(host, port, options) {
    const socket = new RelayedSocket(this, this.nextId++);
    this.sockets.set(socket.id, socket);
    this.post(['open', socket.id, host, port, options]);
    return socket;
  }

  receive(message) {
    const [operation, id, a, b] = message;
    const socket = this.sockets.get(id);
    if (socket && toWorker.hasOwnProperty(operation)) socket.receive(operation, a, b);
  }
}

class RelayedSocket {
  constructor(relay, id) {
    this.relay = relay;
    this.id = id;
    this.readyState = 'connecting';
    this.bufferedAmount = 0;
    this.onopen = this.ondata = this.ondrain = this.onerror = this.onclose = null;
    this.waitsForDrain = false;
  }

  receive(operation, a, b) {
    switch (operation) {
      case 'open':
        this.readyState = 'open';
        if (this.onopen) this.onopen({});
        break;
      case 'data':
        this.relay.post(['took', this.id, typeof a === 'string' ? a.length : a.byteLength]);
        if (this.ondata) this.ondata({ data: a });
        break;
      case 'sent':
        this.bufferedAmount -= a;
        if (this.bufferedAmount === 0 && this.waitsForDrain) {
          this.waitsForDrain = false;
          if (this.ondrain) this.ondrain({});
        }
        break;
      case 'error':
        this.readyState = 'closed';
        if (this.onerror) this.onerror({ name: a, message: b });
        break;
      case 'close':
        this.readyState = 'closed';
        this.relay.sockets.delete(this.id);
        if (this.onclose) this.onclose({});
        break;
    }
  }

  send(data, offset, length) {
    if (this.readyState !== 'open') {
      const error = new Error('the socket is not open');
      error.name = 'NS_ERROR_FAILURE';
      throw error;
    }
    if (typeof data === 'string') {
      this.bufferedAmount += data.length;
      this.relay.post(['send', this.id, data]);
    } else {
      // A copy, which the transfer takes away: the caller keeps its buffer.
      const bytes = data.slice(offset, offset + length);
      this.bufferedAmount += bytes.byteLength;
      this.relay.post(['send', this.id, bytes], [bytes]);
    }
    if (this.bufferedAmount > SEND_WINDOW) this.waitsForDrain = true;
    return !this.waitsForDrain;
  }

  suspend() { this.relay.post(['suspend', this.id]); }
  resume() { this.relay.post(['resume', this.id]); }
  upgradeToSecure() { this.relay.post(['upgrade', this.id]); }

  close() {
    this.readyState = 'closing';
    this.relay.post(['close', this.id]);
  }
}
