// The documentation as the package has it: README, CHANGELOG and docs/, whose links lead to what is in the package too.

import { posix } from 'node:path';

/** Where in the package a file of the repository is, if it ships; folders end in '/'. */
const PLACES = [
  ['README.md', 'README.md'], ['CHANGELOG.md', 'CHANGELOG.md'], ['LICENSE', 'LICENSE'], ['web/src/index.d.ts', 'index.d.ts'],
  ['web/docs/', 'docs/'], ['web/kit/', 'kit/'], ['web/relay/', 'relay/'],
];

/** What only those need who have the repository stands between two of these comments, each on a line of its own. */
const OWN = /^<!-- repository -->\n[^]*?^<!-- end -->\n\n?/gm;
/** A block of code as it is, or a link that leads out of its document. */
const CODE_OR_LINK = /^```[^]*?^```$|\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)/gm;

/** Which documents ship, of the repository's files. */
export const isShipped = (path) => path === 'README.md' || path === 'CHANGELOG.md' || /^web\/docs\/.*\.md$/.test(path);

/** @returns {string | null} */
export function placeOf(path) {
  const [from, to] = PLACES.find(([own]) => (own.endsWith('/') ? path.startsWith(own) : path === own)) ?? [];
  return from === undefined ? null : to + path.slice(from.length);
}

/**
 * A document for the package. A link to what does not ship becomes its text.
 * @param {string} markdown
 * @param {string} path where it is in the repository
 * @param {(place: string) => boolean} has whether a file or a folder is in the package
 */
export function packed(markdown, path, has) {
  const from = posix.dirname(placeOf(path));
  return markdown.replace(OWN, '').replace(CODE_OR_LINK, (whole, text, target, anchor = '') => {
    if (target === undefined || /^[a-z]+:/.test(target)) return whole;
    const place = placeOf(posix.join(posix.dirname(path), target));
    return place && has(place) ? `[${text}](${posix.relative(from, place)}${anchor})` : text;
  });
}

/** The anchors of a document's headings. */
export const anchorsOf = (markdown) => [...markdown.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)]
  .map(([, heading]) => heading.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/ /g, '-'));

/** Where the links and pictures of a document lead that are neither on the web nor in its code: {path, anchor}, both perhaps empty. */
export function targetsOf(markdown) {
  const prose = markdown.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()<>]/g, ' '));
  return [...prose.matchAll(/\]\(([^)\s]+)\)|<img[^>]* src="([^"]+)"/g)]
    .map(([, link, picture]) => link ?? picture)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path, anchor = ''] = target.split('#');
      return { path, anchor };
    });
}
