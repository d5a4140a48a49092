// The servers of the TLS benchmark, outside of the browser, and the relay to them.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { startRelay } from '../relay/relay.mjs';
import { makeCertificate } from '../test/servers/certificates.mjs';

const HOST = 'bench.example';

/** What each server does with a connection; conn/main_js.go has the other half. */
const services = {
  /** Sends `size` bytes for a byte, and ends for the next. */
  receive: (socket, size) => {
    const chunk = Buffer.alloc(64 * 1024);
    let left = -1;
    const fill = () => {
      while (left > 0) {
        const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
        left -= part.length;
        if (!socket.write(part)) return;
      }
    };
    socket.on('drain', fill);
    socket.on('data', () => {
      if (left >= 0) return;
      left = size;
      fill();
    });
  },
  /** Takes `size` bytes and answers with one. */
  send: (socket, size) => {
    let left = size;
    socket.on('data', (bytes) => {
      left -= bytes.length;
      if (left === 0) socket.write(Buffer.alloc(1));
    });
  },
  /**
   * Answers a byte with 1 if a TLS session was resumed, else with 0. It does not greet: Node sends the tickets of
   * TLS 1.3 behind what is written at once, and a client that reads only that has none.
   */
  answer: (socket) => {
    socket.on('data', () => socket.write(Buffer.from([socket.encrypted && socket.isSessionReused() ? 1 : 0])));
  },
};

/**
 * @param {number} size of what receive and send move, in bytes
 * @param {string} origin of the page that may use the relay
 * @returns `options` for tls.js, and close()
 */
export async function startServers(size, origin) {
  const directory = mkdtempSync(join(tmpdir(), 'kaiwire-bench-'));
  const servers = [];
  const close = async () => {
    await Promise.all(servers.map((server) => new Promise((resolve) => { server.close(resolve); })));
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const { ca, certFile, keyFile } = await makeCertificate(directory, [HOST]);
    // The client's order of ciphers counts, as with most servers: Go has ChaCha20 first where AES is not in hardware.
    const options = { cert: readFileSync(certFile), key: readFileSync(keyFile), honorCipherOrder: false };
    const ports = { plain: {}, tls: {} };
    for (const [name, serve] of Object.entries(services)) {
      const handle = (socket) => {
        socket.setNoDelay(true);
        socket.on('error', () => socket.destroy());
        serve(socket, size);
      };
      for (const [security, server] of [['plain', net.createServer(handle)], ['tls', tls.createServer(options, handle)]]) {
        servers.push(server);
        await new Promise((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', resolve);
        });
        ports[security][name] = server.address().port;
      }
    }
    const all = Object.values(ports).flatMap((byName) => Object.values(byName));
    const relay = await startRelay({
      hosts: { [HOST]: '127.0.0.1' }, allow: all.map((port) => `127.0.0.1:${port}`), origins: [origin],
    });
    return {
      options: { relay: relay.url, ports, roots: ca },
      close: async () => {
        await relay.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
