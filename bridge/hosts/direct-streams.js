// What the classes of Direct Sockets have in common: they open by a promise,
// hand over by one stream, take by another, and close when both have ended.

/** How long the other side may leave the last bytes of a closed socket where they are, in milliseconds. */
const LINGER = 30000;

export const ignore = () => {};
const kindOf = (error, otherwise) => (error && error.name === 'NotAllowedError' ? 'denied' : otherwise);

/** What the three kinds of socket have in common. Each says what it does with a chunk, by take(value). */
export const overStreams = (Base) => class extends Base {
  begin(socket, opened) {
    this.reader = this.writer = null;
    this.reading = this.paused = this.over = false;
    this.held = null;         // what a read has brought after a pause
    socket.closed.catch(ignore); // the streams tell
    socket.opened.then((info) => {
      this.reader = info.readable.getReader();
      if (info.writable) {
        this.writer = info.writable.getWriter();
        this.writer.closed.catch((error) => this.fail(kindOf(error, 'reset')));
      }
      if (this.over) {
        this.release(() => this.writer.abort());
        return;
      }
      opened(info);
      this.read();
    }, (error) => this.fail(kindOf(error, 'refused')));
  }

  /** Asks for a chunk, and for none while paused: what is not read stays in the kernel, and the peer waits. */
  read() {
    if (this.reading || this.paused || !this.reader) return;
    this.reading = true;
    this.reader.read().then((result) => this.arrived(result), (error) => this.inputEnded(error));
  }

  arrived(result) {
    this.held = this.paused ? result : null;
    if (this.held || this.over) return;
    if (result.done) {
      this.inputEnded(null);
      return;
    }
    this.reading = false;
    this.take(result.value);
    this.read();
  }

  pause() { this.paused = true; }

  resume() {
    this.paused = false;
    // Later: nothing may arrive before the caller has returned.
    Promise.resolve().then(() => {
      if (this.held && !this.paused) this.arrived(this.held);
      else this.read();
    });
  }

  inputEnded(error) { this.fail(kindOf(error, 'reset')); }

  fail(kind) {
    if (this.over) return;
    if (this.held && this.held.value) this.take(this.held.value);
    this.destroy();
    this.failed = true;
    this.onerror(kind);
  }

  destroy() { this.finish(() => this.writer.abort()); }

  close() {
    this.finish(() => {
      const timer = setTimeout(() => this.writer.abort(), LINGER);
      const done = () => clearTimeout(timer);
      return this.writer.close().then(done, done);
    });
  }

  finish(stop) {
    if (this.over) return;
    this.over = true;
    if (this.reader) this.release(stop);
  }

  release(stop) {
    const cancel = () => this.reader.cancel().catch(ignore);
    if (this.writer) stop().then(cancel, cancel);
    else cancel();
  }
};
