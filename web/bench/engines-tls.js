// TLS of our own in each engine that has it, in page mode, over the relay to a server of Node's: a handshake in full, one
// that resumes a session, and many lines.
import { load } from '/dist/kaiwire.js';
import { Tunnel } from '/dist/kaiwire-mock.js';
import { forget, hear } from './chatter.js';
import { compare } from './measure.js';

const TIMEOUT = 60_000;

/** The server that run.mjs has put up. */
export const makeNetwork = ({ relay }) => new Tunnel(relay);

export const start = (engine) => load({ modules: ['irc'], engine, tls: 'own', worker: false, base: '/dist/' });

export const connect = (wire, { host, port, roots }) => (
  wire.irc.connect({ host, port, security: 'tls', nick: 'anna', tls: { roots }, timeout: TIMEOUT }));

async function elapsed(run) {
  const begun = performance.now();
  const value = await run();
  return [performance.now() - begun, value];
}

export async function run(notes, { tlsEngines: engines, server, lines, ...options }) {
  const sides = (title, make) => Object.fromEntries(engines.map((engine) => [`engines-tls/${title}/${engine}`, make(engine)]));

  await compare(notes, 'ms', sides('start', (engine) => async () => {
    forget('irc');
    const [time, wire] = await elapsed(() => start(engine));
    await wire.close();
    return time;
  }), options);

  // A module that has just been loaded knows no session. The first that was connected to is to be resumed by the second.
  const handshake = (again) => (engine) => async () => {
    const wire = await start(engine);
    if (again) await (await connect(wire, server)).quit();
    const [time, session] = await elapsed(() => connect(wire, server));
    await session.quit();
    await wire.close();
    return time;
  };
  await compare(notes, 'ms', sides('handshake', handshake(false)), options);
  await compare(notes, 'ms', sides('resumed', handshake(true)), options);

  const wires = {};
  const sessions = {};
  for (const engine of engines) {
    wires[engine] = await start(engine);
    sessions[engine] = await connect(wires[engine], server);
  }
  await compare(notes, 'lines/s', sides('irc', (engine) => async () => {
    const [time] = await elapsed(() => hear(sessions[engine], lines));
    return lines / (time / 1000);
  }), options);
  for (const engine of engines) {
    await sessions[engine].quit();
    await wires[engine].close();
  }
}
