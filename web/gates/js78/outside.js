// A network outside of the shell, which has no sockets: one connection at a time, by lines on its standard input and
// output. js78.mjs has the other end.
import { Link } from '../../../bridge/mock/network.js';

let current = null;
const tell = (...words) => print(['outside', ...words].join(' '));

const hex = (bytes) => Array.from(bytes, (byte) => (byte + 256).toString(16).slice(1)).join('');
const fromHex = (text) => Uint8Array.from({ length: text.length / 2 }, (_, i) => parseInt(text.substr(2 * i, 2), 16));

class OutsideLink extends Link {
  #paused = false;

  write(bytes) {
    if (current === this) tell('data', hex(bytes));
    return bytes.length;
  }

  pause() { this.#paused = true; }
  resume() { this.#paused = false; }

  /** The other end closes what was there before when the next one is opened. */
  end() {
    if (current !== this) return;
    current = null;
    tell('end');
  }

  destroy() { this.end(); }

  /** Asks for what has come, or for nothing while nobody reads. */
  listen() {
    tell(this.#paused ? 'wait' : 'listen');
    const [what, data] = readline().split(' ');
    if (what === 'open') this.onconnect();
    if (what === 'data') this.ondata(fromHex(data));
    if (what === 'end') this.onend();
    if (what === 'error') this.onerror('reset');
  }
}

self.listenOutside = () => {
  if (current) {
    current.listen();
    return;
  }
  tell('wait');
  readline();
};

export const network = {
  connect() {
    current = new OutsideLink();
    tell('open');
    return current;
  },
};
