// Two reports of the script, fact by fact.

/**
 * @typedef {{group: string, fact: string, left: string | undefined, right: string | undefined, why: string}} Difference
 *
 * @param {Record<string, Record<string, string>>} left
 * @param {Record<string, Record<string, string>>} right
 * @param {Array<{group: string, fact: string, mock?: RegExp, gecko?: RegExp, reason: string}>} [exceptions]
 * @returns {{facts: number, differences: Difference[], excepted: Difference[]}}
 */
export function compare(left, right, exceptions = []) {
  const differences = [];
  const excepted = [];
  let facts = 0;
  for (const group of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const [a, b] = [left[group] ?? {}, right[group] ?? {}];
    for (const { fact, reason } of exceptions.filter((entry) => entry.group === group)) {
      if (!(fact in a) && !(fact in b)) differences.push({ group, fact, why: `stale exception, no such fact: ${reason}` });
    }
    for (const fact of new Set([...Object.keys(a), ...Object.keys(b)])) {
      facts++;
      const exception = exceptions.find((entry) => entry.group === group && entry.fact === fact);
      const difference = { group, fact, left: a[fact], right: b[fact] };
      if (fact === 'the group') {
        differences.push({ ...difference, why: 'the script could not finish the group' });
      } else if (exception) {
        const observed = a[fact] !== b[fact] && matches(exception.mock, a[fact]) && matches(exception.gecko, b[fact]);
        if (observed) excepted.push({ ...difference, why: exception.reason });
        else differences.push({ ...difference, why: `stale exception: ${exception.reason}` });
      } else if (a[fact] !== b[fact]) {
        differences.push({ ...difference, why: '' });
      }
    }
  }
  return { facts, differences, excepted };
}

function matches(pattern, seen) {
  return pattern === undefined ? seen === undefined : seen !== undefined && pattern.test(seen);
}

/** Prints what compare found, and the line that says it all. */
export function print({ facts, differences, excepted }, [left, right]) {
  const width = Math.max(left.length, right.length);
  const show = ({ group, fact, left: a, right: b, why }) => {
    console.log(`${group}: ${fact}${why ? `  (${why})` : ''}`);
    console.log(`  ${left.padEnd(width)}  ${a ?? '(not observed)'}`);
    console.log(`  ${right.padEnd(width)}  ${b ?? '(not observed)'}`);
  };
  if (excepted.length > 0) console.log(`known differences, with their reasons: ${excepted.length}`);
  excepted.forEach(show);
  if (differences.length > 0) console.log('differences:');
  differences.forEach(show);
  console.log(`${left} vs ${right}: ${facts} facts, ${differences.length} differences`);
}

/** Both reports without the facts that only one has, and how many those are; a group that failed stays. */
export function common(left, right) {
  const result = { left: {}, right: {}, alone: 0 };
  for (const group of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const [a, b] = [left[group] ?? {}, right[group] ?? {}];
    result.left[group] = {};
    result.right[group] = {};
    for (const fact of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (fact !== 'the group' && (!Object.hasOwn(a, fact) || !Object.hasOwn(b, fact))) {
        result.alone++;
        continue;
      }
      result.left[group][fact] = a[fact];
      result.right[group][fact] = b[fact];
    }
  }
  return result;
}
