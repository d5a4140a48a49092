import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { WINDOW } from '../../bridge/mock/tunnel.js';
import { startRelay } from './relay.mjs';
import { event, link, ORIGIN, PageSocket, phoneOn, record, refusal, relayFor, serve, stalled, waitLimit } from './testing.mjs';

describe('who may ask for what', () => {
  test('origins and the allow-list', waitLimit, async (t) => {
    const port = await serve(t, (socket) => socket.end());
    const lines = [];
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`], log: (line) => lines.push(line) });
    const good = `/?host=127.0.0.1&port=${port}&tls=0`;
    assert.equal(await refusal(relay, good), 101);
    assert.equal(relay.refused.length, 0);
    const cases = [
      ['another origin', good, { Origin: 'http://127.0.0.1:8081' }, 'origin'],
      ['a prefix of the origin', good, { Origin: `${ORIGIN}.evil.example` }, 'origin'],
      ['the opaque origin', good, { Origin: 'null' }, 'origin'],
      ['no origin', good, {}, 'origin'],
      ['another port', '/?host=127.0.0.1&port=1&tls=0', undefined, 'not allowed'],
      ['another name of the same host', `/?host=localhost&port=${port}&tls=0`, undefined, 'not allowed'],
      ['another spelling of the same host', `/?host=127.1&port=${port}&tls=0`, undefined, 'not allowed'],
      ['a port that is no number', '/?host=127.0.0.1&port=0x50&tls=0', undefined, 'malformed'],
      ['a port beyond the range', `/?host=127.0.0.1&port=${port + 65536}&tls=0`, undefined, 'malformed'],
      ['no host', `/?port=${port}&tls=0`, undefined, 'malformed'],
      ['a host with a space', `/?host=a%20b&port=${port}&tls=0`, undefined, 'malformed'],
      ['no tls', `/?host=127.0.0.1&port=${port}`, undefined, 'malformed'],
      ['a target that is no URL', '//:/', undefined, 'malformed'],
    ];
    for (const [what, query, headers, reason] of cases) {
      const before = lines.length;
      assert.equal(await refusal(relay, query, headers), 403, what);
      assert.equal(relay.refused.at(-1).reason, reason, what);
      assert.equal(lines.length, before + 1, what);
    }
    for (let i = 0; i < 110; i++) await refusal(relay, good, {});
    assert.equal(relay.refused.length, 100);
  });

  test('allowNoOrigin', waitLimit, async (t) => {
    const port = await serve(t, (socket) => socket.end());
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`], allowNoOrigin: true });
    const query = `/?host=127.0.0.1&port=${port}&tls=0`;
    assert.equal(await refusal(relay, query, {}), 101);
    assert.equal(await refusal(relay, query, { Origin: 'http://evil.example' }), 403);
  });

  test('hosts lead names elsewhere, and the allow-list is about where', waitLimit, async (t) => {
    const port = await serve(t, (socket) => socket.end());
    const relay = await relayFor(t, {
      allow: [`127.0.0.1:${port}`],
      hosts: { 'Mail.example': '127.0.0.1', 'irc.example:6697': `127.0.0.1:${port}`, 'other.example': '127.0.0.2' },
    });
    assert.equal(await refusal(relay, `/?host=mail.example&port=${port}&tls=0`), 101);
    assert.equal(await refusal(relay, '/?host=irc.example&port=6697&tls=0'), 101);
    assert.equal(await refusal(relay, '/?host=irc.example&port=6698&tls=0'), 403);
    assert.equal(await refusal(relay, `/?host=other.example&port=${port}&tls=0`), 403);
  });

  test('a limit on links', waitLimit, async (t) => {
    const port = await serve(t, () => {});
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`], links: 2 });
    const first = await link(relay, port);
    await link(relay, port);
    assert.equal(await refusal(relay, `/?host=127.0.0.1&port=${port}&tls=0`), 503);
    const closed = once(first, 'close');
    first.close();
    await closed;
    const third = await link(relay, port);
    assert.equal(relay.links, 2);
    third.terminate();
  });

  test('who connects and does not ask is dropped; plain HTTP is told so', waitLimit, async (t) => {
    const relay = await relayFor(t, { upgradeTimeout: 100 });
    for (const text of ['', 'GET / HTTP/1.1\r\nHost: x\r\n']) {
      const client = net.connect(relay.port, '127.0.0.1');
      client.resume();
      client.on('error', () => {});
      client.write(text);
      await once(client, 'close');
    }
    const response = await fetch(`http://127.0.0.1:${relay.port}/`);
    assert.equal(response.status, 426);
  });

  test('options that are wrong are errors', async () => {
    for (const options of [{ allow: ['127.0.0.1'] }, { allow: ['a:0'] }, { allow: ['a:70000'] }, { origins: ['x'] }, { hosts: { 'a:1': 'b' } }]) {
      await assert.rejects(startRelay(options), Error, JSON.stringify(options));
    }
  });
});

