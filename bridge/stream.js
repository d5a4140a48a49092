// One of the phone's TCP sockets, made safe to use: the platform's traps end
// here, and what is above sees a queue to read from, a place to write to, and
// one signal for each thing it waits for.

/** Received bytes that may wait here before the socket is suspended. */
const HIGH_WATER = 256 * 1024;
/** Below this it is resumed. */
const LOW_WATER = 64 * 1024;
/** Writes below this are collected and sent together at the end of the turn: each send is a message to the
 *  phone's main process, and its queue is searched from the front for each of them. */
const SMALL_WRITE = 32 * 1024;
const COLLECT = 64 * 1024;
/** What may be on its way once the platform has asked for a pause, which it does at 64 KiB, to tell of room again only
 *  when all has gone: with so little, it would wait for us more than we for it. A phone keeps up to four copies of it. */
export const SEND_WINDOW = 256 * 1024;
/** Received buffers of so many bytes are given up when they have been read; what is less costs less where it is. */
const RELEASE = 4096;
/** How long a socket that we closed is kept for its close event, which may never come. */
const LINGER = 30000;

export const OPEN = 1;
export const READABLE = 2;
export const WRITABLE = 4;
export const ENDED = 8;

/** Sockets that we closed and that have not said so yet; an unreferenced one could be collected with data unsent. */
const lingering = new Set();

/**
 * What is transferred to a port that is closed is gone, with its memory. An engine's collector looks too seldom for
 * who receives in bulk: a tab of Firefox came to 734 MiB, and with this to 207.
 */
const nowhere = typeof MessageChannel === 'function' ? new MessageChannel().port1 : null;
if (nowhere) nowhere.close();

function release(buffer) {
  if (!nowhere || buffer.byteLength < RELEASE) return;
  try {
    nowhere.postMessage(null, [buffer]);
  } catch (error) {
    // It is shared, or its owner's only to give: the collector's, then.
  }
}

export class Stream {
  /**
   * @param phone   what phone.js found, or the same face from relay.js
   * @param options {host, port, tls, framing: 'arraybuffer' | 'string', accepted: whether it is open already}
   * @param notify  called with OPEN, READABLE, WRITABLE or ENDED, READABLE and WRITABLE only after read or write
   *                have answered 0. Never called from within a call of this object.
   */
  constructor(phone, options, notify) {
    this.notify = notify;
    this.asString = options.framing === 'string';
    this.remote = !isLoopback(options.host);
    this.socket = null;
    this.opened = !!options.accepted; // such a socket never reports it
    this.closed = false;      // by us: from then on readyState says nothing, and late data must be dropped
    this.ended = false;
    this.error = null;        // {name, message, opened} where the end was not an orderly one
    this.queue = [];          // Uint8Arrays and strings, as they came
    this.head = 0;            // how much of queue[0] has been read
    this.queued = 0;
    this.suspended = false;
    this.wantsRead = false;
    this.wantsWrite = false;
    this.full = false;        // send returned false and drain has not come
    this.ahead = 0;           // bytes sent since
    this.collected = null;    // small writes of this turn
    this.collectedLength = 0;
    let socket;
    try {
      socket = phone.open(options.host, options.port, {
        useSecureTransport: !!options.tls,
        binaryType: this.asString ? 'string' : 'arraybuffer',
      });
    } catch (error) {
      this.fail(error.name || 'Error', error.message);
      return;
    }
    this.socket = socket;
    // In the same turn, or the first events are lost.
    socket.onopen = () => this.onopen();
    socket.ondata = (event) => this.ondata(event.data, event.more);
    socket.ondrain = () => this.ondrain();
    socket.onerror = (event) => this.onerror(event);
    socket.onclose = () => this.onclose();
  }

  onopen() {
    if (this.closed) {
      // Current Gecko ignores a close() that comes before the connection attempt has begun.
      this.closeSocket();
      return;
    }
    this.opened = true;
    this.notify(OPEN);
  }

  /** @param more whether the next chunk is here as well: see relay.js */
  ondata(data, more) {
    if (this.closed || this.ended) return;
    // The framing is what arrives, whatever was asked for.
    const chunk = typeof data === 'string' ? data : new Uint8Array(data);
    if (chunk.length > 0) this.queue.push(chunk);
    this.queued += chunk.length;
    if (this.queued > HIGH_WATER && !this.suspended) {
      this.suspended = true;
      this.socket.suspend();
    }
    if (this.wantsRead && this.queued > 0 && !more) {
      this.wantsRead = false;
      this.notify(READABLE);
    }
  }

  ondrain() {
    this.full = false;
    this.ahead = 0;
    if (this.wantsWrite && !this.closed) {
      this.wantsWrite = false;
      this.notify(WRITABLE);
    }
  }

  onerror(event) {
    // The platform gives every failure to connect the same name; this one can be told.
    if (!this.opened && this.remote && isOffline()) this.fail('OfflineError', event.message);
    else this.fail(event.name || 'NetworkError', event.message);
  }

  onclose() {
    lingering.delete(this);
    this.detach();
    this.end();
  }

  fail(name, message) {
    if (!this.error && !this.ended) this.error = { name, message: message || '', opened: this.opened };
    this.end();
  }

