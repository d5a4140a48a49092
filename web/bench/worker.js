// The package's worker script, which also tells how large its module's memory is.
importScripts('/bench/memory.js', '/dist/kaiwire-worker.js');

addEventListener('message', ({ data, ports }) => {
  if (data[0] === 'memory') ports[0].postMessage(self.linearMemory());
});
