// Entry of the build for Node, for tests and tools: the same, over Node's sockets.

import { readFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { nodeHost } from '../../bridge/hosts/node.js';
import { tunnelHost } from '../../bridge/hosts/tunnel.js';
import { loadFrom } from './load.js';
import { capabilitiesOf } from './platform.js';
import { runGoOn } from './run.js';

export { KaiwireError } from './errors.js';
export { nodeHost } from '../../bridge/hosts/node.js';

const node = {
  find: () => nodeHost(),
  tunnel: tunnelHost,
  location: () => pathToFileURL('./').href,
  hasWorkers: () => false,
  read: async (url) => (url.startsWith('file:') ? readFile(new URL(url)) : (await fetch(url)).arrayBuffer()),
};

export const load = (options) => loadFrom(new URL('./', import.meta.url).href, options, node);
export const capabilities = (options) => capabilitiesOf(node, options);
export const runGo = (options) => runGoOn(node, options);
