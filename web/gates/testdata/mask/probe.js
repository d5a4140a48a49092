// What old engines lack, and some that all have: name → null where it works, else the error.
self.probes = {
  globalThis: () => globalThis.self,
  WebAssembly: () => WebAssembly.Module,
  'Array.flat': () => [[1]].flat(),
  'Array.at': () => [1].at(-1),
  'Promise.allSettled': () => Promise.allSettled([]),
  'Object.hasOwn': () => Object.hasOwn({}, 'a'),
  'String.padStart': () => 'a'.padStart(2),
  'Intl.PluralRules': () => new Intl.PluralRules(),
  AbortController: () => new AbortController(),
  structuredClone: () => structuredClone({}),
  queueMicrotask: () => queueMicrotask(() => {}),
  'crypto.randomUUID': () => crypto.randomUUID.name.length,
  'Blob.text': () => new Blob().text(),
  'String.replace': () => {
    const text = 'a1b'.replace(/\d/, '-') + 'a1b'.split(/\d/).join('') + 'a1b'.match(/\d/)[0] + 'a1b'.search(/\d/);
    if (text !== 'a-bab11') throw new Error(text);
  },
  Map: () => new Map().set(1, 2),
  TextDecoder: () => new TextDecoder().decode(new Uint8Array(1)),
  XMLHttpRequest: () => new XMLHttpRequest(),
  getRandomValues: () => crypto.getRandomValues(new Uint8Array(1)),
  performance: () => performance.now(),
};
self.outcomes = {};
for (const name of Object.keys(probes)) {
  try {
    probes[name]();
    outcomes[name] = null;
  } catch (error) {
    outcomes[name] = error.message;
  }
}
self.result = { outcomes, mask: self.mask };
if (typeof document === 'undefined') self.postMessage(result);
