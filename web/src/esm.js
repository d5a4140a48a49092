// Entry of the ES module build.

import { loadFrom } from './load.js';
import { capabilitiesOf, page } from './platform.js';
import { runGoOn } from './run.js';

export { KaiwireError } from './errors.js';

export const load = (options) => loadFrom(new URL('./', import.meta.url).href, options);
export const capabilities = (options) => capabilitiesOf(page, options);
export const runGo = (options) => runGoOn(page, options);
