// Bulk receive: what Go reads through its net.Conn, beside what JavaScript
// alone receives from the same sockets.
import { load } from '/dist/kaiwire.js';
import { moduleMemory, takeTurns } from './measure.js';

const MIB = 1024 * 1024;
const PORT = 9;
const GO = new Uint8Array([1]).buffer;

/**
 * Listens as `host`: a byte from the client makes it send `size` bytes as fast
 * as they are taken, another acknowledges them. The function that is returned
 * resolves with the milliseconds between the two of the next connection.
 */
function listen(network, host, chunk, size) {
  network.chunks.set(host, chunk);
  const bytes = new Uint8Array(chunk);
  let settle;
  network.listen(`${host}:${PORT}`, (peer) => {
    const { resolve, reject } = settle;
    let left = 0;
    let begun = 0;
    peer.ondrain = () => {
      while (left > 0) {
        const part = left < chunk ? bytes.subarray(0, left) : bytes;
        left -= part.length;
        if (!peer.write(part)) return;
      }
    };
    peer.ondata = () => {
      if (begun === 0) {
        begun = performance.now();
        left = size;
        peer.ondrain();
      } else {
        resolve(performance.now() - begun);
        peer.end();
      }
    };
    peer.onend = peer.onreset = () => reject(new Error('the client closed without an acknowledgement'));
  });
  return () => new Promise((resolve, reject) => { settle = { resolve, reject }; });
}

/** The bare side: resolves with the number of bytes when the socket has closed. */
function receive(host, size) {
  return new Promise((resolve, reject) => {
    const socket = navigator.mozTCPSocket.open(host, PORT, { binaryType: 'arraybuffer' });
    let received = 0;
    socket.onopen = () => socket.send(GO);
    socket.ondata = ({ data }) => {
      received += data.byteLength;
      if (received >= size) socket.send(GO);
    };
    socket.onerror = ({ name }) => reject(new Error(name));
    socket.onclose = () => resolve(received);
  });
}

export async function run({ network, figure, ratio }, { size, warmUp, rounds }) {
  // load() takes the names of the package's modules only: /conn/ has the benchmark's own under one of them.
  const modes = { page: false, worker: true };
  const wires = {};
  for (const mode of Object.keys(modes)) {
    wires[mode] = await load({ modules: ['dns'], worker: modes[mode], base: '/conn/' });
  }
  for (const chunk of [16, 64]) {
    const host = `chunks-of-${chunk}k.example`;
    const next = listen(network, host, chunk * 1024, size);
    const timed = (receive) => async () => {
      const [elapsed, received] = await Promise.all([next(), receive()]);
      if (received !== size) throw new Error(`${received} bytes came, ${size} were sent`);
      return size / MIB / (elapsed / 1000);
    };
    const sides = { js: timed(() => receive(host, size)) };
    for (const mode of Object.keys(modes)) {
      sides[mode] = timed(async () => (await wires[mode]._client.call('dns', 'receive', 0, { host, port: PORT, size })).value);
    }
    const results = await takeTurns(sides, { warmUp, rounds });
    for (const side of Object.keys(sides)) {
      figure(`receive/${side}/${chunk}KiB`, 'MiB/s', results[side].runs);
      figure(`receive/${side}/${chunk}KiB/blocked`, 'ms', results[side].blocked);
      if (side !== 'js') ratio(`receive/${side}/${chunk}KiB`, results[side].runs, results.js.runs);
    }
  }
  for (const mode of Object.keys(modes)) {
    figure(`receive/${mode}/memory`, 'MiB', [await moduleMemory(wires[mode]) / MIB]);
    await wires[mode].close();
  }
}
