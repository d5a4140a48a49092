// What Go's tests of package bridge meet where the sockets are real.
import { createServer } from 'node:net';

/**
 * Where the pairs listen. A test of refusal dials a port of 127.0.0.1 that was free a moment ago, in this process and in
 * those beside it: it would now and then be a pair's, and take the place of one of the two. All of 127/8 is this computer
 * on Linux, so each process has an address for itself there.
 */
const { pid } = process;
const ADDRESS = process.platform === 'linux' ? `127.${64 + (pid >> 16 & 63)}.${pid >> 8 & 255}.${pid & 255}` : '127.0.0.1';

/**
 * Two TCP addresses of this computer whose dialers are connected to each other: what
 * a pipe in memory is to the mock.
 */
export class Pairs {
  #servers = new Set();
  #sockets = new Set();

  /** Resolves with two addresses, each for one dial. */
  async listen() {
    const halves = await Promise.all([this.#half(), this.#half()]);
    Promise.all(halves.map(({ dialled }) => dialled)).then(([a, b]) => {
      splice(a, b);
      splice(b, a);
    });
    return halves.map(({ address }) => address);
  }

  #half() {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true });
    this.#servers.add(server);
    const dialled = new Promise((resolve) => {
      server.once('connection', (socket) => {
        this.#sockets.add(socket);
        socket.on('error', () => {}); // splice hears of it
        socket.once('close', () => this.#sockets.delete(socket));
        this.#servers.delete(server);
        server.close();
        resolve(socket);
      });
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, ADDRESS, () => resolve({ address: `${ADDRESS}:${server.address().port}`, dialled }));
    });
  }

  close() {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** Passes on from `from` to `to`: bytes, FIN and RST. */
function splice(from, to) {
  from.on('error', () => to.resetAndDestroy());
  to.on('close', () => from.destroy());
  from.pipe(to);
}

/** Where to dial to meet a fault, by its name. `servers` are those of web/conformance/servers.mjs. */
export function faultAddresses(servers) {
  const address = (port) => `127.0.0.1:${port}`;
  return {
    refused: address(servers.closed),
    'black-hole': address(servers.silent),
    // At once, the reset could come before the connection counts as open.
    reset: address(servers.open({ steps: [['write', '* OK half a li'], ['wait', 300], ['rst']] }).port),
    certificate: address(servers.open({ steps: [['tls', 'self-signed']] }).port),
  };
}
