// The phone's memory card, as far as an app that keeps a file needs it: what is kept goes where the browser has its
// downloads. Only `addNamed` is there.

/** Puts getDeviceStorage where this phone has it. */
export function installStorage(window, profile) {
  const getDeviceStorage = (type) => (type === 'sdcard' ? { storageName: '', addNamed: (blob, name) => added(window, blob, name) } : null);
  if (profile === 'kaios25') {
    window.navigator.getDeviceStorage = getDeviceStorage;
  } else {
    window.navigator.b2g ??= {};
    window.navigator.b2g.getDeviceStorage = getDeviceStorage;
  }
}

/** A DOMRequest: its result is the file's path. */
function added(window, blob, name) {
  const request = { readyState: 'pending', result: undefined, error: null, onsuccess: null, onerror: null };
  const url = window.URL.createObjectURL(blob);
  const link = Object.assign(window.document.createElement('a'), { href: url, download: name.replace(/^.*\//, '') });
  link.click();
  setTimeout(() => {
    window.URL.revokeObjectURL(url);
    Object.assign(request, { readyState: 'done', result: `/sdcard/${name}` });
    request.onsuccess?.(new window.Event('success'));
  }, 0);
  return request;
}
