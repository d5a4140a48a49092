#!/usr/bin/env node
// Builds the self-test app into web/dist/self-test, or into the folder that is named: both manifests, so that the
// same folder is sideloaded to KaiOS 2.5 and to 3.x.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { lower } from '../lower.mjs';

const source = fileURLToPath(new URL('app/', import.meta.url));

export async function buildApp(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of ['index.html', 'manifest.webapp', 'manifest.webmanifest']) copyFileSync(join(source, name), join(folder, name));
  writeFileSync(join(folder, 'app.js'), await lower({ entryPoints: [join(source, 'app.js')] }));
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await buildApp(process.argv[2] ?? fileURLToPath(new URL('../dist/self-test/', import.meta.url)));
}
