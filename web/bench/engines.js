// The engines of the bundle side by side, in page mode: how long each takes to
// start, and what the same servers in the same page get out of it.
import { load } from '/dist/kaiwire.js';
import { CHUNK, forget, hear, IRC, serve } from './chatter.js';
import { callConn, Clock, MIB } from './conn.js';
import { compare } from './measure.js';
import { listen as listenBulk, PORT } from './receive.js';

const DNS = '192.0.2.53';
const BULK = { host: 'bulk.example', port: PORT };
const TIMEOUT = 60_000;

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

export async function run({ network, ...notes }, { engines, lines, queries, mib, ...options }) {
  serve(network, lines);
  network.listen(`${DNS}:53`, serveDns);
  network.chunks.set(BULK.host, CHUNK);
  const clock = new Clock();
  listenBulk(network, clock, BULK.host, CHUNK, mib * MIB);
  const sides = (title, make) => Object.fromEntries(engines.map((engine) => [`engines/${title}/${engine}`, make(engine)]));

  // The file is in the browser's memory after the first round.
  await compare(notes, 'ms', sides('start', (engine) => async () => {
    forget('irc');
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
  forget('dns');
  for (const engine of engines) conns[engine] = await start(engine, ['dns'], '/conn/');
  await compare(notes, 'MiB/s', sides('receive', (engine) => async () => (
    mib / (await clock.measured(() => callConn(conns[engine], 'receive', { ...BULK, size: mib * MIB })) / 1000))), options);

  for (const engine of engines) {
    await sessions[engine].quit();
    await wires[engine].close();
    await conns[engine].close();
  }
}
