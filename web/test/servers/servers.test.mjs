import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as dovecot from './dovecot.mjs';
import { LineClient } from './line-client.mjs';
import * as ngircd from './ngircd.mjs';
import { inFreshDirectory, startProcess } from './process.mjs';
import * as unbound from './unbound.mjs';
import { lookup, parseZone } from './zone.mjs';

const message = (subject) => Buffer.from(`From: bob@kaiwire.test\r\nTo: alice@kaiwire.test\r\nSubject: ${subject}\r\n\r\nHello\r\n`);
const quoted = (text) => `"${text.replace(/[\\"]/g, '\\$&')}"`;

async function refusesConnections(port) {
  await assert.rejects(LineClient.connect(port), { code: 'ECONNREFUSED' });
}

test('dovecot', { skip: missing('dovecot', 'openssl') }, async (t) => {
  const server = await dovecot.start();
  t.after(server.stop);

  await t.test('lets alice and bob in, and nobody with a wrong password', async () => {
    const client = await LineClient.connect(server.port);
    await client.until(/^\* OK /);
    client.send(`a LOGIN alice wrong\r\n`);
    await client.until(/^a NO \[AUTHENTICATIONFAILED\]/, /^a /);
    client.send(`b LOGIN bob ${quoted(server.users.bob)}\r\n`);
    await client.until(/^b OK /, /^b /);
    await client.close();
  });

  await t.test('has the special-use mailboxes of RFC 6154', async () => {
    const client = await LineClient.connect(server.port);
    client.send(`a LOGIN alice ${quoted(server.pass)}\r\nb LIST "" "*"\r\n`);
    await client.until(/^a OK /, /^a /);
    await client.until(/^\* LIST \(.*\\Sent\) "\/" Sent$/, /^b /);
    await client.close();
  });

  await t.test('speaks TLS with a certificate of its authority', async () => {
    for (const servername of [server.name, 'localhost']) {
      const client = await LineClient.connect(server.tlsPort, { ca: server.ca, servername });
      await client.until(/^\* OK /);
      await client.close();
    }
    await assert.rejects(LineClient.connect(server.tlsPort, { ca: server.ca, servername: 'other.test' }),
      { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    await assert.rejects(LineClient.connect(server.tlsPort, { servername: server.name }),
      { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  await t.test('offers STARTTLS', async () => {
    const client = await LineClient.connect(server.port);
    client.send('a STARTTLS\r\n');
    await client.until(/^a OK /, /^a /);
    await client.close();
  });

  await t.test('wakes an idling client at a delivery', async () => {
    const client = await LineClient.connect(server.port);
    client.send(`a LOGIN alice ${quoted(server.pass)}\r\nb SELECT INBOX\r\n`);
    await client.until(/^b OK /, /^[ab] (?!OK)/);
    client.send('c IDLE\r\n');
    await client.until(/^\+ /, /^c /);
    await server.deliver('alice', 'INBOX', message('wake up'));
    assert.equal(await client.until(/EXISTS$/), '* 1 EXISTS');
    await client.close();
  });

  await t.test('stops', async () => {
    await server.stop();
    await refusesConnections(server.port);
    await refusesConnections(server.tlsPort);
  });
});

test('ngircd', { skip: missing('ngircd', 'openssl') }, async (t) => {
  const server = await ngircd.start();
  t.after(server.stop);

  const join = async (nick, tls) => {
    const client = await LineClient.connect(tls ? server.tlsPort : server.port, tls);
    client.send(`NICK ${nick}\r\nUSER ${nick} 0 * :${nick}\r\nJOIN #kai\r\n`);
    await client.until(/ 376 /, /^ERROR/);
    await client.until(/ 366 /, /^ERROR/);
    return client;
  };

  await t.test('lets two clients talk, one of them over TLS', async () => {
    const anna = await join('anna');
    const ben = await join('ben', { ca: server.ca, servername: server.name });
    anna.send('PRIVMSG #kai :good morning\r\n');
    assert.match(await ben.until(/PRIVMSG/), /^:anna!\S+ PRIVMSG #kai :good morning$/);
    await Promise.all([anna.close(), ben.close()]);
  });

  await t.test('refuses a nick in use', async () => {
    const first = await join('carla');
    const second = await LineClient.connect(server.port);
    second.send('NICK carla\r\nUSER carla 0 * :carla\r\n');
    await second.until(/ 433 /, / 001 /);
    await Promise.all([first.close(), second.close()]);
  });

  await t.test('can ask for a password', async () => {
    const closed = await ngircd.start({ password: 'sesame' });
    try {
      const client = await LineClient.connect(closed.port);
      client.send('PASS wrong\r\nNICK dora\r\nUSER dora 0 * :dora\r\n');
      await client.until(/^ERROR /, / 001 /);
      await client.close();
    } finally {
      await closed.stop();
    }
  });

  await t.test('stops', async () => {
    await server.stop();
    await refusesConnections(server.port);
  });
});

test('unbound', { skip: missing('unbound') }, async (t) => {
  const server = await unbound.start();
  t.after(server.stop);
  const ask = async (name, type) => {
    const answer = await unbound.queryTCP(server.port, name, type);
    return { rcode: answer[3] & 15, count: answer.readUInt16BE(6), answer };
  };
  const [A, PTR, TXT, AAAA] = [1, 12, 16, 28];

  await t.test('answers what the zones say', async () => {
    const many = await ask('many.kaiwire.test', A);
    assert.deepEqual([many.rcode, many.count], [0, lookup('many.kaiwire.test', 'A').length]);
    const long = await ask('long.kaiwire.test', TXT);
    for (const text of lookup('long.kaiwire.test', 'TXT')[0]) assert.ok(long.answer.includes(text));
    assert.equal((await ask('25.2.0.192.in-addr.arpa', PTR)).count, 2);
    assert.equal((await ask('chain.kaiwire.test', A)).count, 3);
    const six = lookup('kaiwire.test', 'AAAA').length;
    assert.equal((await ask('kaiwire.test', AAAA)).count, six);
  });

  await t.test('knows NXDOMAIN, no data, and refuses the rest', async () => {
    assert.deepEqual({ ...await ask('nobody.kaiwire.test', A), answer: null }, { rcode: 3, count: 0, answer: null });
    assert.deepEqual({ ...await ask('six.kaiwire.test', A), answer: null }, { rcode: 0, count: 0, answer: null });
    assert.deepEqual({ ...await ask('example.org', A), answer: null }, { rcode: 5, count: 0, answer: null });
  });

  await t.test('listens on UDP as well', async () => {
    const socket = createSocket('udp4');
    try {
      socket.send(Buffer.from('4b570100000100000000000004' + Buffer.from('many').toString('hex')
        + '076b616977697265047465737400' + '00010001', 'hex'), server.port, '127.0.0.1');
      const [answer] = await once(socket, 'message', { signal: AbortSignal.timeout(5000) });
      assert.equal(answer.readUInt16BE(6), lookup('many.kaiwire.test', 'A').length);
    } finally {
      socket.close();
    }
  });

  await t.test('stops', async () => {
    await server.stop();
    await refusesConnections(server.port);
  });
});

test('the zone parser knows origins, comments and quotes', () => {
  const zone = '$ORIGIN a.test.\n$TTL 60\n@ IN MX 5 m ; the only one\n\nx IN TXT "one; two" three\nx IN PTR y.b.test.\n';
  assert.deepEqual(parseZone(zone), [
    { name: 'a.test', ttl: 60, type: 'MX', data: ['5', 'm.a.test'] },
    { name: 'x.a.test', ttl: 60, type: 'TXT', data: ['one; two', 'three'] },
    { name: 'x.a.test', ttl: 60, type: 'PTR', data: ['y.b.test'] },
  ]);
  assert.throws(() => parseZone('$ORIGIN a.test.\nx 60 IN A 192.0.2.1\n'), /not a record/);
});

test('a server that cannot start says why, and leaves nothing', async () => {
  const directories = [];
  const fails = (name, command, ...args) => inFreshDirectory(name, (directory) => {
    directories.push(directory);
    return startProcess({ name, command, args, ready: /never/, directory });
  });
  await assert.rejects(fails('failing', '/bin/sh', '-c', 'echo no such luck >&2; exit 3'),
    /failing ended with status 3; it said:\nno such luck/);
  await assert.rejects(fails('absent', '/nonexistent'), /absent could not be started/);
  assert.deepEqual(directories.filter(existsSync), []);
});

test('a port that was taken meanwhile is tried again', async () => {
  let tries = 0;
  const attempt = async (directory) => {
    if (++tries < 3) throw new Error('bind: Address already in use');
    rmSync(directory, { recursive: true });
    return 'started';
  };
  assert.equal(await inFreshDirectory('retry', attempt), 'started');
  tries = 0;
  await assert.rejects(inFreshDirectory('retry', async () => { tries++; throw new Error('no licence'); }), /no licence/);
  assert.equal(tries, 1);
});

test('a killed test run leaves no server behind', async () => {
  const program = `
    import { inFreshDirectory, startProcess } from ${JSON.stringify(new URL('process.mjs', import.meta.url).href)};
    await inFreshDirectory('killed', async (directory) => {
      const server = await startProcess({ name: 'sleeper', directory, command: '/bin/sh',
        args: ['-c', 'echo ready; sleep 600 & wait'], ready: /ready/ });
      console.log(JSON.stringify({ pid: server.pid, directory }));
    });
    setInterval(() => {}, 1000);`;
  const runner = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(runner.stdout, 'data');
  const { pid, directory } = JSON.parse(line);
  const alive = () => execFileSync('ps', ['-A', '-o', 'pgid=,stat='], { encoding: 'utf8' })
    .split('\n').some((row) => new RegExp(`^\\s*${pid}\\s+[^Z]`).test(row));
  assert.ok(alive());
  runner.kill('SIGKILL');
  const deadline = Date.now() + 10_000;
  while ((alive() || existsSync(directory)) && Date.now() < deadline) await once(spawn('/bin/true'), 'exit');
  assert.equal(alive(), false);
  assert.equal(existsSync(directory), false);
});