describe('hostile pages', () => {
  const messages = [
    ['no JSON', '{'],
    ['a JSON null', 'null'],
    ['an unknown type', '{"type":"listen"}'],
    ['credit of nothing', '{"type":"credit","bytes":0}'],
    ['negative credit', '{"type":"credit","bytes":-5}'],
    ['credit that is no number', '{"type":"credit","bytes":"5"}'],
    ['credit never owed', `{"type":"credit","bytes":${WINDOW + 1}}`],
    ['a long control message', JSON.stringify({ type: 'end', pad: 'x'.repeat(300) })],
    ['more bytes than its credit', ...Array(256).fill(Buffer.alloc(WINDOW))],
    ['bytes after end', '{"type":"end"}', Buffer.from('x')],
    ['end twice', '{"type":"end"}', '{"type":"end"}'],
    ['bytes in a handshake', '{"type":"starttls"}', Buffer.from('x')],
    ['starttls twice', '{"type":"starttls"}', '{"type":"starttls"}'],
  ];
  for (const [what, ...sent] of messages) {
    test(what, waitLimit, async (t) => {
      const port = await serve(t, (socket) => socket.pause());
      const lines = [];
      const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`], log: (line) => lines.push(line) });
      const page = await link(relay, port);
      const closed = once(page, 'close');
      for (const message of sent) page.send(message);
      const [code] = await closed;
      // What comes after an end may find the link already closed in good order.
      if (!what.startsWith('end') && !what.endsWith('after end')) assert.equal(code, 1008, lines.join());
      assert.equal(relay.links, 0);
    });
  }

  test('a message beyond the window', waitLimit, async (t) => {
    const port = await serve(t, () => {});
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const page = await link(relay, port);
    const closed = once(page, 'close');
    page.send(Buffer.alloc(WINDOW + 1));
    assert.equal((await closed)[0], 1009);
  });
});

describe('the flow of bytes', () => {
  test('a dial, an echo, a close from either side', waitLimit, async (t) => {
    let ended = 0;
    const port = await serve(t, (socket) => {
      socket.write('* OK\r\n');
      socket.on('data', (bytes) => (bytes.includes('bye') ? socket.end('* BYE\r\n') : socket.write(bytes)));
      socket.on('end', () => ended++);
    });
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const { open, phone } = phoneOn(t, relay);
    const socket = open('127.0.0.1', port, { binaryType: 'arraybuffer' });
    const seen = record(socket);
    await event(socket, 'data');
    socket.send('ping');
    await event(socket, 'data');
    socket.send('bye');
    await event(socket, 'close');
    assert.deepEqual(seen, ['open', 'data * OK\r\n', 'data ping', 'data * BYE\r\n', 'close']);

    const other = open('127.0.0.1', port, { binaryType: 'arraybuffer' });
    await event(other, 'data');
    const closed = event(other, 'close');
    other.close();
    await closed;
    assert.equal(phone.sockets.size, 0);
    while (ended < 2) await new Promise(setImmediate);
  });

  test('refused by the server, and by the relay, look the same', waitLimit, async (t) => {
    const port = await serve(t, () => {});
    const free = await serve(t, () => {});
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`, '127.0.0.1:1'] });
    const { open } = phoneOn(t, relay);
    for (const wanted of [1, free]) {
      const socket = open('127.0.0.1', wanted);
      const seen = record(socket);
      await event(socket, 'close');
      assert.deepEqual(seen, ['error ConnectionRefusedError Network', 'close']);
    }
  });

  test('20 MB each way, in order, with drains', waitLimit, async (t) => {
    const size = 20_000_000;
    const port = await serve(t, (socket) => socket.pipe(socket));
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const { open } = phoneOn(t, relay);
    const socket = open('127.0.0.1', port, { binaryType: 'arraybuffer' });
    await event(socket, 'open');
    const piece = 50_000;
    let sent = 0;
    let received = 0;
    let wrong = 0;
    const all = new Promise((resolve) => {
      socket.ondata = ({ data }) => {
        const words = new Uint8Array(data);
        for (let i = 0; i < words.length; i++) if (words[i] !== ((received + i) * 31 & 255)) wrong++;
        received += words.length;
        if (received === size) resolve();
      };
    });
    const pump = () => {
      while (sent < size) {
        const bytes = new Uint8Array(piece);
        for (let i = 0; i < piece; i++) bytes[i] = (sent + i) * 31;
        sent += piece;
        if (!socket.send(bytes.buffer)) return;
      }
    };
    socket.ondrain = pump;
    pump();
    await all;
    assert.equal(wrong, 0);
  });

  test('a flood against a page that does not read stays bounded', waitLimit, async (t) => {
    let server;
    const accepted = new Promise((resolve) => { server = resolve; });
    const port = await serve(t, (socket) => server(socket));
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const page = await link(relay, port);
    let received = 0;
    page.on('message', (data, binary) => { if (binary) received += data.length; });
    const socket = await accepted;
    const offered = 64 << 20;
    for (let i = 0; i < offered; i += 1 << 20) socket.write(Buffer.alloc(1 << 20));
    const taken = () => socket.bytesWritten - socket.writableLength;
    await stalled(taken);
    assert.ok(taken() < offered / 2, String(taken()));
    // The page grants no credit, so one window is all it ever gets.
    assert.equal(received, WINDOW);
    page.send(JSON.stringify({ type: 'credit', bytes: 1000 }));
    while (received < WINDOW + 1000) await new Promise(setImmediate);
    assert.equal(received, WINDOW + 1000);
    page.terminate();
  });

  test('a server that does not read keeps drain away', waitLimit, async (t) => {
    let server;
    const accepted = new Promise((resolve) => { server = resolve; });
    const port = await serve(t, (socket) => {
      socket.pause();
      server(socket);
    });
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const { open } = phoneOn(t, relay);
    const socket = open('127.0.0.1', port, { binaryType: 'arraybuffer' });
    await event(socket, 'open');
    const size = 64 << 20;
    const seen = record(socket);
    assert.equal(socket.send(new ArrayBuffer(size)), false);
    const peer = await accepted;
    await stalled(() => socket.bufferedAmount);
    assert.deepEqual(seen, []);
    let received = 0;
    const drained = event(socket, 'drain');
    peer.on('data', (bytes) => { received += bytes.length; });
    peer.resume();
    await drained;
    while (received < size) await new Promise(setImmediate);
    assert.equal(socket.bufferedAmount, 0);
  });

  test('close() with unsent data delivers all of it', waitLimit, async (t) => {
    let received = 0;
    let ended;
    const end = new Promise((resolve) => { ended = resolve; });
    const port = await serve(t, (socket) => {
      socket.on('data', (bytes) => { received += bytes.length; });
      socket.on('end', ended);
    });
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const { open } = phoneOn(t, relay);
    const socket = open('127.0.0.1', port, { binaryType: 'arraybuffer' });
    await event(socket, 'open');
    const seen = record(socket);
    socket.send(new ArrayBuffer(5_000_000));
    socket.close();
    await event(socket, 'close');
    await end;
    assert.equal(received, 5_000_000);
    assert.deepEqual(seen, ['drain', 'close']);
  });

  test('cut, a reset and a closed relay are resets', waitLimit, async (t) => {
    const servers = [];
    const port = await serve(t, (socket) => {
      servers.push(socket);
      socket.write('hi');
    });
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`], hosts: { 'mail.example': '127.0.0.1' } });
    const { open } = phoneOn(t, relay);
    const acts = [
      () => assert.equal(relay.cut(`mail.example:${port}`), 1),
      () => assert.equal(relay.cut(`127.0.0.1:${port}`), 1),
      () => servers.at(-1).resetAndDestroy(),
      () => relay.close(),
    ];
    for (const act of acts) {
      const socket = open('mail.example', port, { binaryType: 'arraybuffer' });
      const seen = record(socket);
      await event(socket, 'data');
      act();
      await event(socket, 'close');
      assert.deepEqual(seen, ['open', 'data hi', 'error NetworkError Network', 'close']);
      assert.equal(relay.links, 0);
    }
  });

  test('a server that has gone after its FIN is a reset to who still writes', waitLimit, async (t) => {
    let server;
    const accepted = new Promise((resolve) => { server = resolve; });
    const port = await serve(t, (socket) => server(socket));
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const page = await link(relay, port);
    const told = [];
    page.on('message', (data, binary) => { if (!binary) told.push(JSON.parse(data)); });
    (await accepted).destroy();
    while (told.length === 0) await new Promise(setImmediate);
    assert.deepEqual(told, [{ type: 'end' }]);
    const closed = once(page, 'close');
    const pump = () => {
      if (page.readyState !== page.OPEN) return;
      page.send('x'.repeat(10), { binary: true });
      setImmediate(pump);
    };
    pump();
    assert.equal((await closed)[0], 1000);
    assert.deepEqual(told.at(-1), { type: 'error', kind: 'reset' });
  });

  test('a page that goes away closes its connections', waitLimit, async (t) => {
    let gone;
    const closed = new Promise((resolve) => { gone = resolve; });
    const port = await serve(t, (socket) => socket.on('close', gone));
    const relay = await relayFor(t, { allow: [`127.0.0.1:${port}`] });
    const page = await link(relay, port);
    page.terminate();
    await closed;
    assert.equal(relay.links, 0);
  });
});

describe('TLS', () => {
  let folder;
  const certificates = {};
  const options = (name) => ({ key: certificates[name].key, cert: certificates[name].cert });

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kaiwire-relay-'));
    const openssl = (...parameters) => execFileSync('openssl', parameters, { cwd: folder, stdio: 'pipe' });
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA', '-days', '2');
    for (const [name, days] of [['good', '2'], ['expired', '-1']]) {
      writeFileSync(join(folder, 'san'), 'subjectAltName=DNS:mail.example\n');
      openssl('req', ...key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=mail.example');
      openssl('x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'san', '-out', `${name}.pem`, '-days', days);
    }
    openssl('req', '-x509', ...key, '-keyout', 'self.key', '-out', 'self.pem', '-subj', '/CN=mail.example', '-addext', 'subjectAltName=DNS:mail.example', '-days', '2');
    for (const name of ['good', 'expired', 'self']) {
      certificates[name] = { key: readFileSync(join(folder, `${name}.key`)), cert: readFileSync(join(folder, `${name}.pem`)) };
    }
    certificates.ca = readFileSync(join(folder, 'ca.pem'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const secureServer = (name, extra) => (handler) => tls.createServer({ ...options(name), ...extra }, handler);
  async function secureRelay(t, port, extra) {
    return relayFor(t, {
      allow: [`127.0.0.1:${port}`], hosts: { 'mail.example': '127.0.0.1', 'wrong.example': '127.0.0.1' }, ca: certificates.ca, ...extra,
    });
  }

  test('a good certificate: open, then what was sent before the handshake arrives', waitLimit, async (t) => {
    let name;
    const port = await serve(t, (socket) => {
      name = socket.servername;
      socket.on('data', (bytes) => socket.end(bytes));
    }, secureServer('good'));
    const { open } = phoneOn(t, await secureRelay(t, port));
    const socket = open('mail.example', port, { binaryType: 'arraybuffer', useSecureTransport: true });
    const seen = record(socket);
    await event(socket, 'open');
    assert.equal(socket.send('hello'), true);
    await event(socket, 'close');
    assert.deepEqual(seen, ['open', 'data hello', 'close']);
    assert.equal(name, 'mail.example');
  });

  const failures = [
    ['self-signed', 'self', 'mail.example', 'SecurityCertificate', 0x805a3ff2],
    ['expired', 'expired', 'mail.example', 'SecurityCertificate', 0x805a1ff5],
    ['another name', 'good', 'wrong.example', 'SecurityCertificate', 0x805a2ff4],
    ['an authority unknown here', 'good', 'mail.example', 'SecurityCertificate', 0x805a1ff3, { ca: [] }],
    ['TLS 1.1 at most', 'good', 'mail.example', 'SecurityProtocol', 0x805a2f9e, {}, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }],
  ];
  for (const [what, certificate, host, message, code, relayOptions, serverOptions] of failures) {
    test(`${what} is ${message}, after open`, waitLimit, async (t) => {
      const port = await serve(t, (socket) => socket.end('never read'), secureServer(certificate, serverOptions));
      const { open } = phoneOn(t, await secureRelay(t, port, relayOptions), 'gecko');
      const socket = open(host, port, { binaryType: 'arraybuffer', useSecureTransport: true });
      const seen = record(socket);
      socket.onopen = () => socket.send('lost');
      const error = await event(socket, 'error');
      await event(socket, 'close');
      assert.deepEqual(seen, ['open', `error SecurityError ${message}`, 'close']);
      assert.equal(error.errorCode, code, `0x${error.errorCode.toString(16)}`);
    });
  }

  test('plain text is SecurityProtocol; a server that hangs up is a reset', waitLimit, async (t) => {
    for (const [reply, expected] of [['* OK IMAP4rev1\r\n', 'SecurityError SecurityProtocol'], ['', 'NetworkError Network']]) {
      const port = await serve(t, (socket) => socket.end(reply));
      const { open } = phoneOn(t, await secureRelay(t, port));
      const socket = open('mail.example', port, { binaryType: 'arraybuffer', useSecureTransport: true });
      const seen = record(socket);
      await event(socket, 'close');
      assert.deepEqual(seen, ['open', `error ${expected}`, 'close']);
    }
  });

  test('a handshake that never ends is a time-out', waitLimit, async (t) => {
    const port = await serve(t, () => {});
    const { open } = phoneOn(t, await secureRelay(t, port, { timeout: 100 }));
    const socket = open('mail.example', port, { binaryType: 'arraybuffer', useSecureTransport: true });
    const seen = record(socket);
    await event(socket, 'close');
    assert.deepEqual(seen, ['open', 'error NetworkTimeoutError Network', 'close']);
  });

  function starttls(certificate) {
    return (socket) => {
      socket.write('* OK\r\n');
      socket.once('data', (command) => {
        assert.equal(command.toString(), 'a STARTTLS\r\n');
        socket.pause();
        socket.write('a OK\r\n');
        const secured = new tls.TLSSocket(socket, { isServer: true, ...options(certificate) });
        secured.on('error', () => {});
        secured.on('data', (bytes) => secured.end(bytes));
      });
    };
  }

  for (const [certificate, end] of [['good', ['data b NOOP\r\n', 'close']], ['self', ['error SecurityError SecurityCertificate', 'close']]]) {
    test(`STARTTLS with a ${certificate} certificate`, waitLimit, async (t) => {
      const port = await serve(t, starttls(certificate));
      const { open } = phoneOn(t, await secureRelay(t, port));
      const socket = open('mail.example', port, { binaryType: 'arraybuffer' });
      const seen = record(socket);
      await event(socket, 'data');
      socket.send('a STARTTLS\r\n');
      await event(socket, 'data');
      assert.equal(socket.ssl, false);
      socket.upgradeToSecure();
      assert.equal(socket.ssl, true);
      socket.send('b NOOP\r\n');
      await event(socket, 'close');
      assert.deepEqual(seen, ['open', 'data * OK\r\n', 'data a OK\r\n', ...end]);
    });
  }

  test('1 MiB through TLS', waitLimit, async (t) => {
    const port = await serve(t, (socket) => socket.pipe(socket), secureServer('good'));
    const { open } = phoneOn(t, await secureRelay(t, port));
    const socket = open('mail.example', port, { binaryType: 'arraybuffer', useSecureTransport: true });
    await event(socket, 'open');
    let received = 0;
    const all = new Promise((resolve) => {
      socket.ondata = ({ data }) => {
        received += data.byteLength;
        if (received === 1 << 20) resolve();
      };
    });
    socket.send(new ArrayBuffer(1 << 20));
    await all;
  });
});

describe('the command', () => {
  const cli = fileURLToPath(new URL('cli.mjs', import.meta.url));

  async function run(t, ...parameters) {
    const child = spawn(process.execPath, [cli, ...parameters], { stdio: ['ignore', 'pipe', 'pipe'] });
    t.after(() => child.kill());
    // A stream that has lost its last listener pauses, and then never ends.
    child.stdout.on('data', () => {});
    let err = '';
    child.stderr.on('data', (text) => { err += text; });
    const ended = once(child, 'close').then(([code]) => ({ code, err }));
    return { child, ended };
  }

  test('--help and wrong usage', waitLimit, async (t) => {
    const help = await run(t, '--help');
    assert.match((await once(help.child.stdout, 'data')).toString(), /--allow HOST:PORT/);
    assert.equal((await help.ended).code, 0);
    const cases = [
      [[], 2],
      [['--allow', 'a:1'], 2],
      [['--allow', 'a:1', '--origin', ORIGIN, '--port', 'x'], 2],
      [['--allow', 'a:1', '--origin', ORIGIN, '--map', 'a'], 2],
      [['--unknown'], 2],
      [['--allow', 'a', '--origin', ORIGIN], 1],
      [['--listen', 'x', '--origin', ORIGIN], 1],
      [['--bind', '70000', '--origin', ORIGIN], 1],
      [['--datagrams', 'a', '--origin', ORIGIN], 1],
      [['--datagrams', 'a:1', '--multicast', 'b', '--origin', ORIGIN], 1],
    ];
    for (const [parameters, code] of cases) {
      const wrong = await run(t, ...parameters);
      const result = await wrong.ended;
      assert.equal(result.code, code, parameters.join(' '));
      assert.match(result.err, /^kaiwire-relay: /);
    }
  });

  test('it listens and has UDP ports as it is told', waitLimit, async (t) => {
    const { child, ended } = await run(t, '--port', '0', '--listen', '0', '--datagrams', '127.0.0.1:1', '--bind', '0', '--bind', '5', '--multicast', '239.255.42.97', '--origin', ORIGIN);
    const [url] = await once(child.stdout, 'data');
    const relay = { port: Number(new URL(url.toString()).port) };
    const cases = [
      ['/?listen=0&backlog=1', 101],
      ['/?listen=1&backlog=1', 403],
      ['/?bind=&port=0&reuse=0&loopback=0', 101],
      ['/?bind=&port=5&reuse=0&loopback=0', 101],
      ['/?bind=&port=6&reuse=0&loopback=0', 403],
    ];
    for (const [query, status] of cases) assert.equal(await refusal(relay, query), status, query);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
  });

  test('it relays, and ends on SIGTERM', waitLimit, async (t) => {
    const port = await serve(t, (socket) => socket.end('hi'));
    const { child, ended } = await run(t, '--port', '0', '--allow', `127.0.0.1:${port}`, '--origin', ORIGIN);
    const [url] = await once(child.stdout, 'data');
    const { open } = phoneOn(t, { url: url.toString().trim() });
    const socket = open('127.0.0.1', port, { binaryType: 'arraybuffer' });
    const seen = record(socket);
    await event(socket, 'close');
    assert.deepEqual(seen, ['open', 'data hi', 'close']);
    child.kill('SIGTERM');
    assert.equal((await ended).code, 0);
  });
});
