// Entry of the classic script build, whose one global is kaiwire.

import { loadFrom } from './load.js';

export { capabilities } from './load.js';
export { KaiwireError } from './errors.js';

// Only while the script runs does the document know it.
const script = typeof document === 'object' ? document.currentScript : null;
const here = script ? script.src.replace(/[^/]*$/, '') : './';

export const load = (options) => loadFrom(here, options);
