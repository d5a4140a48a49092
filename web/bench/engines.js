// The engines of the bundle side by side, in page mode: how long each takes to
// start, and what the same servers in the same page get out of it.
import { load } from '/dist/kaiwire.js';
import { callConn, Clock, MIB } from './conn.js';
import { compare } from './measure.js';
import { listen as listenBulk, PORT } from './receive.js';

const IRC = { host: 'irc.example', port: 6667, security: 'none', nick: 'ada' };
const CHANNEL = '#bench';
const DNS = '192.0.2.53';
const BULK = { host: 'bulk.example', port: PORT };
/** The size of a segment of the pipe between a phone's network and its apps. */
const CHUNK = 16 * 1024;
const TIMEOUT = 60_000;

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Says the same lines whenever the client sends SAY; what it says first is what it takes to register. */
function serveIrc(peer, lines) {
  let rest = '';
  peer.ondata = (bytes) => {
    const received = (rest + text.decode(bytes)).split('\r\n');
    rest = received.pop();
    for (const line of received) {
      const [command, ...parameters] = line.split(' ');
      if (command === 'USER') {
        peer.write(utf8.encode(`:${IRC.host} 001 ada :Welcome\r\n:${IRC.host} 005 ada CASEMAPPING=ascii :are supported\r\n`
          + `:${IRC.host} 422 ada :No message of the day\r\n`));
      } else if (command === 'CAP' && parameters[0] === 'LS') {
        peer.write(utf8.encode(`:${IRC.host} CAP * LS :message-tags server-time\r\n`));
      } else if (command === 'CAP' && parameters[0] === 'REQ') {
        peer.write(utf8.encode(`:${IRC.host} CAP ada ACK ${parameters.slice(1).join(' ')}\r\n`));
      } else if (command === 'SAY') {
        peer.write(lines);
      } else if (command === 'PING') {
        peer.write(utf8.encode(`:${IRC.host} PONG ${IRC.host} ${parameters[0]}\r\n`));
      } else if (command === 'QUIT') {
        peer.end();
      }
    }
  };
  peer.onend = () => peer.end();
}

function linesOf(count) {
  const lines = [];
  for (let i = 0; i < count; i++) {
    lines.push(`@time=2026-01-0${1 + i % 9}T12:00:00.000Z;msgid=m${i} :nick${i % 97}!user@host.example PRIVMSG ${CHANNEL} `
      + `:message number ${i}, as long as those that people write\r\n`);
  }
  return utf8.encode(lines.join(''));
}

/** Answers each query over TCP with one address. */
function serveDns(peer) {
  let rest = new Uint8Array(0);
  peer.ondata = (bytes) => {
    const all = new Uint8Array(rest.length + bytes.length);
    all.set(rest);
    all.set(bytes, rest.length);
    let at = 0;
    while (at + 2 <= all.length && at + 2 + (all[at] << 8 | all[at + 1]) <= all.length) {
      const length = all[at] << 8 | all[at + 1];
      peer.write(answer(all.subarray(at + 2, at + 2 + length)));
      at += 2 + length;
    }
    rest = all.slice(at);
  };
  peer.onend = () => peer.end();
}

/** The question again, without what may stand behind it, and an A record for its name. */
function answer(query) {
  let end = 12;
  while (query[end] !== 0) end += 1 + query[end];
  end += 5;
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
  const message = new Uint8Array(2 + end + record.length);
  message.set([(end + record.length) >> 8, (end + record.length) & 0xff]);
  message.set(query.subarray(0, end), 2);
  message.set([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], 4);
  message.set(record, 2 + end);
  return message;
}

const start = (engine, modules, base = '/dist/') => load({ modules, engine, worker: false, base });

function serveChat(network, lines) {
  const all = linesOf(lines);
  network.chunks.set(IRC.host, CHUNK);
  network.listen(`${IRC.host}:${IRC.port}`, (peer) => serveIrc(peer, all));
}

/** Has the server say all its lines; resolves when the session has told of the last. */
function hear(session, lines) {
  return new Promise((resolve, reject) => {
    let count = 0;
    const listen = ({ target }) => {
      if (target !== CHANNEL || ++count < lines) return;
      session.off('message', listen);
      resolve();
    };
    session.on('message', listen);
    session.raw('SAY').catch(reject);
  });
}

/** For the memory of a tab: loads the chat module of one engine and connects; resolves with what lets the server speak. */
export async function chat(network, engine, lines) {
  serveChat(network, lines);
  const wire = await start(engine, ['irc']);
  const session = await wire.irc.connect(IRC);
  return () => hear(session, lines);
}

export async function run({ network, ...notes }, { engines, lines, queries, mib, ...options }) {
  serveChat(network, lines);
  network.listen(`${DNS}:53`, serveDns);
  network.chunks.set(BULK.host, CHUNK);
  const clock = new Clock();
  listenBulk(network, clock, BULK.host, CHUNK, mib * MIB);
  const sides = (title, make) => Object.fromEntries(engines.map((engine) => [`engines/${title}/${engine}`, make(engine)]));

  // The file is in the browser's memory after the first round.
  await compare(notes, 'ms', sides('start', (engine) => async () => {
    const begun = performance.now();
    const wire = await start(engine, ['irc']);
    const elapsed = performance.now() - begun;
    await wire.close();
    return elapsed;
  }), options);

  const wires = {};
  for (const engine of engines) wires[engine] = await start(engine, ['irc', 'dns']);

  const sessions = {};
  for (const engine of engines) sessions[engine] = await wires[engine].irc.connect(IRC);
  await compare(notes, 'lines/s', sides('irc', (engine) => async () => {
    const begun = performance.now();
    await hear(sessions[engine], lines);
    return lines / ((performance.now() - begun) / 1000);
  }), options);

  const resolvers = {};
  for (const engine of engines) resolvers[engine] = await wires[engine].dns.resolver({ servers: [DNS], cache: false });
  const ask = async (engine, number) => {
    const [address] = await resolvers[engine].resolve4(`host${number}.example`, { timeout: TIMEOUT });
    if (address !== '192.0.2.1') throw new Error(`${engine} got ${address}`);
  };
  await compare(notes, 'queries/s', sides('dns', (engine) => async () => {
    const begun = performance.now();
    for (let i = 0; i < queries; i++) await ask(engine, i);
    return queries / ((performance.now() - begun) / 1000);
  }), options);

  const conns = {};
  // The script of the engine js is there already under the name that the benchmark's module borrows.
  if (self.kaiwireModules) delete self.kaiwireModules.dns;
  for (const engine of engines) conns[engine] = await start(engine, ['dns'], '/conn/');
  await compare(notes, 'MiB/s', sides('receive', (engine) => async () => (
    mib / (await clock.measured(() => callConn(conns[engine], 'receive', { ...BULK, size: mib * MIB })) / 1000))), options);

  for (const engine of engines) {
    await sessions[engine].quit();
    await wires[engine].close();
    await conns[engine].close();
  }
}
