// Dovecot: IMAP in the clear (with STARTTLS) and IMAP over TLS; POP3 and submission likewise, where they are asked for.
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

/** What a service of Dovecot's needs besides its ports. */
const SERVICES = {
  pop3: () => `
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = @pop3@
  }
  inet_listener pop3s {
    port = @pop3Tls@
    ssl = yes
  }
}`,
  // It takes mail to another server, which has it delivered.
  submission: ({ port }) => `
service submission-login {
  chroot =
  inet_listener submission {
    port = @submission@
  }
  inet_listener submissions {
    port = @submissionTls@
    ssl = yes
  }
}
submission_relay_host = 127.0.0.1
submission_relay_port = ${port}
submission_max_mail_size = 8M`,
};

/**
 * Starts Dovecot with users of whom alice is the first, and whose mailboxes are empty.
 * @param {{pop3?: boolean, submission?: {port: number}}} [wanted] what it is to speak besides
 *   IMAP; `submission` is the server that takes the mail, without a login
 * @returns {Promise<{
 *   ports: Record<string, number>,
 *   host: string, name: string, port: number, tlsPort: number, ca: string,
 *   user: string, pass: string, users: Record<string, string>,
 *   deliver(user: string, mailbox: string, message: Buffer): Promise<void>,
 *   log(): string, stop(): Promise<void>}>} `ca` is the PEM text of the authority behind the certificate; `ports` are those
 *   of the services besides IMAP: `pop3`, `pop3Tls`, `submission`, `submissionTls`
 */
export const start = (wanted = {}) => inFreshDirectory('dovecot', async (directory) => {
  const { certFile, keyFile, ca } = await makeCertificate(directory, [NAME, 'localhost']);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const people = owners();
  const ports = {};
  let services = '';
  for (const [name, settings] of Object.entries(wanted)) {
    for (const suffix of ['', 'Tls']) ports[name + suffix] = await freePort();
    services += SERVICES[name](settings).replace(/@(\w+)@/g, (_, port) => ports[port]);
  }

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
  writeFileSync(config, fillTemplate('dovecot.conf',
    { directory, port, tlsPort, certFile, keyFile, services, protocols: ['imap', ...Object.keys(wanted)].join(' '), ...people }));

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
    host: '127.0.0.1', name: NAME, port, tlsPort, ports, ca,
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
