// The worker's script: the engine, with sockets that the page opens for it.

import { Engine } from './engine.js';
import { WorkerRelay } from '../../bridge/relay.js';

const relay = new WorkerRelay((message, transfer) => self.postMessage(message, transfer || []));
let engine = null;

const sink = {
  deliver: (module, list) => {
    const transfer = [];
    for (const message of list) if (message[3]) transfer.push(message[3].buffer);
    self.postMessage(['deliver', module, list], transfer);
  },
  exit: (module, detail) => self.postMessage(['exit', module, detail]),
};

self.onmessage = ({ data: message }) => {
  if (relay.receive(message)) return;
  const [operation, ...rest] = message;
  switch (operation) {
    case 'start':
      relay.offer(rest[1]);
      engine = new Engine(relay, sink, { framing: rest[0], yields: false });
      break;
    case 'load':
      engine.load(...rest).then(
        () => self.postMessage(['loaded', rest[0], null]),
        (error) => self.postMessage(['loaded', rest[0], Object.assign({ message: error.message }, error)]));
      break;
    case 'calls':
      for (const call of rest[0]) engine.invoke(...call);
      break;
  }
};
