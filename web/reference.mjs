// The reference of the API, made of index.d.ts: api.md in the package.
import ts from 'typescript';

/** What stands in the comment before a declaration, as one paragraph. */
function commentOf(node, source) {
  const [last] = (ts.getLeadingCommentRanges(source.text, node.pos) || []).slice(-1);
  const text = last ? source.text.slice(last.pos, last.end) : '';
  if (!text.startsWith('/**')) return '';
  return text.slice(3, -2).replace(/^[ \t]*\*[ \t]?/gm, '').replace(/\s+/g, ' ').trim();
}

/** Code within a line or a cell of a table. */
const code = (text) => `\`${text.replace(/\/\*\*[^]*?\*\//g, '').replace(/\s+/g, ' ').trim()}\``;
const cell = (text) => text.replace(/\|/g, '\\|');

/**
 * @param {string} declarations the text of index.d.ts
 * @returns {string} Markdown
 */
export function reference(declarations) {
  const source = ts.createSourceFile('index.d.ts', declarations, ts.ScriptTarget.Latest, true);
  const names = new Set(source.statements.map((statement) => statement.name && statement.name.text).filter(Boolean));
  /** Links to what is declared here of all that a piece of code names. */
  const seeAlso = (node, self) => {
    const found = new Set();
    const visit = (inner) => {
      const isType = ts.isTypeReferenceNode(inner.parent) || ts.isExpressionWithTypeArguments(inner.parent);
      if (ts.isIdentifier(inner) && isType && names.has(inner.text) && inner.text !== self) found.add(inner.text);
      ts.forEachChild(inner, visit);
    };
    visit(node);
    return [...found].map((name) => `[${name}](#${name.toLowerCase()})`).join(', ');
  };
  const lines = ['# API', '', 'Made of `index.d.ts`, for reading. The guides show how it is used.', ''];
  const say = (...texts) => lines.push(...texts.filter(Boolean).flatMap((text) => [text, '']));

  function members(list, self) {
    const properties = list.filter((m) => ts.isPropertySignature(m) || ts.isPropertyDeclaration(m));
    if (properties.length > 0) {
      lines.push('| | type | |', '|---|---|---|');
      let said = '';
      for (const property of properties) {
        // Several on one line share the comment before the first.
        const sameLine = !source.text.slice(property.getFullStart(), property.getStart()).includes('\n');
        const comment = commentOf(property, source) || (sameLine ? said : '');
        said = comment;
        const see = seeAlso(property.type, self);
        const name = property.name.getText() + (property.questionToken ? '?' : '');
        lines.push(`| ${code(name)} | ${cell(code(property.type.getText()))} | ${cell([comment, see && `→ ${see}`].filter(Boolean).join(' '))} |`);
      }
      lines.push('');
    }
    for (const method of list.filter(ts.isMethodSignature)) {
      const see = seeAlso(method, self);
      say(`- ${code(method.getText().replace(/;$/, ''))}${see ? ` → ${see}` : ''}${commentOf(method, source) ? `  \n  ${commentOf(method, source)}` : ''}`);
    }
  }

  let at = 0;
  for (const statement of source.statements) {
    for (const [, heading] of source.text.slice(at, statement.getStart()).matchAll(/\/\* -+ (.+?) -+ \*\//g)) say(`## ${heading}`);
    at = statement.getStart();
    if (!statement.name) continue;
    const name = statement.name.text;
    const comment = commentOf(statement, source);
    const see = (node) => (seeAlso(node, name) ? `→ ${seeAlso(node, name)}` : '');
    if (ts.isInterfaceDeclaration(statement) || ts.isClassDeclaration(statement)) {
      const above = (statement.heritageClauses || []).flatMap(({ types }) => types.map((type) => type.getText())).join(', ');
      say(`### ${name}`, comment, above && `With all of ${code(above)}.`, statement.heritageClauses && statement.heritageClauses.map(see).join(' '));
      members([...statement.members], name);
    } else if (ts.isTypeAliasDeclaration(statement)) {
      say(`### ${name}`, comment, code(statement.type.getText().replace(/^\s*\|\s*/, '')), see(statement.type));
    } else if (ts.isFunctionDeclaration(statement)) {
      say(`### ${name}`, comment, code(statement.getText().replace(/^export function |;$/g, '')), see(statement));
    }
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
