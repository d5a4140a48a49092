// Whether an engine's hour was in order.

const MIB = 1024 * 1024;

/** What the memory may have gained: a collector works in steps. */
const GROWTH = 1.1;

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

/** The samples from one share of the time to another; at least one. */
function part(samples, from, to) {
  const first = Math.min(Math.floor(samples.length * from), samples.length - 1);
  return samples.slice(first, Math.max(Math.ceil(samples.length * to), first + 1));
}

/**
 * Compares the memory of the last quarter of the time with that of the second: the first is for warming up.
 * @param {{engine: string, samples: {tab: number, inPage: {memory: number}}[], ends: object[]}} run as run.mjs records it
 * @returns {{summary: string, problems: string[]}}
 */
export function judge({ engine, samples, ends }) {
  const problems = ends.filter(({ failure }) => failure).map(({ failure }) => failure);
  const held = [];
  for (const [name, read] of [['module', ({ inPage }) => inPage.memory], ['tabs', ({ tab }) => tab]]) {
    const before = median(part(samples, 0.25, 0.5).map(read));
    const after = median(part(samples, 0.75, 1).map(read));
    const change = `${name} ${(before / MIB).toFixed(1)} → ${(after / MIB).toFixed(1)} MiB`;
    held.push(change);
    if (after > before * GROWTH) problems.push(`${change}: grows`);
  }
  const sum = (count) => ends.reduce((total, end) => total + end[count], 0);
  for (const count of ['heard', 'messages', 'queries']) {
    if (ends.some((end) => end[count] === 0)) problems.push(`a page has no ${count}`);
  }
  return {
    summary: `${engine}: ${sum('heard')} messages (${sum('messages')} of them sent), ${sum('queries')} queries, `
      + `${sum('connections')} IRC connections; ${held.join(', ')}`,
    problems: problems.map((problem) => `${engine}: ${problem}`),
  };
}
