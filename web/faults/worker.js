// The package's worker script, which also tells what there is in it.
import { Engine } from '../src/engine.js';
import '../src/worker.js';
import { witness } from './witness.js';

let engine = null;
const { load } = Engine.prototype;
Engine.prototype.load = function (...parameters) {
  engine = this;
  return load.apply(this, parameters);
};

addEventListener('message', ({ data, ports }) => {
  if (data[0] !== 'witness') return;
  // In place of the phone there is the worker's half of the relay.
  const relayed = [...engine.phone.sockets.values()];
  const unsent = Math.max(0, ...relayed.map(({ bufferedAmount }) => bufferedAmount || 0));
  ports[0].postMessage({ ...witness(engine), relayed: relayed.length, unsent });
});
