// ngIRCd: IRC in the clear and over TLS.
import { chownSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { commandPath } from '../requirements.mjs';
import { makeCertificate } from './certificates.mjs';
import { LineClient } from './line-client.mjs';
import { fillTemplate, freePort, inFreshDirectory, startProcess } from './process.mjs';

/** The server's own name; the certificate carries it too. */
export const NAME = 'irc.kaiwire.test';

const NOBODY = 65534; // nobody and nogroup on Debian

/**
 * Starts an empty IRC network.
 * @param {{password?: string}} [options] `password` is asked of every client (PASS)
 * @returns {Promise<{host: string, name: string, port: number, tlsPort: number, ca: string,
 *   password?: string, log(): string, stop(): Promise<void>}>}
 */
export const start = ({ password } = {}) => inFreshDirectory('ngircd', async (directory) => {
  const { certFile, keyFile, ca } = await makeCertificate(directory, [NAME, 'localhost']);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const me = userInfo();
  const { uid, gid } = me.uid === 0 ? { uid: NOBODY, gid: NOBODY } : me;
  chownSync(keyFile, uid, gid);
  const config = join(directory, 'ngircd.conf');
  writeFileSync(config, fillTemplate('ngircd.conf', {
    port, tlsPort, certFile, keyFile, uid, gid, password: password ? `Password = ${password}` : '',
  }));

  const server = await startProcess({
    name: 'ngircd',
    command: commandPath('ngircd'),
    args: ['-n', '-f', config],
    ready: new RegExp(`Now listening on \\[127\\.0\\.0\\.1\\]:${tlsPort}\\b`),
    directory,
  });
  try {
    const probe = await LineClient.connect(port);
    probe.send(`${password ? `PASS ${password}\r\n` : ''}NICK probe\r\nUSER probe 0 * :probe\r\n`);
    await probe.until(/^:\S+ 001 /, /^ERROR /);
    probe.send('QUIT\r\n');
    await probe.until(/^ERROR /);
    await probe.close();
  } catch (error) {
    await server.stop();
    throw new Error(`${error.message}; ngircd said:\n${server.log()}`, { cause: error });
  }
  return { host: '127.0.0.1', name: NAME, port, tlsPort, ca, password, log: server.log, stop: server.stop };
});
