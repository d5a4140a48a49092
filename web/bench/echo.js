// Round trips: a message to a server that sends it back, and the next one only
// then, as the commands of a protocol go.
import { bareSocket, Clock, loadConn } from './conn.js';
import { compare } from './measure.js';

const PORT = 7;
const HOST = 'echo.example';

function listen(network, clock, count, length) {
  network.listen(`${HOST}:${PORT}`, (peer) => {
    const run = clock.start();
    let left = count * length;
    peer.ondata = (bytes) => {
      left -= bytes.length;
      peer.write(bytes);
    };
    // What is echoed last has been read when the client closes.
    peer.onend = () => {
      if (left === 0) run.over();
      else run.failed(`the client closed ${left} bytes too early`);
      peer.end();
    };
  });
}

function echo(count, length) {
  return bareSocket(HOST, PORT, (socket, done) => {
    const bytes = new ArrayBuffer(length);
    let left = count;
    let missing = 0;
    const next = () => {
      missing = length;
      socket.send(bytes, 0, length);
    };
    socket.onopen = next;
    socket.ondata = ({ data }) => {
      missing -= data.byteLength;
      if (missing > 0) return;
      if (--left > 0) next();
      else done();
    };
  });
}

export async function run({ network, ...notes }, { counts, ...options }) {
  const modes = await loadConn();
  for (const [length, count] of Object.entries(counts)) {
    const clock = new Clock();
    listen(network, clock, count, Number(length));
    const timed = (run) => async () => count / (await clock.measured(run) / 1000);
    const title = (side) => `echo/${side}/${length < 1024 ? `${length}B` : `${length / 1024}KiB`}`;
    const sides = { [title('js')]: timed(() => echo(count, Number(length))) };
    for (const [mode, conn] of Object.entries(modes)) {
      sides[title(mode)] = timed(() => conn.call('echo', { host: HOST, port: PORT, count, length: Number(length) }));
    }
    await compare(notes, 'round trips/s', sides, options);
  }
  for (const conn of Object.values(modes)) await conn.close();
}
