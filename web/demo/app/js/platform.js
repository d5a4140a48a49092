/* What the phone does for an app besides sockets: opens and keeps files, and knows whether there is a network. */

/* exported Platform */

const Platform = {
  /** Whether another app may be asked to show a file. */
  get opens() { return 'MozActivity' in window || 'WebActivity' in window; },

  /** Has an app of the phone show a file. Resolves when the person has come back. */
  open(blob, name) {
    const data = { type: blob.type, blob, filename: name };
    if ('WebActivity' in window) return new window.WebActivity('open', data).start(); // KaiOS 3
    return asked(new window.MozActivity({ name: 'open', data }));
  },

  /** Keeps a file where the phone has its downloads. Resolves with where that is. */
  save(blob, name) {
    const find = navigator.b2g && navigator.b2g.getDeviceStorage ? navigator.b2g : navigator; // KaiOS 3 has it there
    const storage = find.getDeviceStorage && find.getDeviceStorage('sdcard');
    if (!storage) return Promise.reject(new Error('This phone has nowhere to keep files.'));
    // What is there already stays; the card may not take all characters.
    const path = `downloads/${Date.now()}-${name.replace(/[^\w.\- ]/g, '_').slice(-60)}`;
    return asked(storage.addNamed(blob, path)).then(() => path);
  },

  get online() { return navigator.onLine !== false; },
};

/** The promise of a DOMRequest, which has none of its own on KaiOS 2.5. */
function asked(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error(`The phone says: ${request.error ? request.error.name : 'no'}.`));
  });
}
