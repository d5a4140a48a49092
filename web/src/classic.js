// Entry of the classic script build, whose one global is kaiwire.

import { loadFrom } from './load.js';
import { capabilitiesOf, page } from './platform.js';
import { runGoOn } from './run.js';

export { KaiwireError } from './errors.js';

// Only while the script runs does the document know it.
const script = typeof document === 'object' ? document.currentScript : null;
const here = script ? script.src.replace(/[^/]*$/, '') : './';

export const load = (options) => loadFrom(here, options);
export const capabilities = (options) => capabilitiesOf(page, options);
export const runGo = (options) => runGoOn(page, options);
