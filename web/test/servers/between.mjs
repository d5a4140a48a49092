// What stands between an app and a server: it takes words out of what the server says that it can do, and drops connections.
import { createServer, connect } from 'node:net';

/**
 * @param {number} port of the server, on 127.0.0.1
 * @param {{hide?: string[]}} [options] beginnings of capabilities that the app is not to see
 * @returns {Promise<{port: number, drop(): void, stop(): Promise<void>}>}
 */
export async function startBetween(port, { hide = [] } = {}) {
  const sockets = new Set();
  // The length stays what it was, and what is there instead is nobody's.
  const hidden = (chunk) => hide.reduce((text, word) => text.replaceAll(` ${word}`, ` ${'X'.repeat(word.length)}`), chunk.toString('latin1'));
  const server = createServer((app) => {
    const far = connect({ port, host: '127.0.0.1' });
    for (const [from, to] of [[app, far], [far, app]]) {
      sockets.add(from);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('error', () => from.destroy());
    }
    app.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => app.write(Buffer.from(hidden(chunk), 'latin1')));
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const drop = () => { for (const socket of sockets) socket.destroy(); };
  return {
    port: server.address().port,
    drop,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      drop();
    }),
  };
}
