/* The modules of kaiwire, each loaded when it is first used: a phone has no memory to spare. */

/* global kaiwire */
/* exported Wires */

const Wires = {
  loading: {},

  loaders: {
    mail: () => kaiwire.load({ modules: ['imap', 'smtp', 'mime'] }),
    chat: () => kaiwire.load({ modules: ['irc'] }),
    names: () => kaiwire.load({ modules: ['dns'] }),
    signatures: () => kaiwire.load({ modules: ['dnssec'] }),
    trust: () => kaiwire.load({ modules: ['trust'] }),
  },

  /** The wire for a purpose. Fails with a KaiwireError; the next call then tries anew. */
  get(purpose) {
    if (!this.loading[purpose]) {
      this.loading[purpose] = this.loaders[purpose]();
      this.loading[purpose].catch(() => { delete this.loading[purpose]; });
    }
    return this.loading[purpose];
  },

  /** Gives its memory back. */
  close(purpose) {
    if (!this.loading[purpose]) return;
    this.loading[purpose].then((wire) => wire.close(), () => {});
    delete this.loading[purpose];
  },
};
