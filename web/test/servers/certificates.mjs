// A throw-away certificate authority, made anew for each run.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const openssl = (...args) => run('openssl', args, { timeout: 20_000 });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/**
 * Makes an authority and a certificate that it has signed for `names`.
 * @param {string} directory where the files go
 * @param {string[]} names DNS names; 127.0.0.1 is always included
 * @param {{expired?: boolean}} [options] whether the certificate's time, not the authority's, is over
 * @returns {Promise<{ca: string, caFile: string, certFile: string, keyFile: string}>} `ca` is PEM text
 */
export async function makeCertificate(directory, names, { expired = false } = {}) {
  const file = (name) => join(directory, name);
  await writeFile(file('ca.cnf'), [
    '[ca]', 'default_ca=authority',
    '[authority]', `database=${file('index.txt')}`, `new_certs_dir=${directory}`, 'rand_serial=yes', 'default_md=sha256', 'policy=names',
    '[names]', 'commonName=supplied',
    '[itself]', 'basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign', 'subjectKeyIdentifier=hash',
    '[server]', 'basicConstraints=critical,CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth',
    `subjectAltName=IP:127.0.0.1,${names.map((name) => `DNS:${name}`).join(',')}`,
  ].join('\n'));
  await writeFile(file('index.txt'), '');
  const make = async (name, subject, extensions, from, to, ...signer) => {
    await openssl('req', ...newKey, '-subj', `/CN=${subject}`, '-keyout', file(`${name}.key`), '-out', file(`${name}.csr`));
    await openssl('ca', '-batch', '-notext', '-config', file('ca.cnf'), '-extensions', extensions, ...from, ...to, ...signer,
      '-keyfile', file('ca.key'), '-in', file(`${name}.csr`), '-out', file(`${name}.pem`));
  };
  const [soon, before, since] = [['-days', '2'], ['-enddate', '20200201000000Z'], ['-startdate', '20200101000000Z']];
  await make('ca', 'kaiwire test authority', 'itself', since, soon, '-selfsign');
  await make('server', names[0], 'server', expired ? since : [], expired ? before : soon, '-cert', file('ca.pem'));

  return {
    ca: await readFile(file('ca.pem'), 'utf8'),
    caFile: file('ca.pem'),
    certFile: file('server.pem'),
    keyFile: file('server.key'),
  };
}

/**
 * Makes a certificate for `name` that no authority has signed.
 * @returns {Promise<{certFile: string, keyFile: string}>}
 */
export async function makeSelfSigned(directory, name) {
  const [keyFile, certFile] = [join(directory, 'self.key'), join(directory, 'self.pem')];
  await openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`,
    '-keyout', keyFile, '-out', certFile);
  return { certFile, keyFile };
}
