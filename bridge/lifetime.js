// What the sockets of this folder that are not the phone's say as the phone's do.

export const failure = (name, message) => Object.assign(new Error(message), { name });

/** The promises of a UDPSocket: opened, and closed, which an error rejects. */
export class Lifetime {
  constructor() {
    this.opened = new Promise((resolve, reject) => { this.settleOpened = { resolve, reject }; });
    this.closed = new Promise((resolve, reject) => { this.settleClosed = { resolve, reject }; });
    for (const promise of [this.opened, this.closed]) promise.catch(() => {}); // for who does not ask
  }

  /** @param error what has ended it; null where it was closed */
  end(error) {
    this.settleOpened.reject(error || failure('AbortError', 'closed'));
    if (error) this.settleClosed.reject(error);
    else this.settleClosed.resolve();
  }
}
