// The long runs: many connections, and many bytes. What is there afterwards is
// what was there before, and queues keep to their bounds meanwhile.
import { serving } from './stage.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const TIMEOUT = 120_000;

/**
 * The bounds of the queues between the phone and Go: stream.js's and relay.js's
 * own, and on top two events of the largest kind: the one that goes beyond the bound,
 * and the one that is on its way when the platform hears that it has to stop.
 */
const BOUNDS = {
  queued: (256 + 2 * 384) * KIB,
  collected: 64 * KIB,
  unsent: (512 + 256) * KIB, // the window of one write goes beyond
  onTheWay: (1024 + 2 * 384) * KIB,
};
/** What the module's memory may grow by while it moves bytes that it does not keep. */
const GROWTH = 8 * MIB;

async function cycles(stage, times, atOnce) {
  const problems = [];
  const server = stage.server(serving.echo());
  const { host, port } = server;
  for (let i = 0; i < times; i++) server.terminate();
  const tls = stage.security === 'own' ? { roots: stage.roots } : undefined;
  const { value, code, detail } = await stage.call('cycle', { host, port, times, atOnce, secure: stage.security !== 'plain', tls }, { timeout: TIMEOUT });
  if (value !== times) problems.push(`${value} of ${times} connections did their work: ${code} ${detail}`);
  const left = await stage.settled();
  if (left) problems.push(`left behind: ${left}`);
  server.close();
  return problems;
}

async function bulk(stage, length) {
  const problems = [];
  const serve = serving.exchange(length);
  const server = stage.server(serve);
  const { handle, code } = await stage.dial(server);
  if (!handle) return [`dial: ${code}`];
  const { memory } = await stage.queues();
  const greatest = {};
  let over = false;
  const exchanged = stage.call('exchange', { bytes: length }, { handle, timeout: TIMEOUT });
  exchanged.then(() => { over = true; });
  for (let samples = 0; !over; samples++) {
    const seen = await stage.queues();
    for (const name of Object.keys(BOUNDS)) greatest[name] = Math.max(greatest[name] || 0, seen[name] || 0);
    await new Promise((resolve) => { setTimeout(resolve, 0); });
  }
  const { value, code: failed, detail } = await exchanged;
  if (failed || value !== length) problems.push(`${value} of ${length} bytes came: ${failed} ${detail}`);
  await handle.close();
  await serve.over;
  if (serve.received !== length || !serve.intact) problems.push(`the server got ${serve.received} bytes${serve.intact ? '' : ', changed'}`);
  for (const [name, bound] of Object.entries(BOUNDS)) {
    if (greatest[name] > bound) problems.push(`${name} grew to ${greatest[name]} bytes, above ${bound}`);
  }
  const grown = (await stage.queues()).memory - memory;
  if (grown > GROWTH) problems.push(`the module's memory grew by ${grown} bytes`);
  const left = await stage.settled();
  if (left) problems.push(`left behind: ${left}`);
  server.close();
  return problems;
}

export const soak = {
  // A handshake of our own is a hundred times the work.
  'connections, one after the other': (stage) => cycles(stage, stage.security === 'own' ? 100 : 1000, 1),
  '64 connections at once': (stage) => cycles(stage, 64, 64),
  '100 MB both ways at once': (stage) => bulk(stage, 100 * MIB),
  '10 MB both ways at once': (stage) => bulk(stage, 10 * MIB),
};
