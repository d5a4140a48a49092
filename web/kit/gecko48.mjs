// What the parser of Gecko 48, KaiOS 2.5's, refuses or takes otherwise than
// today's. It knew the syntax of ES2015, of which acorn keeps the rules, but
// for what is named here.
import { parse } from 'acorn';

/** Rule → why. */
const REASONS = {
  es2015: 'no syntax of ES2015',
  'const-in-loop-head': 'const in the head of for…in and for…of is a SyntaxError before Firefox 51',
  'shared-binding': 'before Firefox 51 all turns of for…in and for…of share one binding, which a function in the loop would see',
  'let-in-worker': 'let is no keyword in a worker before Firefox 54',
};

/**
 * Everything in a classic script that Gecko 48 would not run as it is meant.
 * @param {string} source
 * @param {{worker?: boolean}} [options] whether it runs in a worker too, where less is allowed
 * @returns {{rule: keyof REASONS, line: number, column: number, message: string}[]} in the order of the source; of
 *   what is no ES2015 the first place only. Lines count from 1, columns from 0
 */
export function refusals(source, { worker = false } = {}) {
  const found = [];
  const refuse = (rule, { line, column }, message = REASONS[rule]) => found.push({ rule, line, column, message });
  let program;
  try {
    program = parse(source, { ecmaVersion: 2015, sourceType: 'script', allowHashBang: false, locations: true });
  } catch (error) {
    if (!error.loc) throw error;
    refuse('es2015', error.loc, `${REASONS.es2015}: ${error.message}`);
    return found;
  }
  visit(program, (node) => {
    if (node.type === 'VariableDeclaration' && node.kind === 'let' && worker) refuse('let-in-worker', node.loc.start);
    if (node.type !== 'ForInStatement' && node.type !== 'ForOfStatement') return;
    const { left, body } = node;
    if (left.kind === 'const') refuse('const-in-loop-head', left.loc.start);
    if (left.kind === 'let' && captures(body, bindings(left))) refuse('shared-binding', left.loc.start);
  });
  return found;
}

/** Calls act for a node and all below it, as long as it does not return false. */
function visit(node, act) {
  if (act(node) === false) return;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child.type === 'string') visit(child, act);
    }
  }
}

/** Every name in a declaration, those of default values included. */
function bindings(declaration) {
  const names = new Set();
  visit(declaration, (node) => {
    if (node.type === 'Identifier') names.add(node.name);
  });
  return names;
}

const FUNCTIONS = ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'];

/** Whether a function below node has one of the names in it, as whatever. */
function captures(node, names) {
  let does = false;
  visit(node, (inner) => {
    if (!FUNCTIONS.includes(inner.type)) return true;
    visit(inner, (part) => {
      if (part.type === 'Identifier' && names.has(part.name)) does = true;
    });
    return false;
  });
  return does;
}
