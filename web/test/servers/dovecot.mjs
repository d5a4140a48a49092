// Dovecot: IMAP in the clear (with STARTTLS) and IMAP over TLS.
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { commandPath } from '../requirements.mjs';
import { makeCertificate } from './certificates.mjs';
import { LineClient } from './line-client.mjs';
import { fillTemplate, freePort, inFreshDirectory, startProcess } from './process.mjs';

/** The certificate names this, besides localhost and 127.0.0.1. */
export const NAME = 'imap.kaiwire.test';

const PASSWORDS = { alice: 'correct horse', bob: 'battery "staple\\', carol: 'c', dan: 'd', erin: 'e', frank: 'f' };

/**
 * Starts Dovecot with users of whom alice is the first, and whose mailboxes are empty.
 * @returns {Promise<{
 *   host: string, name: string, port: number, tlsPort: number, ca: string,
 *   user: string, pass: string, users: Record<string, string>,
 *   deliver(user: string, mailbox: string, message: Buffer): Promise<void>,
 *   log(): string, stop(): Promise<void>}>} `ca` is the PEM text of the authority behind the certificate
 */
export const start = () => inFreshDirectory('dovecot', async (directory) => {
  const { certFile, keyFile, ca } = await makeCertificate(directory, [NAME, 'localhost']);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const people = owners();

  for (const name of ['run', 'state', 'mail']) mkdirSync(join(directory, name));
  for (const user of Object.keys(PASSWORDS)) {
    const home = join(directory, 'mail', user);
    mkdirSync(home);
    chownSync(home, people.mailUid, people.mailGid);
  }
  const passwords = Object.entries(PASSWORDS).map(([user, pass]) => `${user}:{PLAIN}${pass}::::::\n`);
  writeFileSync(join(directory, 'users'), passwords.join(''));
  chmodSync(keyFile, 0o600);
  const config = join(directory, 'dovecot.conf');
  writeFileSync(config, fillTemplate('dovecot.conf', { directory, port, tlsPort, certFile, keyFile, ...people }));

  const server = await startProcess({
    name: 'dovecot',
    command: commandPath('dovecot'),
    args: ['-F', '-c', config],
    ready: /starting up for imap/,
    directory,
  });
  try {
    const probe = await LineClient.connect(port);
    await probe.until(/^\* OK /);
    await probe.close();
  } catch (error) {
    await server.stop();
    throw new Error(`${error.message}; dovecot said:\n${server.log()}`, { cause: error });
  }
  return {
    host: '127.0.0.1', name: NAME, port, tlsPort, ca,
    user: 'alice', pass: PASSWORDS.alice, users: { ...PASSWORDS },
    deliver: (user, mailbox, message) => append(port, user, mailbox, message),
    log: server.log,
    stop: server.stop,
  };
});

// Dovecot refuses to touch mail as root and to run its login processes as
// root; an ordinary user can only be itself.
function owners() {
  const me = userInfo();
  if (me.uid === 0) {
    const number = (option) => Number(execFileSync('id', [option, 'dovecot'], { encoding: 'utf8' }));
    return {
      internalUser: 'dovecot', internalGroup: 'dovecot', loginUser: 'dovenull',
      mailUid: number('-u'), mailGid: number('-g'),
    };
  }
  const group = execFileSync('id', ['-gn'], { encoding: 'utf8' }).trim();
  return {
    internalUser: me.username, internalGroup: group, loginUser: me.username,
    mailUid: me.uid, mailGid: me.gid,
  };
}

// A second client: the way mail arrives while the first one idles.
async function append(port, user, mailbox, message) {
  const client = await LineClient.connect(port);
  try {
    const quote = (text) => `"${text.replace(/[\\"]/g, '\\$&')}"`;
    await client.until(/^\* OK /);
    client.send(`a LOGIN ${quote(user)} ${quote(PASSWORDS[user])}\r\n`);
    await client.until(/^a OK /, /^a /);
    client.send(`b APPEND ${quote(mailbox)} {${message.length}}\r\n`);
    await client.until(/^\+ /, /^b /);
    client.send(message);
    client.send('\r\n');
    await client.until(/^b OK /, /^b /);
    client.send('c LOGOUT\r\n');
    await client.until(/^c OK /, /^c /);
  } finally {
    await client.close();
  }
}
