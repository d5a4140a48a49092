// The blocks of code in the documentation, and what is said of them in comments before them:
//
//   <!-- with wire: imap, irc -->     loads these modules first, for a block that goes on from one elsewhere
//   <!-- until shown: text -->        the block is done once it has called show() with that text in it
//   <!-- not run: reason -->          a test prints the reason
//   <!-- for: Gecko 48 -->            has nothing that KaiOS 2.5 would refuse
import { parse } from 'acorn';

/** @returns {{language: string, code: string, line: number, notes: Record<string, string>}[]} `line` is the first of the code */
export function blocksOf(markdown) {
  const blocks = [];
  let notes = {};
  let open = null;
  markdown.split('\n').forEach((text, i) => {
    const fence = text.match(/^```(\w*)$/);
    if (open && fence) {
      blocks.push({ ...open, code: open.lines.join('\n') });
      open = null;
      notes = {};
    } else if (open) {
      open.lines.push(text);
    } else if (fence) {
      open = { language: fence[1], line: i + 2, lines: [], notes };
    } else {
      const note = text.match(/^<!-- (with wire|until shown|not run|for): (.+) -->$/);
      if (note) notes[note[1]] = note[2];
      else if (text) notes = {};
    }
  });
  return blocks;
}

/** What Gecko 84 reads: ECMAScript 2020. */
const VERSION = 2020;

/** A block that imports is a module by itself. */
export const isModule = (code) => /^import /m.test(code);

/**
 * A block as a script: a function of the page's `blocks`, in which the names are known that blocks before it have
 * declared, and which adds its own.
 * @param {string[]} known
 * @returns {{script: string, declared: string[]}}
 */
export function scriptOf(name, code, known) {
  const tree = parse(code, { ecmaVersion: VERSION, sourceType: 'script', allowAwaitOutsideFunction: true });
  const declared = [];
  const names = (pattern) => {
    if (pattern.type === 'Identifier') declared.push(pattern.name);
    else if (pattern.type === 'ObjectPattern') pattern.properties.forEach(({ value }) => names(value));
    else if (pattern.type === 'ArrayPattern') pattern.elements.forEach(names);
    else throw new Error(`${name}: ${pattern.type}`);
  };
  for (const node of tree.body) {
    if (node.type === 'VariableDeclaration') node.declarations.forEach(({ id }) => names(id));
    else if (node.type === 'FunctionDeclaration') declared.push(node.id.name);
  }
  const before = known.filter((one) => !declared.includes(one));
  // On one line, so that the lines of errors are those of the block.
  return {
    declared,
    script: `blocks[${JSON.stringify(name)}] = async (scope) => { let { ${before.join(', ')} } = scope; ${code}\nObject.assign(scope, { ${[...before, ...declared].join(', ')} }); };\n`,
  };
}
