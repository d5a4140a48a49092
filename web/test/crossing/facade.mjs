// What the facade of web/src hands to Go, and what index.d.ts says of it. A shape is what is known of a value:
// {types: of index.d.ts that it has, members: name → shape, text: where it is a constant, absent: where it is undefined}.
import ts from 'typescript';

const NOTHING = { types: [], members: {} };
const isEmpty = ({ types, members }) => types.length === 0 && Object.keys(members).length === 0;
const merge = (...shapes) => ({
  types: shapes.flatMap(({ types }) => types),
  members: Object.assign({}, ...shapes.map(({ members }) => members)),
});

/** TypeScript's own files, which are the same each time. */
const libraries = new Map();

/** The types of a text of index.d.ts. */
export function readTypes(text) {
  const host = ts.createCompilerHost({});
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) => {
    if (name === 'index.d.ts') return ts.createSourceFile(name, text, ts.ScriptTarget.ES2017, true);
    if (!libraries.has(name)) libraries.set(name, getSourceFile(name, ...rest));
    return libraries.get(name);
  };
  const program = ts.createProgram(['index.d.ts'], { strict: true, types: [], target: ts.ScriptTarget.ES2017, lib: ['lib.es2017.d.ts', 'lib.dom.d.ts'] }, host);
  const source = program.getSourceFile('index.d.ts');
  const checker = program.getTypeChecker();
  const own = (symbol) => symbol.declarations.some((declaration) => declaration.getSourceFile() === source);

  /** What a type is made of, without the lists and promises around it. */
  function parts(type) {
    if (type.flags & ts.TypeFlags.TypeParameter) return parts(checker.getBaseConstraintOfType(type));
    if (type.flags & ts.TypeFlags.Conditional) {
      return [type.root.node.trueType, type.root.node.falseType].flatMap((node) => parts(checker.getTypeFromTypeNode(node)));
    }
    if (type.isUnion()) return type.types.flatMap(parts);
    if (checker.isArrayType(type)) return parts(checker.getTypeArguments(type)[0]);
    const isPromise = type.symbol && type.symbol.name === 'Promise';
    return isPromise ? parts(checker.getTypeArguments(type)[0]) : [type];
  }

  /** The members of values of a type: [name, type]; `*` for any name. */
  function members(type) {
    return parts(type).flatMap((part) => {
      if (part.flags & ts.TypeFlags.StringLike || checker.isTupleType(part)) return [];
      const index = part.symbol && !own(part.symbol) && !part.aliasSymbol ? undefined : part.getStringIndexType();
      return checker.getPropertiesOfType(part).filter(own)
        .map((symbol) => [symbol.name, checker.getNonNullableType(checker.getTypeOfSymbol(symbol))])
        .concat(index ? [['*', index]] : [])
        .filter(([, type]) => type.getCallSignatures().length === 0);
    });
  }

  const declared = (name) => {
    const node = source.statements.find((s) => (ts.isInterfaceDeclaration(s) || ts.isClassDeclaration(s)) && s.name.text === name);
    if (!node) throw new Error(`index.d.ts has no ${name}`);
    return checker.getTypeAtLocation(node);
  };
  const property = (type, name) => checker.getPropertyOfType(type, name) && checker.getTypeOfSymbol(checker.getPropertyOfType(type, name));
  return {
    parts,
    members,
    /** Of an interface: its properties, which are not methods, without those of others that it extends. */
    properties: (name) => members(declared(name)),
    /** Of a method: {parameters: [type], result: type}. */
    method(interfaceName, name) {
      const method = property(declared(interfaceName), name);
      if (!method) throw new Error(`${interfaceName} has no ${name}`);
      const [signature] = method.getCallSignatures();
      return { parameters: signature.parameters.map((p) => checker.getNonNullableType(checker.getTypeOfSymbol(p))), result: signature.getReturnType() };
    },
    /** What a type's member is, or what it answers when called. */
    member(type, name) {
      const found = parts(type).map((part) => property(part, name)).find(Boolean);
      if (!found) return null;
      const [signature] = checker.getNonNullableType(found).getCallSignatures();
      return checker.getNonNullableType(signature ? signature.getReturnType() : found);
    },
  };
}

