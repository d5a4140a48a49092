// Unbound: DNS over UDP and TCP for the zones beside this file.
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { commandPath } from '../requirements.mjs';
import { fillTemplate, freePort, inFreshDirectory, startProcess } from './process.mjs';
import { ZONES } from './zone.mjs';

const QUERY_TIMEOUT = 5_000;

/**
 * Starts Unbound. What is not in the zones, by default those beside this file, is REFUSED.
 * @param {{name: string, file: string}[]} [zones]
 * @returns {Promise<{host: string, port: number, log(): string, stop(): Promise<void>}>}
 */
export const start = (zones = ZONES) => inFreshDirectory('unbound', async (directory) => {
  const port = await freePort();
  for (const { file } of zones) copyFileSync(file, join(directory, basename(file)));
  const config = join(directory, 'unbound.conf');
  writeFileSync(config, fillTemplate('unbound.conf', {
    directory, port,
    username: userInfo().uid === 0 ? 'unbound' : '',
    // Without this unbound answers for test., 192.0.2.0/24 and 2001:db8::/32 itself (RFC 6761, RFC 6303).
    zonesAllowed: zones.map(({ name }) => `\tlocal-zone: "${name}." transparent\n`).join(''),
    zones: zones.map(({ name, file }) => [
      'auth-zone:', `name: "${name}."`, `zonefile: "${join(directory, basename(file))}"`,
      'for-downstream: yes', 'for-upstream: no', 'fallback-enabled: no',
    ].join('\n\t')).join('\n\n'),
  }));

  const server = await startProcess({
    name: 'unbound',
    command: commandPath('unbound'),
    args: ['-d', '-p', '-c', config],
    ready: /start of service/,
    directory,
  });
  try {
    const answer = await queryTCP(port, zones[0].name, SOA);
    if ((answer[3] & 15) !== 0) throw new Error(`rcode ${answer[3] & 15} for the zone's SOA`);
  } catch (error) {
    await server.stop();
    throw new Error(`${error.message}; unbound said:\n${server.log()}`, { cause: error });
  }
  return { host: '127.0.0.1', port, log: server.log, stop: server.stop };
});

const SOA = 6;

/** Asks a question over TCP (RFC 7766) and resolves with the whole answer, less its length. */
export function queryTCP(port, name, type) {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label, 'latin1')]));
  return exchangeTCP(port, Buffer.concat([
    Buffer.of(0x4b, 0x57, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0), ...labels, Buffer.of(0, 0, type, 0, 1),
  ]));
}

/** Puts a message to the name server and resolves with the one that comes back. */
export function exchangeTCP(port, message) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = Buffer.alloc(0);
    socket.setTimeout(QUERY_TIMEOUT, () => socket.destroy(new Error('the name server is silent')));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the name server closed the connection')));
    socket.on('data', (bytes) => {
      answer = Buffer.concat([answer, bytes]);
      if (answer.length < 2 || answer.length < 2 + answer.readUInt16BE(0)) return;
      resolve(answer.subarray(2, 2 + answer.readUInt16BE(0)));
      socket.destroy();
    });
    socket.write(Buffer.concat([length, message]));
  });
}
