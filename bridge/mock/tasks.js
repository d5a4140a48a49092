/**
 * Runs `run` in a macrotask of its own, first come, first served, with a
 * microtask checkpoint between any two. Browsers clamp timers to 4 ms, and a
 * message port would keep Node alive: hence two ways.
 */
export const task = typeof setImmediate === 'function' ? immediately : channelled();

let following = [];

/** Runs `run` at the end of this task, behind the microtasks of what the task has done: as a page's handlers are left. */
export function afterTask(run) {
  following.push(run);
}

function follow() {
  const runs = following;
  following = [];
  for (const run of runs) run();
}

function immediately(run) {
  setImmediate(run);
  setImmediate(follow);
}

function channelled() {
  let queue = [];
  let next = 0;
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => {
    const run = queue[next];
    queue[next++] = undefined;
    if (next === queue.length) {
      queue = [];
      next = 0;
    } else if (next > 1024) {
      queue = queue.slice(next);
      next = 0;
    }
    run();
  });
  // Between two listeners there is a microtask checkpoint, and nothing else.
  port1.addEventListener('message', follow);
  port1.start();
  return (run) => {
    queue.push(run);
    port2.postMessage(null);
  };
}
