// Servers that misbehave, one a fault.
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Starts a server on 127.0.0.1 that does `behave` to every connection.
 * @param {(socket: import('node:net').Socket) => void} behave
 * @returns {Promise<{port: number, nextConnection(): Promise<unknown>, stop(): Promise<void>}>}
 */
export async function start(behave) {
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {}); // resets are part of the play
    socket.resume();
    behave(socket);
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: server.address().port,
    nextConnection: () => once(server, 'connection'),
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      for (const socket of sockets) socket.destroy();
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
