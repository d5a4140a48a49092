// The package's worker script, which also tells how large its module's memory is.
importScripts('/bench/memory.js', '/dist/kaiwire-worker.js');

addEventListener('message', (event) => {
  if (event.data[0] === 'memory') event.ports[0].postMessage(self.linearMemory());
});
