// Bulk send: what Go writes to its net.Conn, beside what JavaScript alone gives
// to the same sockets, waiting for drain whenever it is told to.
import { bareSocket, Clock, loadConn, MIB } from './conn.js';
import { compare } from './measure.js';

const PORT = 9;
const HOST = 'sink.example';

/** Takes `size` bytes and acknowledges them by one. */
function listen(network, clock, size) {
  network.listen(`${HOST}:${PORT}`, (peer) => {
    const run = clock.start();
    let left = size;
    peer.ondata = (bytes) => {
      left -= bytes.length;
      if (left > 0) return;
      if (left === 0) run.over();
      else run.failed(`${-left} bytes too many came`);
      peer.write(new Uint8Array(1));
    };
    peer.onend = () => {
      run.failed(`the client closed ${left} bytes too early`);
      peer.end();
    };
  });
}

function send(chunk, size) {
  return bareSocket(HOST, PORT, (socket, done) => {
    const bytes = new ArrayBuffer(chunk);
    let left = size;
    socket.onopen = socket.ondrain = () => {
      while (left > 0) {
        const length = Math.min(left, chunk);
        left -= length;
        if (!socket.send(bytes, 0, length)) return;
      }
    };
    socket.ondata = () => done();
  });
}

export async function run({ network, ...notes }, { sizes, ...options }) {
  const modes = await loadConn();
  for (const [kib, mib] of Object.entries(sizes)) {
    const chunk = kib * 1024;
    const size = mib * MIB;
    const clock = new Clock();
    listen(network, clock, size);
    const timed = (run) => async () => mib / (await clock.measured(run) / 1000);
    const sides = { [`send/js/${kib}KiB`]: timed(() => send(chunk, size)) };
    for (const [mode, conn] of Object.entries(modes)) {
      sides[`send/${mode}/${kib}KiB`] = timed(() => conn.call('send', { host: HOST, port: PORT, size, chunk }));
    }
    await compare(notes, 'MiB/s', sides, options);
  }
  for (const conn of Object.values(modes)) await conn.close();
}
