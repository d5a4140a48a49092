// A chat server over TLS that says many lines at once, for what is measured of TLS of our own.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';
import { makeCertificate } from './certificates.mjs';

/**
 * @param {string} host of its certificate
 * @param {number} lines that it says to anna when she says SAY
 * @returns {Promise<{port: number, ca: string, text(i: number): string, stop(): Promise<void>}>} `port` is of 127.0.0.1;
 *   `ca` is the authority's certificate, as PEM; text() is that of a line
 */
export async function startLines(host, lines) {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-lines-'));
  try {
    const { ca, certFile, keyFile } = await makeCertificate(folder, [host]);
    const text = (i) => `line ${i} of those that take more than one record`;
    const all = Array.from({ length: lines }, (_, i) => `:ben!b@test PRIVMSG anna :${text(i)}\r\n`).join('');
    const sockets = new Set();
    const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      createInterface({ input: socket }).on('error', () => {}).on('line', (line) => {
        if (/^USER /.test(line)) socket.write(`:${host} 001 anna :Welcome\r\n:${host} 422 anna :No MOTD\r\n`);
        if (/^CAP LS/.test(line)) socket.write(`:${host} CAP * LS :\r\n`);
        if (/^SAY/.test(line)) socket.write(all);
        if (/^PING /.test(line)) socket.write(`:${host} PONG ${host} ${line.slice(5)}\r\n`);
        if (/^QUIT/.test(line)) socket.end();
      });
    });
    await new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return {
      port: server.address().port,
      ca,
      text,
      stop: () => {
        for (const socket of sockets) socket.destroy();
        return new Promise((resolve) => { server.close(resolve); });
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
