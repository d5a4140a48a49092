// Entry of the ES module build.

import * as hosts from './hosts.js';
import { loadFrom } from './load.js';
import { capabilitiesOf, pageOf } from './platform.js';
import { runGoOn } from './run.js';

export { KaiwireError } from './errors.js';

const page = pageOf(self, () => hosts);

export const load = (options) => loadFrom(new URL('./', import.meta.url).href, options, page);
export const capabilities = (options) => capabilitiesOf(page, options);
export const runGo = (options) => runGoOn(page, options);
