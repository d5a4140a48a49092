// A classic script, for page and worker, in front of what loads modules: keeps
// the memory of the module that was last instantiated here.
(function () {
  const instantiate = WebAssembly.instantiate;
  let memory = null;
  WebAssembly.instantiate = (...parameters) => instantiate(...parameters).then((result) => {
    const { mem, memory: other } = result.instance.exports;
    memory = mem || other;
    return result;
  });
  self.linearMemory = () => memory.buffer.byteLength;
})();
