// Servers that misbehave, one a fault.
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Starts a server on 127.0.0.1 that does `behave` to every connection.
 * @param {(socket: import('node:net').Socket) => void} behave
 * @returns {Promise<{port: number, most(): number, nextConnection(): Promise<unknown>, hangUp(): void, stop(): Promise<void>}>} most is how
 *   many bytes the network has taken of a connection
 */
export async function start(behave) {
  const sockets = new Set();
  let most = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      most = Math.max(most, socket.bytesWritten);
    });
    socket.on('error', () => {}); // resets are part of the play
    socket.resume();
    behave(socket);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const hangUp = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: server.address().port,
    most: () => Math.max(most, ...[...sockets].map(({ bytesWritten }) => bytesWritten)),
    nextConnection: () => once(server, 'connection'),
    hangUp,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      hangUp();
    }),
  };
}

/** Accepts and says nothing. */
export const silent = () => {};

/** Says `greeting`, then begins an answer to whatever comes and closes in the middle of it. */
export const closesMidAnswer = (greeting, beginning) => (socket) => {
  socket.write(greeting);
  socket.once('data', () => socket.end(beginning));
};

/** Says `greeting`, then answers whatever comes with `bytes`, and stays. */
export const answers = (greeting, bytes) => (socket) => {
  socket.write(greeting);
  socket.once('data', () => socket.write(bytes));
};

/** How much a flood is at most: more than anybody may take. */
const FLOOD = 256 << 20;

/**
 * Plays a dialogue: steps are [what has to come, a regular expression or null for nothing, and what is said then]. That
 * is a text or bytes; {flood}, which is said again and again for as long as it is taken; {pieces}, each of which is sent by
 * itself; {end}, after which the server closes; or {deaf: true}, from where on it reads nothing more. At the end it stays.
 */
export const plays = (...steps) => (socket) => {
  let come = '';
  let at = 0;
  socket.setNoDelay(true);
  const say = (words) => {
    if (words.flood !== undefined) flood(socket, Buffer.from(words.flood, 'latin1'));
    else if (words.pieces) for (const piece of words.pieces) socket.write(piece, 'latin1');
    else if (words.end !== undefined) socket.end(words.end, 'latin1');
    else if (words.deaf) socket.pause();
    else socket.write(words, 'latin1');
  };
  const proceed = () => {
    for (; at < steps.length; at++) {
      const [wanted, words] = steps[at];
      if (wanted) {
        const found = come.match(wanted);
        if (!found) return;
        come = come.slice(found.index + found[0].length);
      }
      say(words);
    }
  };
  socket.on('data', (bytes) => {
    come += bytes.toString('latin1');
    proceed();
  });
  proceed();
};

function flood(socket, words) {
  const piece = Buffer.concat(new Array(Math.ceil(65536 / words.length)).fill(words));
  const more = () => {
    while (socket.writable && socket.bytesWritten < FLOOD) if (!socket.write(piece)) return;
  };
  socket.on('drain', more);
  more();
}
