// A throw-away certificate authority, made anew for each run.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes an authority and a certificate that it has signed for `names`.
 * @param {string} directory where the files go
 * @param {string[]} names DNS names; 127.0.0.1 is always included
 * @returns {Promise<{ca: string, caFile: string, certFile: string, keyFile: string}>} `ca` is PEM text
 */
export async function makeCertificate(directory, names) {
  const file = (name) => join(directory, name);
  const openssl = (...args) => run('openssl', args, { timeout: 20_000 });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

  await openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=kaiwire test authority',
    '-addext', 'keyUsage=critical,keyCertSign,cRLSign',
    '-keyout', file('ca.key'), '-out', file('ca.pem'));
  await openssl('req', ...newKey, '-subj', `/CN=${names[0]}`, '-keyout', file('server.key'), '-out', file('server.csr'));
  await writeFile(file('server.ext'), [
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth',
    `subjectAltName=IP:127.0.0.1,${names.map((name) => `DNS:${name}`).join(',')}`,
  ].join('\n'));
  await openssl('x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'),
    '-CAcreateserial', '-days', '2', '-extfile', file('server.ext'), '-out', file('server.pem'));

  return {
    ca: await readFile(file('ca.pem'), 'utf8'),
    caFile: file('ca.pem'),
    certFile: file('server.pem'),
    keyFile: file('server.key'),
  };
}
