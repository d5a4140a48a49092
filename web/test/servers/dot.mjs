// TLS in front of a name server on 127.0.0.1 (RFC 7858).
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { makeCertificate } from './certificates.mjs';

/**
 * Starts it in front of the server that takes TCP on `port`.
 * @returns {Promise<{name: string, port: number, ca: string, stop(): Promise<void>}>} `ca` is PEM text
 */
export async function start(port, name = 'dns.kaiwire.test') {
  const directory = mkdtempSync(join(tmpdir(), 'kaiwire-dot-'));
  const { ca, certFile, keyFile } = await makeCertificate(directory, [name]);
  const [cert, key] = [readFileSync(certFile), readFileSync(keyFile)];
  rmSync(directory, { recursive: true });
  const sockets = new Set();
  const server = createServer({ cert, key, ALPNProtocols: ['dot'] }, (outer) => {
    const inner = connect({ host: '127.0.0.1', port });
    for (const [from, to] of [[outer, inner], [inner, outer]]) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.on('tlsClientError', () => {}); // clients that refuse the certificate are part of the tests
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  return {
    name, ca,
    port: server.address().port,
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      for (const socket of sockets) socket.destroy();
    }),
  };
}
