// The one timer of a Go program. Go's runtime clears it whenever JavaScript
// wakes it and sets it again whenever it has nothing more to do, mostly to the
// same time, which is some deadline: twice for each chunk that arrives. A
// browser takes longer for that than for all else of a wake-up, so that here a
// timer of the platform's that is early enough is left alone.

export class Alarm {
  /** @param ring called when the time has come; it has to end in clear() or set(), or is called again */
  constructor(ring) {
    this.ring = ring;
    this.id = 0;
    this.due = null;   // when to ring, in the time of performance.now()
    this.timer = null; // the platform's
    this.fires = 0;    // when it does
  }

  /** Rings once, in `delay` milliseconds, in place of what was set before: a number for clear(). */
  set(delay) {
    this.due = performance.now() + delay;
    if (this.timer === null || this.fires > this.due) this.arm(delay);
    return ++this.id;
  }

  clear(id) {
    if (id === this.id) this.due = null;
  }

  arm(delay) {
    clearTimeout(this.timer);
    this.fires = performance.now() + delay;
    this.timer = setTimeout(() => this.fired(), delay);
  }

  fired() {
    this.timer = null;
    if (this.due === null) return;
    const left = this.due - performance.now();
    // Who is rung a little early sets the rest.
    if (left < 1) this.ring();
    if (this.due !== null && this.timer === null) this.arm(Math.max(0, left));
  }

  stop() {
    this.due = null;
    clearTimeout(this.timer);
    this.timer = null;
  }
}
