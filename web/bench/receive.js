// Bulk receive: what Go reads through its net.Conn, beside what JavaScript
// alone receives from the same sockets.
import { bareSocket, Clock, loadConn, MIB } from './conn.js';
import { compare } from './measure.js';

export const PORT = 9;
const GO = new Uint8Array([1]).buffer;

/** Listens as `host`: a byte from the client makes it send `size` bytes as fast as they are taken, another acknowledges them. */
export function listen(network, clock, host, chunk, size) {
  network.chunks.set(host, chunk);
  const bytes = new Uint8Array(chunk);
  network.listen(`${host}:${PORT}`, (peer) => {
    let left = 0;
    let run = null;
    peer.ondrain = () => {
      while (left > 0) {
        const part = left < chunk ? bytes.subarray(0, left) : bytes;
        left -= part.length;
        if (!peer.write(part)) return;
      }
    };
    peer.ondata = () => {
      if (run) {
        run.over();
        return;
      }
      run = clock.start();
      left = size;
      peer.ondrain();
    };
    peer.onend = () => {
      run.failed('the client closed without an acknowledgement');
      peer.end();
    };
  });
}

function receive(host, size) {
  return bareSocket(host, PORT, (socket, done) => {
    let received = 0;
    socket.onopen = () => socket.send(GO);
    socket.ondata = ({ data }) => {
      received += data.byteLength;
      if (received < size) return;
      socket.send(GO);
      done(received);
    };
  });
}

export async function run({ network, ...notes }, { sizes, ...options }) {
  const modes = await loadConn();
  for (const [kib, mib] of Object.entries(sizes)) {
    const host = `chunks-of-${kib}k.example`;
    const size = mib * MIB;
    const clock = new Clock();
    listen(network, clock, host, kib * 1024, size);
    const timed = (run) => async () => mib / (await clock.measured(run) / 1000);
    const sides = {
      [`receive/js/${kib}KiB`]: timed(async () => {
        const received = await receive(host, size);
        if (received !== size) throw new Error(`${received} bytes came, ${size} were sent`);
      }),
    };
    for (const [mode, conn] of Object.entries(modes)) {
      sides[`receive/${mode}/${kib}KiB`] = timed(() => conn.call('receive', { host, port: PORT, size }));
    }
    await compare(notes, 'MiB/s', sides, options);
  }
  for (const [mode, conn] of Object.entries(modes)) {
    notes.figure(`receive/${mode}/memory`, 'MiB', [await conn.memory() / MIB]);
    await conn.close();
  }
}
