// Entry of the ES module build.

import { loadFrom } from './load.js';

export { capabilities } from './load.js';
export { KaiwireError } from './errors.js';

export const load = (options) => loadFrom(new URL('./', import.meta.url).href, options);
