// Measuring: sides that take turns, and how long each holds the page's thread.
import { load } from '/dist/kaiwire.js';

const TICK = 4; // the shortest that a nested timer gets
/** Rounds that are kept even if the time is up. */
const ENOUGH = 3;

/** Watches the page's thread; the function returned ends that and returns the longest time it was blocked, in ms. */
function watchThread() {
  let longest = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last - TICK);
    last = now;
  };
  const timer = setInterval(look, TICK);
  return () => {
    clearInterval(timer);
    look();
    return longest;
  };
}

/**
 * Lets the sides take turns (A B C, A B C, …), so that what else the machine
 * does meets them alike.
 * @param {Record<string, () => Promise<number>>} sides name → what runs once and resolves with a figure
 * @param {{warmUp: number, rounds: number, seconds: number}} options rounds whose figures are not kept, then those
 *   that are: fewer of them, but no fewer than three, when so much time is over
 * @returns {Promise<Record<string, {runs: number[], blocked: number[]}>>}
 */
async function takeTurns(sides, { warmUp, rounds, seconds }) {
  const end = performance.now() + seconds * 1000;
  const results = {};
  for (const name of Object.keys(sides)) results[name] = { runs: [], blocked: [] };
  console.info(`${Object.keys(sides).join(', ')} …`);
  for (let round = -warmUp; round < rounds && (round < ENOUGH || performance.now() < end); round++) {
    for (const name of Object.keys(sides)) {
      const ended = watchThread();
      const value = await sides[name]();
      const blocked = ended();
      if (round < 0) continue;
      results[name].runs.push(value);
      results[name].blocked.push(blocked);
    }
  }
  return results;
}

/**
 * Measures sides in turns, and notes of each the figure, how long it blocked the
 * page, and of all but the first the ratio to the first.
 * @param {{figure: Function, ratio: Function}} notes
 * @param {string} unit of the figures, of which more is better
 * @param {Record<string, () => Promise<number>>} sides see takeTurns
 * @param {{warmUp: number, rounds: number, seconds: number}} options see takeTurns
 */
export async function compare({ figure, ratio }, unit, sides, options) {
  const results = await takeTurns(sides, options);
  const [first, ...others] = Object.keys(sides);
  for (const [title, { runs, blocked }] of Object.entries(results)) {
    figure(title, unit, runs);
    figure(`${title}/blocked`, 'ms', blocked);
  }
  for (const title of others) ratio(title, results[title].runs, results[first].runs);
}

/**
 * A module in page and worker: Go's, and TinyGo's where there is one, which is what a phone with WebAssembly is given
 * unless its app says otherwise. Go's comes last, so that it is the page's that moduleMemory tells of.
 * @returns {Promise<Record<string, object>>} by page, worker, page-tinygo and worker-tinygo
 */
export async function loadWires(module, base, engines) {
  const wires = {};
  for (const engine of ['tinygo', 'go'].filter((engine) => engines.includes(engine))) {
    for (const [mode, worker] of [['page', false], ['worker', true]]) {
      wires[engine === 'go' ? mode : `${mode}-${engine}`] = await load({ modules: [module], engine, worker, base });
    }
  }
  return wires;
}

/** The size of a module's memory in bytes. `wire` has to be the last that was loaded in its mode. */
export function moduleMemory(wire) {
  const { worker } = wire._client.engine;
  if (!worker) return self.linearMemory();
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => {
      port1.close();
      resolve(data);
    };
    worker.postMessage(['memory'], [port2]);
  });
}