  end() {
    if (this.ended) return;
    this.ended = true;
    this.wantsRead = this.wantsWrite = false;
    if (this.closed) return;
    // Always later: the constructor may be on the stack.
    Promise.resolve().then(() => {
      if (!this.closed) this.notify(ENDED);
    });
  }

  /** Copies up to target.length received bytes: how many, 0 for none yet, -1 at the end. */
  read(target) {
    let done = 0;
    while (done < target.length && this.queue.length > 0) {
      const chunk = this.queue[0];
      const n = Math.min(chunk.length - this.head, target.length - done);
      if (typeof chunk === 'string') {
        for (let i = 0; i < n; i++) target[done + i] = chunk.charCodeAt(this.head + i);
      } else {
        target.set(n === chunk.length ? chunk : chunk.subarray(this.head, this.head + n), done);
      }
      done += n;
      this.head += n;
      if (this.head === chunk.length) {
        this.queue.shift();
        this.head = 0;
        if (typeof chunk !== 'string') release(chunk.buffer);
      }
    }
    this.queued -= done;
    if (this.suspended && this.queued < LOW_WATER) this.resume();
    if (done > 0) return done;
    if (this.ended || this.closed) return -1;
    this.wantsRead = true;
    return 0;
  }

  /** The first bytes that wait, length at the most, left where they are. */
  peek(length) {
    const head = [];
    let skip = this.head;
    for (const chunk of this.queue) {
      for (let i = skip; i < chunk.length && head.length < length; i++) {
        head.push(typeof chunk === 'string' ? chunk.charCodeAt(i) : chunk[i]);
      }
      skip = 0;
    }
    return head;
  }

  resume() {
    this.suspended = false;
    try {
      this.socket.resume();
    } catch (error) {
      // Nothing was suspended any more: the socket has ended, and says so by itself.
    }
  }

  /**
   * Sends or collects up to length bytes at offset of buffer: how many were taken, 0 for no room now, -1 at the end.
   * The bytes are copied before this returns.
   */
  write(buffer, offset, length) {
    if (this.ended || this.closed || !this.opened) return -1;
    const room = SEND_WINDOW - this.ahead - this.collectedLength;
    if (room <= 0) {
      this.wantsWrite = true;
      return 0;
    }
    const n = Math.min(length, room);
    if (n < SMALL_WRITE) {
      this.collect(buffer, offset, n);
      return n;
    }
    this.flush();
    return this.send(buffer, offset, n) ? n : -1;
  }

  collect(buffer, offset, length) {
    if (this.collectedLength + length > COLLECT) this.flush();
    if (!this.collected) this.collected = new Uint8Array(COLLECT);
    if (this.collectedLength === 0) Promise.resolve().then(() => this.flush());
    this.collected.set(new Uint8Array(buffer, offset, length), this.collectedLength);
    this.collectedLength += length;
  }

  flush() {
    const length = this.collectedLength;
    if (length === 0 || this.ended) return;
    this.collectedLength = 0;
    this.send(this.collected.buffer, 0, length);
  }

  send(buffer, offset, length) {
    try {
      // Never a typed array: the platform would send its decimal text.
      const room = this.asString
        ? this.socket.send(latin1(new Uint8Array(buffer, offset, length)))
        : this.socket.send(buffer, offset, length);
      if (!room) this.full = true;
      if (this.full) this.ahead += length;
      return true;
    } catch (error) {
      // Not open any more, which the platform reports by an event too, but not always.
      this.fail('NetworkError', error.message || error.name);
      return false;
    }
  }

  /** Switches to the platform's TLS: whether it could. */
  upgrade() {
    this.flush();
    try {
      this.socket.upgradeToSecure();
      return true;
    } catch (error) {
      this.fail('NetworkError', error.message || error.name);
      return false;
    }
  }

  /** Ends the stream. What was written is still sent, what was received is dropped. */
  close() {
    if (this.closed) return;
    this.flush();
    this.closed = true;
    this.queue = [];
    this.queued = 0;
    this.collected = null;
    if (!this.socket || this.ended) {
      this.detach();
      return;
    }
    lingering.add(this);
    this.lingerTimer = setTimeout(() => this.onclose(), LINGER);
    // Not in this turn: a close() within a drain event makes current Gecko drop what was sent in the same event.
    setTimeout(() => this.closeSocket(), 0);
  }

  closeSocket() {
    if (!this.socket) return;
    // While suspended, the platform would keep its close event back.
    if (this.suspended) this.resume();
    try {
      this.socket.close();
    } catch (error) {
      this.onclose();
    }
  }

  detach() {
    clearTimeout(this.lingerTimer);
    const socket = this.socket;
    if (!socket) return;
    socket.onopen = socket.ondata = socket.ondrain = socket.onerror = socket.onclose = null;
    this.socket = null;
  }
}

/** How many closed streams still wait for their sockets. */
export function lingeringStreams() {
  return lingering.size;
}

/** Whether the phone knows that it has no network. */
export function isOffline() {
  return typeof navigator === 'object' && navigator.onLine === false;
}

/** Whether a host is this phone itself, which is there without a network. */
function isLoopback(host) {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}

function latin1(bytes) {
  let text = '';
  // apply puts its arguments on the stack, which is small in a worker.
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(i, i + 4096));
  }
  return text;
}
