/**
 * Runs `run` in a macrotask of its own, first come, first served, with a
 * microtask checkpoint between any two. Browsers clamp timers to 4 ms, and a
 * message port would keep Node alive: hence two ways.
 */
export const task = typeof setImmediate === 'function' ? (run) => { setImmediate(run); } : channelled();

function channelled() {
  let queue = [];
  let next = 0;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
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
  };
  return (run) => {
    queue.push(run);
    port2.postMessage(null);
  };
}
