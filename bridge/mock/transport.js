import { ERRORS, isLoopback } from './network.js';
import { afterTask, task } from './tasks.js';

const BUFFER = 65536;
const UNRESOLVABLE = /^$|[\s[\]]/;

/**
 * The half of a TCPSocket that owns the connection: in the parent process on
 * a phone. Its order of doing things is Gecko's, for the traps are in the order.
 *
 * `front` hears of it: fire(type, init, state) for an event, and written(left,
 * number) when a copy to the kernel has ended. Both are called from a task of
 * their own, so that a page's handlers may run inside.
 */
export class Transport {
  state;
  /** As the page's own process counts it. */
  bufferedAmount = 0;
  #front;
  #profile;
  #network;
  #request;
  #link = null;
  #dead = false;
  #wasOpen = false;
  #accepted = false;

  #pipe = [];
  #piped = 0;
  #pipeFull = false;
  #pumping = false;
  #pumpQueued = false;
  #pumpSuspends = 0;
  #suspends = 0;
  #inputClosed = false;
  #ended = false;
  #failure = null;

  #pending = [];
  #pendingBytes = 0;
  #copying = null;
  #number = 0;
  #waitingForDrain = false;
  #waitingForTLS = false;
  #pendingAfterTLS = [];

  constructor(front, profile, network, request) {
    this.#front = front;
    this.#profile = profile;
    this.#network = network;
    this.#request = request;
    this.state = profile.initialState;
  }

  get #loopback() { return isLoopback(this.#request.host); }

