// What the classes of Direct Sockets have in common: they open by a promise,
// hand over by one stream, take by another, and close when both have ended.

/** How long the other side may leave the last bytes of a closed socket where they are, in milliseconds. */
const LINGER = 30000;

export const ignore = () => {};
const kindOf = (error, otherwise) => (error && error.name === 'NotAllowedError' ? 'denied' : otherwise);

/** Reads a stream chunk by chunk, and nothing while paused: what is not read stays in the kernel, and the peer waits. */
class Pull {
  /** @param end called with the error, or with null at the stream's end */
  constructor(stream, take, end) {
    this.reader = stream.getReader();
    this.take = take;
    this.end = end;
    this.reading = this.paused = false;
    this.held = null;         // what a read has brought after a pause
    this.next();
  }

  next() {
    if (this.reading || this.paused) return;
    this.reading = true;
    this.reader.read().then((result) => this.arrived(result), (error) => this.end(error));
  }

  arrived(result) {
    this.held = this.paused ? result : null;
    if (this.held) return;
    if (result.done) {
      this.end(null);
      return;
    }
    this.reading = false;
    this.take(result.value);
    this.next();
  }

  resume() {
    this.paused = false;
    // Later: nothing may arrive before the caller has returned.
    Promise.resolve().then(() => {
      if (this.held && !this.paused) this.arrived(this.held);
      else this.next();
    });
  }
}

/** What the three kinds of socket have in common: opened late, and closed by ending each of their streams. */
export const overStreams = (Base) => class extends Base {
  begin(socket, opened) {
    this.input = this.writer = null;
    this.over = this.paused = false;
    socket.closed.catch(ignore); // the streams tell
    socket.opened.then((info) => {
      this.input = new Pull(info.readable, (value) => { if (!this.over) this.take(value); }, (error) => this.inputEnded(error));
      this.input.paused = this.paused;
      if (info.writable) {
        this.writer = info.writable.getWriter();
        this.writer.closed.catch((error) => this.fail(kindOf(error, 'reset')));
      }
      if (this.over) this.release(() => this.writer.abort());
      else opened(info);
    }, (error) => this.fail(kindOf(error, 'refused')));
  }

  inputEnded(error) { this.fail(kindOf(error, 'reset')); }

  fail(kind) {
    if (this.over) return;
    if (this.input && this.input.held && this.input.held.value) this.take(this.input.held.value);
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
    if (this.input) this.release(stop);
  }

  release(stop) {
    const cancel = () => this.input.reader.cancel().catch(ignore);
    if (this.writer) stop().then(cancel, cancel);
    else cancel();
  }
};
