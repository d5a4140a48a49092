// What there is of a thread's sockets, for those who look for what was left behind.
import { lingeringStreams } from '../../bridge/stream.js';

/** The least that says it all: numbers, and the modules' memory in bytes. */
export function witness(engine) {
  const seen = { sockets: 0, queued: 0, collected: 0, values: 0, memory: 0, lingering: lingeringStreams() };
  for (const { host } of engine.modules.values()) {
    seen.sockets += host.sockets.size;
    seen.values += (host.go._ids || host.go.ids).size; // ours of the engine js is ids
    seen.memory += host.buffer.byteLength;
    for (const socket of host.sockets.values()) {
      seen.queued = Math.max(seen.queued, socket.queued || 0);
      seen.collected = Math.max(seen.collected, socket.collectedLength || 0);
    }
  }
  return seen;
}