/** The names of all that is in a shape, those inside others as `outer.inner`. */
export function paths(types, shape, prefix = '', above = []) {
  const all = new Set();
  const add = (name, inner, around) => {
    const path = prefix ? `${prefix}.${name}` : name;
    all.add(path);
    for (const one of paths(types, inner, path, around)) all.add(one);
  };
  for (const type of shape.types.flatMap(types.parts)) {
    if (above.includes(type)) continue; // a query in a query
    for (const [name, inner] of types.members(type)) {
      if (!shape.members[name]) add(name, { types: [inner], members: {} }, [...above, type]);
    }
  }
  for (const [name, inner] of Object.entries(shape.members)) if (!inner.absent) add(name, inner, above);
  return all;
}

/**
 * What the methods of the facade's classes call in Go.
 * @param {string} text of a file of web/src
 * @param {(className: string) => string | undefined} interfaceOf index.d.ts's name for a class
 * @returns {{className: string, name: string, method: string, args: object}[]} `name` is the facade's method, `method` Go's
 */
export function calls(types, text, interfaceOf) {
  const file = ts.createSourceFile('facade.js', text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const functions = {};
  const classes = [];
  for (const node of file.statements) {
    if (ts.isFunctionDeclaration(node)) functions[node.name.text] = node;
    if (ts.isClassDeclaration(node)) classes.push(node);
    if (ts.isVariableStatement(node)) {
      for (const { name, initializer } of node.declarationList.declarations) if (ts.isArrowFunction(initializer)) functions[name.text] = initializer;
    }
  }
  const methodOf = (node, name) => node.members.find((m) => ts.isMethodDeclaration(m) && m.name.text === name);
  const found = [];
  let now = null;
  const running = [];

  const memberOf = (shape, name) => shape.members[name]
    || merge(...shape.types.map((type) => types.member(type, name)).filter(Boolean).map((type) => ({ types: [type], members: {} })));

  function assign(target, ...sources) {
    for (const { types, members } of sources) {
      target = { types: target.types.concat(types), members: Object.assign({}, target.members, members) };
    }
    return target;
  }

  /** Runs a function's body, every branch of it; the outcome is all that it may return. */
  function run(node, args, outer = {}) {
    if (running.includes(node)) return NOTHING;
    running.push(node);
    const env = Object.create(outer);
    node.parameters.forEach(({ name }, i) => {
      if (ts.isIdentifier(name)) env[name.text] = args[i] || NOTHING;
    });
    const results = [];
    if (ts.isBlock(node.body)) visit(node.body, env, results);
    else results.push(evaluate(node.body, env));
    running.pop();
    return merge(...results);
  }

  function visit(node, env, results) {
    if (ts.isReturnStatement(node)) {
      if (node.expression) results.push(evaluate(node.expression, env));
    } else if (ts.isVariableDeclaration(node)) {
      const value = node.initializer ? evaluate(node.initializer, env) : NOTHING;
      if (ts.isIdentifier(node.name)) env[node.name.text] = value;
      else if (ts.isObjectBindingPattern(node.name)) for (const { name } of node.name.elements) env[name.text] = memberOf(value, name.text);
    } else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken) {
      const value = evaluate(node.right, env);
      const { left } = node;
      if (ts.isPropertyAccessExpression(left) && ts.isIdentifier(left.expression) && env[left.expression.text]) {
        env[left.expression.text] = assign(env[left.expression.text], { types: [], members: { [left.name.text]: value } });
      }
    } else if (ts.isIfStatement(node) && ts.isPropertyAccessExpression(node.expression) && isEmpty(evaluate(node.expression, env))) {
      // What it is about is never there.
    } else if (ts.isExpression(node)) {
      const value = evaluate(node, env);
      if (ts.isCallExpression(node) && node.expression.getText() === 'Object.assign' && ts.isIdentifier(node.arguments[0])) env[node.arguments[0].text] = value;
    } else {
      ts.forEachChild(node, (child) => visit(child, env, results));
    }
  }

  function evaluate(node, env) {
    if (ts.isParenthesizedExpression(node) || ts.isAwaitExpression(node)) return evaluate(node.expression, env);
    if (ts.isStringLiteral(node)) return { ...NOTHING, text: node.text };
    if (ts.isIdentifier(node)) return node.text === 'undefined' ? { ...NOTHING, absent: true } : env[node.text] || NOTHING;
    if (ts.isObjectLiteralExpression(node)) {
      const members = {};
      for (const p of node.properties) {
        const value = evaluate(ts.isShorthandPropertyAssignment(p) ? p.name : p.initializer, env);
        if (value.run && !ts.isShorthandPropertyAssignment(p)) value.run([]); // such as stop()
        members[p.name.text] = value;
      }
      return { types: [], members };
    }
    if (ts.isConditionalExpression(node)) return merge(evaluate(node.whenTrue, env), evaluate(node.whenFalse, env));
    if (ts.isBinaryExpression(node)) {
      const [left, right] = [evaluate(node.left, env), evaluate(node.right, env)];
      return node.operatorToken.kind === ts.SyntaxKind.BarBarToken ? merge(left, right) : right;
    }
    if (ts.isPropertyAccessExpression(node)) return memberOf(evaluate(node.expression, env), node.name.text);
    if (ts.isCallExpression(node)) return call(node, env);
    if (ts.isArrowFunction(node)) return { ...NOTHING, run: (args) => run(node, args, env) };
    return NOTHING;
  }

  function call(node, env) {
    const args = node.arguments.map((argument) => evaluate(argument, env));
    const callee = node.expression;
    if (ts.isIdentifier(callee)) return functions[callee.text] ? run(functions[callee.text], args) : NOTHING;
    if (!ts.isPropertyAccessExpression(callee)) return NOTHING;
    const name = callee.name.text;
    const on = callee.expression;
    if (name === '_call' || name === '_value') return called(args[0], args[1]);
    if (name === 'call' && on.getText().endsWith('_client')) return called(args[1], args[3]);
    if (on.kind === ts.SyntaxKind.ThisKeyword && name[0] === '_') {
      const own = methodOf(now.node, name) || classes.map((node) => methodOf(node, name)).find(Boolean);
      return own ? run(own, args) : NOTHING;
    }
    if (on.getText() === 'Object') return name === 'assign' ? assign(...args) : NOTHING;
    if (name === 'concat') return args[0];
    const receiver = evaluate(on, env);
    if (name === 'map' && node.arguments.length === 1) {
      const [f] = node.arguments;
      if (ts.isIdentifier(f)) return functions[f.text] ? run(functions[f.text], [receiver]) : NOTHING;
      return args[0].run([receiver]);
    }
    return memberOf(receiver, name);
  }

  function called(method, args) {
    if (!method || !method.text) throw new Error(`${now.className}.${now.name} calls what can't be followed`);
    found.push({ className: now.className, name: now.name, method: method.text, args: args || NOTHING });
    return NOTHING;
  }

  for (const node of classes) {
    const className = node.name.text;
    const declared = interfaceOf(className);
    if (!declared) continue;
    for (const member of node.members) {
      if (!ts.isMethodDeclaration(member) || member.name.text[0] === '_' || member.name.text === 'close') continue;
      const name = member.name.text;
      now = { className, name, node };
      run(member, types.method(declared, name).parameters.map((type) => ({ types: [type], members: {} })));
    }
  }
  return found;
}

/** What the constructor of a class takes out of the answer that made it. */
export function taken(text, className) {
  const file = ts.createSourceFile('facade.js', text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const node = file.statements.find((s) => ts.isClassDeclaration(s) && s.name.text === className);
  const constructor = node && node.members.find(ts.isConstructorDeclaration);
  const pattern = constructor && constructor.parameters.map(({ name }) => name).find(ts.isObjectBindingPattern);
  return pattern ? pattern.elements.map(({ name }) => name.text) : [];
}
