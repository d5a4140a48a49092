// Entry of the classic script build, whose one global is kaiwire.

import { loadFrom } from './load.js';
import { capabilitiesOf, pageOf } from './platform.js';
import { runGoOn } from './run.js';

export { KaiwireError } from './errors.js';

// Only while the script runs does the document know it.
const script = typeof document === 'object' ? document.currentScript : null;
const here = script ? script.src.replace(/[^/]*$/, '') : './';
const page = pageOf(self, () => self.kaiwireHosts);

export const load = (options) => loadFrom(here, options, page);
export const capabilities = (options) => capabilitiesOf(page, options);
export const runGo = (options) => runGoOn(page, options);
