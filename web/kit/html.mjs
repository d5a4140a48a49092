// What a page of an app refers to.

const TOKEN = /<!--[^]*?-->|<([a-z][\w-]*)((?:[\s/]+[^\s=>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?)*)[\s/]*>/gi;
const ATTRIBUTE = /([^\s=>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/g;

/**
 * The start tags of a page, and what is between a script's two.
 * @returns {{name: string, attributes: Record<string, string>, line: number, text: string}[]} lines count from 1
 */
export function tagsOf(html) {
  const tags = [];
  TOKEN.lastIndex = 0;
  for (let match; (match = TOKEN.exec(html));) {
    const [, word, list] = match;
    if (!word) continue;
    const name = word.toLowerCase();
    const attributes = {};
    for (const [, key, double, single, bare] of list.matchAll(ATTRIBUTE)) attributes[key.toLowerCase()] ??= double ?? single ?? bare ?? '';
    let text = '';
    if (name === 'script' || name === 'style') {
      const end = html.slice(TOKEN.lastIndex).search(new RegExp(`</${name}[\\s>]`, 'i'));
      text = end < 0 ? html.slice(TOKEN.lastIndex) : html.slice(TOKEN.lastIndex, TOKEN.lastIndex + end);
      TOKEN.lastIndex += text.length;
    }
    tags.push({ name, attributes, line: lineAt(html, match.index), text });
  }
  return tags;
}

/** The line that a place in a text is on. */
export function lineAt(text, index) {
  return text.slice(0, index).split('\n').length;
}
