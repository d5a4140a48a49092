/* What the phone does for an app besides sockets: has files chosen, opens and keeps them, and knows whether there is a network. */

/* exported Platform */

const Platform = {
  /**
   * Has the person choose files, by the phone's own apps or, where there are none, as in any browser; to be called as a key is
   * pressed. Resolves with [{name, blob}], which is empty for who has thought better of it. A browser may never say so.
   */
  pick() {
    const data = { type: PICKED };
    const asking = 'WebActivity' in window ? new window.WebActivity('pick', data).start() // KaiOS 3
      : 'MozActivity' in window ? asked(new window.MozActivity({ name: 'pick', data }))
        : chosen();
    return asking.then((result) => (Array.isArray(result) ? result : [{ name: nameOf(result), blob: result.blob }]), (error) => {
      if (/cancel|abort/i.test(String(error))) return [];
      throw error instanceof Error ? error : new Error(`The phone says: ${error}.`);
    });
  },

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

/** What apps of the phone are asked for: any file that they have. */
const PICKED = ['image/*', 'audio/*', 'video/*', 'application/*', 'text/*'];

/** What a file is called: the camera gives none a name, others one with the folders of the card. */
function nameOf({ name, blob }) {
  return (name || blob.name || `file.${(blob.type || 'application/octet-stream').split(/[/;+]/)[1]}`).split('/').pop();
}

let chooser = null;

/** By the browser's own dialogue. */
function chosen() {
  if (chooser) chooser.parentNode.removeChild(chooser); // it was left without a choice
  const input = chooser = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  input.hidden = true;
  document.body.appendChild(input);
  return new Promise((resolve) => {
    input.addEventListener('change', () => resolve(Array.from(input.files).map((file) => ({ name: file.name, blob: file }))));
    input.click();
  });
}

/** The promise of a DOMRequest, which has none of its own on KaiOS 2.5. */
function asked(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(new Error(`The phone says: ${request.error ? request.error.name : 'no'}.`));
  });
}
