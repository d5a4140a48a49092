// What ImapFlow expects of Node's global scope.
export { Buffer } from 'node:buffer';
export { default as process } from 'node:process';

const jobs = new Map();
const { port1, port2 } = new MessageChannel();
let next = 1;

port1.onmessage = ({ data: id }) => {
  const run = jobs.get(id);
  jobs.delete(id);
  if (run) run();
};

// Not by setTimeout, whose four milliseconds would hold ImapFlow back.
export function setImmediate(run, ...parameters) {
  const id = next++;
  jobs.set(id, () => run(...parameters));
  port2.postMessage(id);
  return id;
}

export function clearImmediate(id) {
  jobs.delete(id);
}