  open(offline) {
    if (this.state === 'connecting') {
      this.#dial(offline);
      return;
    }
    task(() => {
      if (this.#dead) return;
      if (this.#profile.badHost === 'silent' && UNRESOLVABLE.test(this.#request.host)) {
        this.#front.forgotten();
        return;
      }
      this.state = 'connecting';
      this.#dial(offline);
    });
  }

  /** In place of open: the connection is there already, accepted from a listener. It has no TLS layer to turn on. */
  accept(link) {
    this.#accepted = true;
    this.state = 'open';
    this.#wasOpen = true;
    this.#pumping = true;
    this.#take(link);
  }

  #dial(offline) {
    const { host, port } = this.#request;
    if (UNRESOLVABLE.test(host) || port === 0 || (offline && !this.#loopback)) {
      task(() => this.#failed('refused'));
      return;
    }
    this.#take(this.#network.connect(this.#request));
  }

  #take(link) {
    this.#link = link;
    link.onconnect = () => task(() => this.#opened());
    link.onerror = (kind, code) => task(() => this.#failed(kind, code));
    link.onwritable = () => task(() => this.#copy());
    link.ondata = (bytes) => {
      if (this.#inputClosed || this.state === 'closed' || bytes.length === 0) return;
      this.#pipe.push(bytes);
      this.#piped += bytes.length;
      if (this.#piped >= this.#profile.pipe && !this.#pipeFull) {
        this.#pipeFull = true;
        link.pause();
      }
      this.#schedulePump();
    };
    link.onend = () => {
      this.#ended = true;
      this.#schedulePump();
    };
  }

  #opened() {
    if (this.#dead || this.state !== 'connecting') return;
    this.state = 'open';
    this.#wasOpen = true;
    this.#pumping = true;
    this.#schedulePump();
    this.#front.fire('open', undefined, this.state);
  }

  #failed(kind, code) {
    if (this.#dead || this.state === 'closed') return;
    this.#failure ??= { kind, code };
    if (!this.#wasOpen) this.#report({ kind: 'refused' });
    else if (this.#copying) this.#copied();
    else this.#schedulePump();
  }

  /* ---- input ---- */

  #schedulePump() {
    if (this.#pumpQueued || !this.#pumping || this.#pumpSuspends > 0) return;
    if (this.#piped === 0 && !this.#ended && !this.#failure && !this.#inputClosed) return;
    this.#pumpQueued = true;
    task(() => {
      this.#pumpQueued = false;
      if (!this.#dead && this.#pumping && this.#pumpSuspends === 0) this.#pump();
    });
  }

  #pump() {
    if (this.#piped > 0 && !this.#inputClosed) {
      const data = this.#shift();
      this.#schedulePump();
      this.#front.fire('data', data, this.state);
      return;
    }
    this.#pumping = false;
    const failure = this.#inputClosed ? null : this.#failure;
    // The other side's FIN while output is pending counts as a half-close, and
    // is forgotten: nobody looks again when the output has gone.
    if (this.#copying && !failure) return;
    this.#report(failure);
  }

  /** One event's worth of the pipe, as a buffer that the page may keep. */
  #shift() {
    const limit = Math.min(this.#profile.pipe, this.#link.chunk);
    const first = this.#pipe[0];
    let buffer;
    if (this.#pipe.length === 1 && first.length <= limit && first.length === first.buffer.byteLength) {
      buffer = first.buffer;
      this.#pipe = [];
    } else {
      const bytes = new Uint8Array(Math.min(limit, this.#piped));
      let filled = 0;
      let next = 0;
      while (filled < bytes.length) {
        const chunk = this.#pipe[next];
        const room = bytes.length - filled;
        if (chunk.length > room) {
          bytes.set(chunk.subarray(0, room), filled);
          this.#pipe[next] = chunk.subarray(room);
          filled += room;
        } else {
          bytes.set(chunk, filled);
          filled += chunk.length;
          next++;
        }
      }
      this.#pipe.splice(0, next);
      buffer = bytes.buffer;
    }
    this.#piped -= buffer.byteLength;
    if (this.#pipeFull && this.#piped < this.#profile.pipe) {
      this.#pipeFull = false;
      this.#link.resume();
    }
    return buffer;
  }

  suspend() {
    this.#suspends++;
    if (this.#pumping) this.#pumpSuspends++;
  }

  /** False if there was no suspend to undo. */
  resume() {
    if (this.#suspends === 0) return false;
    this.#suspends--;
    if (this.#pumpSuspends > 0) this.#pumpSuspends--;
    this.#schedulePump();
    return true;
  }

  /* ---- output ---- */

  /** The bytes belong to the transport from here on. `number` counts the child's sends. */
  send(bytes, number) {
    if (number !== undefined) this.#number = number;
    if (this.state !== 'open') return true;
    const full = this.bufferedAmount + bytes.length > BUFFER;
    if (full) this.#waitingForDrain = true;
    if (this.#waitingForTLS) {
      this.#pendingAfterTLS.push(bytes);
    } else {
      this.#pending.push(bytes);
      this.#pendingBytes += bytes.length;
    }
    // What a copy has taken over is no longer counted, but the figure is only
    // renewed by the next send and at the end of the copy.
    this.bufferedAmount = this.#pendingBytes;
    this.#ensureCopying();
    return !full;
  }

  #ensureCopying() {
    if (this.#copying) return;
    this.#copying = { chunks: this.#pending, next: 0 };
    this.#pending = [];
    this.#pendingBytes = 0;
    task(() => this.#copy());
  }

  #copy() {
    const copying = this.#copying;
    if (this.#dead || !copying) return;
    if (!this.#failure) {
      for (const { chunks } = copying; copying.next < chunks.length; copying.next++) {
        const bytes = chunks[copying.next];
        if (bytes.length === 0) continue;
        const taken = this.#link.write(bytes);
        if (taken < bytes.length) {
          chunks[copying.next] = bytes.subarray(taken);
          return;
        }
        chunks[copying.next] = undefined;
      }
    }
    this.#copied();
  }

  #copied() {
    this.#copying = null;
    this.bufferedAmount = this.#pendingBytes;
    this.#front.written(this.bufferedAmount, this.#number);
    if (this.#failure) {
      this.#report(this.#failure);
      return;
    }
    if (this.#pending.length > 0) {
      this.#ensureCopying();
      return;
    }
    if (this.#waitingForTLS && this.state === 'open') {
      this.#waitingForTLS = false;
      this.#link.startTLS();
      if (this.#pendingAfterTLS.length > 0) {
        this.#pending = this.#pendingAfterTLS;
        this.#pendingAfterTLS = [];
        this.#ensureCopying();
        return;
      }
    }
    if (this.#profile.process === 'parent' && this.#waitingForDrain) {
      this.#waitingForDrain = false;
      // Behind the drain event, whatever its handler has sent meanwhile: a
      // close() in there loses those sends.
      afterTask(() => this.#finishClosing());
      this.#front.fire('drain', undefined, this.state);
      return;
    }
    this.#finishClosing();
  }

  #finishClosing() {
    if (this.#dead || this.state !== 'closing') return;
    this.#copying = null;
    this.#link.end();
    this.state = 'closed';
    this.#release();
    this.#front.fire('close', undefined, this.state);
  }

  /** False if the state does not allow it. */
  startTLS() {
    if (this.state !== 'open') return false;
    if (this.#accepted) return true;
    if (this.#copying) this.#waitingForTLS = true;
    else this.#link.startTLS();
    return true;
  }

  /* ---- the end ---- */

  close() {
    if (this.state === 'closed' || this.state === 'closing') return;
    const connecting = this.state === 'connecting';
    this.state = 'closing';
    this.#inputClosed = true;
    this.#pipe = [];
    this.#piped = 0;
    if (connecting) {
      this.#link?.destroy();
      task(() => this.#failed('refused'));
      return;
    }
    this.#link.pause();
    if (!this.#copying) this.#link.end();
    this.#schedulePump();
  }

  #report(failure) {
    if (this.state === 'closed') return;
    this.close();
    this.state = 'closed';
    this.#copying = null;
    if (failure) this.#link?.destroy();
    this.#release();
    if (!failure) {
      this.#front.fire('close', undefined, this.state);
      return;
    }
    const error = { ...ERRORS[failure.kind] };
    if (failure.code !== undefined) error.errorCode = failure.code;
    task(() => { if (!this.#dead) this.#front.fire('close', undefined, this.state); });
    this.#front.fire('error', error, this.state);
  }

  #release() {
    this.#pumping = false;
    this.#pipe = [];
    this.#piped = 0;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#pendingAfterTLS = [];
    if (this.#profile.process === 'parent') this.bufferedAmount = 0;
  }

  /** The phone has lost its network. */
  offline() {
    if (this.#loopback || !this.#link) return;
    this.#link.destroy();
    task(() => this.#failed('offline'));
  }

  /** The page is gone: the connection is closed, and no event comes any more. */
  unload() {
    this.#dead = true;
    this.#link?.end();
  }
}
