// Measuring: sides that take turns, and how long each holds the page's thread.

const TICK = 4; // the shortest that a nested timer gets

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
 * @param {{warmUp: number, rounds: number}} options rounds whose figures are not kept, then those that are
 * @returns {Promise<Record<string, {runs: number[], blocked: number[]}>>}
 */
export async function takeTurns(sides, { warmUp, rounds }) {
  const results = {};
  for (const name of Object.keys(sides)) results[name] = { runs: [], blocked: [] };
  for (let round = -warmUp; round < rounds; round++) {
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
