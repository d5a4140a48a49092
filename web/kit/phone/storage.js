// The phone's memory card, as far as an app that keeps a file needs it: what is kept goes where the browser has its
// downloads, and stays there. Only `addNamed` is there; names and refusals are those of Gecko's DeviceStorage.

/**
 * Puts getDeviceStorage where this phone has it.
 * @param {Window} window
 * @param {string} profile
 * @param {string} access what the manifest asks for: `readcreate`, `readwrite`, `createonly` or `readonly`
 */
export function installStorage(window, profile, access) {
  const kept = new Set();
  const card = { storageName: '', addNamed: (blob, name) => added(window, access, kept, blob, name) };
  const getDeviceStorage = (type) => (type === 'sdcard' ? card : null);
  if (profile === 'kaios25') {
    window.navigator.getDeviceStorage = getDeviceStorage;
  } else {
    window.navigator.b2g ??= {};
    window.navigator.b2g.getDeviceStorage = getDeviceStorage;
  }
}

/** A DOMRequest: its result is the file's path. */
function added(window, access, kept, blob, name) {
  const request = Object.assign(new window.EventTarget(), { readyState: 'pending', result: undefined, error: null, onsuccess: null, onerror: null });
  for (const type of ['success', 'error']) request.addEventListener(type, (event) => request[`on${type}`]?.(event));
  const refusal = refusalOf(access, kept, name);
  if (!refusal) {
    kept.add(name);
    keep(window, blob, name);
  }
  setTimeout(() => {
    if (refusal) Object.assign(request, { readyState: 'done', error: new window.DOMException(name, refusal) });
    else Object.assign(request, { readyState: 'done', result: `/sdcard/${name}` });
    request.dispatchEvent(new window.Event(refusal ? 'error' : 'success'));
  }, 0);
  return request;
}

/** The name of the error, or nothing. */
function refusalOf(access, kept, name) {
  if (!/create|write/.test(access) || /^~?(\/|$)/.test(name) || name.split('/').some((part) => ['', '.', '..'].includes(part))) return 'SecurityError';
  return kept.has(name) ? 'NoModificationAllowedError' : '';
}

function keep(window, blob, name) {
  const url = window.URL.createObjectURL(blob);
  Object.assign(window.document.createElement('a'), { href: url, download: name.replace(/^.*\//, '') }).click();
  setTimeout(() => window.URL.revokeObjectURL(url), 0);
}
