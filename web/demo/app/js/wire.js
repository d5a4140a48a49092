/* The modules of kaiwire, each loaded when it is first used: a phone has no memory to spare. */

/* global kaiwire */
/* exported Wires */

const Wires = {
  loading: {},

  /** The wire with one module. Fails with a KaiwireError; the next call then tries anew. */
  get(module) {
    if (!this.loading[module]) {
      this.loading[module] = kaiwire.load({ modules: [module], worker: true });
      this.loading[module].catch(() => { delete this.loading[module]; });
    }
    return this.loading[module];
  },

  /** A module that has crashed is of no more use. */
  drop(module, error) {
    if (!error || error.code !== 'EPANIC' || !this.loading[module]) return;
    this.loading[module].then((wire) => wire.close(), () => {});
    delete this.loading[module];
  },
};
