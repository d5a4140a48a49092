// Packs web/dist as the npm tarball and as a zip of the same files: `node web/archive.mjs` writes web/out. Neither has
// anything in it of when, where and by whom it was packed.

import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { zip } from './kit/zip.mjs';
import { BESIDE, filesOf } from './tree.mjs';

const web = dirname(fileURLToPath(import.meta.url));

/**
 * @param {string} dist the package
 * @param {string} out  where the archives go
 * @returns {{tarball: string, zip: string}} their paths
 */
export function archive(dist, out) {
  const { name, version, bin } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'));
  const paths = filesOf(dist).filter((path) => !BESIDE.test(path));
  const programs = Object.values(bin).map((path) => path.replace('./', ''));
  mkdirSync(out, { recursive: true });
  // npm keeps the modes of files, which are whatever the umask was.
  const stage = mkdtempSync(join(tmpdir(), 'kaiwire-archive-'));
  try {
    for (const path of paths) {
      mkdirSync(dirname(join(stage, path)), { recursive: true });
      copyFileSync(join(dist, path), join(stage, path));
      chmodSync(join(stage, path), programs.includes(path) ? 0o755 : 0o644);
    }
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', out], { cwd: stage, stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(stage, { recursive: true });
  }
  const zipped = join(out, `${name}-${version}.zip`);
  writeFileSync(zipped, zip(Object.fromEntries(paths.map((path) => [`${name}/${path}`, readFileSync(join(dist, path))]))));
  return { tarball: join(out, `${name}-${version}.tgz`), zip: zipped };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const dist = join(web, 'dist');
  if (!existsSync(join(dist, 'build-info.json'))) throw new Error('there is no package: make bundle');
  for (const path of Object.values(archive(dist, join(web, 'out')))) console.log(`${path.slice(web.length + 1)} ${readFileSync(path).length} bytes`);
}
