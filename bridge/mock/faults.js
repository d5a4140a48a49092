import { Link, addressOf } from './network.js';
import { task } from './tasks.js';

/** A link that passes everything on to another; the faults override what they spoil. */
class FaultyLink extends Link {
  inner;
  #timers = new Set();
  #over = false;

  constructor(inner) {
    super();
    this.inner = inner;
    this.chunk = inner.chunk;
    inner.onconnect = () => this.onconnect();
    inner.ondata = (bytes) => this.fromServer(bytes);
    inner.onwritable = () => this.onwritable();
    inner.onend = () => this.finFromServer();
    inner.onerror = (kind, code) => this.fail(kind, code);
  }

  fromServer(bytes) { this.ondata(bytes); }
  finFromServer() { this.onend(); }

  /** The owner hears of the link's death, whoever killed it. */
  fail(kind, code) {
    if (this.#over) return;
    this.#over = true;
    this.stop();
    this.onerror(kind, code);
  }

  /** Kills the link on both sides. */
  kill(kind) {
    this.inner.destroy();
    this.fail(kind);
  }

  soon(run) { task(() => { if (!this.#over) run(); }); }

  after(milliseconds, run) {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, milliseconds);
    this.#timers.add(timer);
  }

  stop() {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }

  write(bytes) { return this.inner.write(bytes); }
  pause() { this.inner.pause(); }
  resume() { this.inner.resume(); }
  startTLS() { this.inner.startTLS(); }

  end() {
    this.#over = true;
    this.stop();
    this.inner.end();
  }

  destroy() {
    this.#over = true;
    this.stop();
    this.inner.destroy();
  }
}

class Refused extends Link {
  constructor() {
    super();
    task(() => this.onerror('refused'));
  }
}

class Silent extends FaultyLink {
  constructor(inner, { bytes = 0 }) {
    super(inner);
    this.left = bytes;
  }

  fromServer(bytes) {
    const heard = bytes.subarray(0, this.left);
    this.left -= heard.length;
    if (heard.length > 0) this.ondata(heard);
  }

  finFromServer() {}
  fail(kind, code) { if (kind === 'refused') super.fail(kind, code); }
}

class ResetMidLine extends FaultyLink {
  constructor(inner, { bytes = 20 }) {
    super(inner);
    this.left = bytes;
  }

  fromServer(bytes) {
    if (bytes.length < this.left) {
      this.left -= bytes.length;
      this.ondata(bytes);
      return;
    }
    if (this.left > 0) this.ondata(bytes.subarray(0, this.left));
    this.kill('reset');
  }
}

class FinWithDataPending extends FaultyLink {
  constructor(inner, { bytes = 0, hold = 50 }) {
    super(inner);
    this.left = bytes;
    this.hold = hold;
    this.stage = 'before';
  }

  write(bytes) {
    if (this.stage === 'after') return super.write(bytes);
    if (this.stage === 'holding') return 0;
    if (bytes.length <= this.left) {
      this.left -= bytes.length;
      return super.write(bytes);
    }
    this.stage = 'holding';
    this.soon(() => this.onend());
    this.after(this.hold, () => {
      this.stage = 'after';
      this.onwritable();
    });
    return 0;
  }

  fromServer(bytes) { if (this.stage === 'before') this.ondata(bytes); }
  finFromServer() { if (this.stage === 'before') this.onend(); }
}

class OneByteAtATime extends FaultyLink {
  chunk = 1;
}

class BigChunks extends FaultyLink {
  constructor(inner, { bytes = 384 * 1024, quiet = 25 }) {
    super(inner);
    this.size = bytes;
    this.quiet = quiet;
    this.collected = [];
    this.length = 0;
    this.paused = false;
    this.due = false;
    this.fin = false;
  }

  fromServer(bytes) {
    this.collected.push(bytes);
    this.length += bytes.length;
    this.stop();
    if (this.length >= this.size) this.flush();
    else this.after(this.quiet, () => this.flush());
  }

  finFromServer() {
    this.fin = true;
    this.flush();
  }

  fail(kind, code) {
    for (const bytes of this.collected.splice(0)) this.ondata(bytes);
    super.fail(kind, code);
  }

  flush() {
    this.stop();
    this.due = this.paused;
    if (this.due) return;
    this.length = 0;
    for (const bytes of this.collected.splice(0)) this.ondata(bytes);
    if (!this.fin) return;
    if (this.paused) {
      this.due = true;
      return;
    }
    this.fin = false;
    this.onend();
  }

  pause() {
    this.paused = true;
    super.pause();
  }

  resume() {
    this.paused = false;
    if (this.due) this.flush();
    if (!this.paused) super.resume();
  }
}

class SlowDrain extends FaultyLink {
  constructor(inner, { bytes = 1024, every = 10 }) {
    super(inner);
    this.size = bytes;
    this.every = every;
    this.resting = false;
    this.asked = false;
  }

  write(bytes) {
    if (this.resting) {
      this.asked = true;
      return 0;
    }
    const taken = super.write(bytes.length > this.size ? bytes.subarray(0, this.size) : bytes);
    if (taken > 0) {
      this.resting = true;
      this.asked = taken < bytes.length;
      this.after(this.every, () => {
        this.resting = false;
        if (this.asked) this.onwritable();
      });
    }
    return taken;
  }
}

class CertificateError extends FaultyLink {
  constructor(inner, parameters, { tls }) {
    super(inner);
    if (!tls) return;
    inner.onconnect = () => {
      this.onconnect();
      this.refuse();
    };
    this.handshaking = true;
  }

  refuse() {
    this.handshaking = true;
    this.soon(() => this.kill('certificate'));
  }

  startTLS() { this.refuse(); }
  write(bytes) { return this.handshaking ? 0 : super.write(bytes); }
  fromServer(bytes) { if (!this.handshaking) this.ondata(bytes); }
}

class Cut extends FaultyLink {
  constructor(inner, { bytes = 1024 }) {
    super(inner);
    this.left = bytes;
    this.gone = false;
  }

  spend(length) {
    this.left -= length;
    if (this.left > 0 || this.gone) return;
    this.gone = true;
    this.soon(() => this.kill('reset'));
  }

  write(bytes) {
    if (this.gone) return bytes.length;
    const taken = super.write(bytes.length > this.left ? bytes.subarray(0, this.left) : bytes);
    this.spend(taken);
    return this.gone ? bytes.length : taken;
  }

  fromServer(bytes) {
    if (this.gone) return;
    const passed = bytes.subarray(0, this.left);
    this.ondata(passed);
    this.spend(passed.length);
  }
}

class Garbage extends FaultyLink {
  constructor(inner, { seed = 1 }) {
    super(inner);
    this.state = seed >>> 0 || 1;
  }

  fromServer(bytes) {
    const noise = new Uint8Array(bytes.length);
    for (let i = 0; i < noise.length; i++) {
      // Marsaglia's xorshift32.
      this.state ^= this.state << 13;
      this.state ^= this.state >>> 17;
      this.state ^= this.state << 5;
      noise[i] = this.state >>> 24;
    }
    this.ondata(noise);
  }
}

const wrapped = (Class) => (dial, parameters, request) => new Class(dial(), parameters, request);

const MAKERS = {
  refused: () => new Refused(),
  'black-hole': () => new Link(),
  silent: wrapped(Silent),
  'reset-mid-line': wrapped(ResetMidLine),
  'fin-with-data-pending': wrapped(FinWithDataPending),
  'one-byte-at-a-time': wrapped(OneByteAtATime),
  'big-chunks': wrapped(BigChunks),
  'slow-drain': wrapped(SlowDrain),
  'certificate-error': wrapped(CertificateError),
  cut: wrapped(Cut),
  garbage: wrapped(Garbage),
};

/** Every fault by its name, with what it does and its parameters. */
export const FAULTS = Object.freeze({
  refused: 'The dial is refused.',
  'black-hole': 'The dial is never answered.',
  silent: 'The server accepts, reads, and says nothing: no FIN either. bytes (0): how many it says before that.',
  'reset-mid-line': 'The connection is reset after so many bytes from the server. bytes (20).',
  'fin-with-data-pending': "The server's FIN comes while our output waits, which goes out later: no close event ever. bytes (0): how many of ours pass before; hold (50): milliseconds from the FIN to the output.",
  'one-byte-at-a-time': "Each of the server's bytes is a data event of its own.",
  'big-chunks': "The server's bytes are collected into the largest data events. bytes (393216); quiet (25): milliseconds without a byte that end a chunk.",
  'slow-drain': 'Output goes a little at a time. bytes (1024) at most, every (10) milliseconds.',
  'certificate-error': 'Whoever asks for TLS gets open, then a certificate failure.',
  cut: 'The link dies, on both sides, after so many bytes of both directions together. bytes (1024).',
  garbage: "The server's bytes are replaced by as many pseudo-random ones. seed (1).",
});

/** A network with named faults in front of another's servers. */
export class FaultyNetwork {
  #network;
  #faults = new Map();

  constructor(network) {
    this.#network = network;
  }

  /**
   * Gives `address` ("host:port", or "*" for those without one of their own)
   * a fault: a name in FAULTS, an object with `name` and parameters, or null
   * for none. Connections that are already open keep what they have.
   */
  set(address, fault) {
    const { name, ...parameters } = typeof fault === 'string' ? { name: fault } : fault ?? {};
    if (name === undefined) {
      this.#faults.delete(address);
      return;
    }
    if (!Object.hasOwn(MAKERS, name)) throw new RangeError(`no such fault: ${name}`);
    this.#faults.set(address, { make: MAKERS[name], parameters });
  }

  connect(request) {
    const fault = this.#faults.get(addressOf(request.host, request.port)) ?? this.#faults.get('*');
    const dial = () => this.#network.connect(request);
    return fault ? fault.make(dial, fault.parameters, request) : dial();
  }
}
