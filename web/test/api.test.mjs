// The types that are shipped, the facade and the Go modules say the same.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import ts from 'typescript';
import { moduleOf } from '../src/files.js';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const types = ts.createSourceFile('index.d.ts', read('web/src/index.d.ts'), ts.ScriptTarget.Latest, true);

/** The members of an interface of index.d.ts of one kind. */
function members(name, kind) {
  const node = types.statements.find((s) => ts.isInterfaceDeclaration(s) && s.name.text === name);
  assert.ok(node, `index.d.ts has no ${name}`);
  return node.members.filter((m) => m.kind === kind).map((m) => m.name.text).sort();
}
const methods = (name) => members(name, ts.SyntaxKind.MethodSignature);
const properties = (name) => members(name, ts.SyntaxKind.PropertySignature);

/** Where the methods of modules are that share them. */
const METHODS = { dns: 'resolver/resolver_js.go' };

/** The Go methods of a kind of handle: "session.fetch" is fetch of session, and "imap.session.fetch" where protocols share a module. */
function goMethods(protocol, kind) {
  const module = moduleOf(protocol);
  const prefix = (module === protocol ? '' : `${protocol}.`) + (kind && `${kind}.`);
  const source = read(`wasm/${METHODS[module] ?? `${module}/main_js.go`}`);
  return [...source.matchAll(/^\t(?:\t|\{)"([\w.]+)"[:,]/gm)].map((m) => m[1])
    .filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length))
    .filter((name) => !name.includes('.')).sort();
}

// What is on one side only, and why.
const onlyInGo = ['idleStop']; // the stop() of what idle() resolves to

for (const [protocol, kind, name] of [
  ['imap', '', 'Imap'], ['imap', 'session', 'ImapSession'], ['imap', 'download', 'Download'],
  ['irc', '', 'Irc'], ['irc', 'session', 'IrcSession'],
  ['dns', '', 'Dns'], ['dns', 'resolver', 'Resolver'], ['dns', 'network', 'LocalNetwork'], ['dnssec', 'resolver', 'ValidatingResolver'],
  ['trust', '', 'Trust'],
]) {
  test(`${name} has the methods that ${moduleOf(protocol)}.wasm has`, () => {
    assert.deepEqual(goMethods(protocol, kind).filter((m) => !onlyInGo.includes(m)), methods(name));
  });
}

for (const [module, name] of [['mail', 'ImapEvents'], ['irc', 'IrcEvents']]) {
  test(`${name} has the events that ${module}.wasm emits`, () => {
    const source = read(`wasm/${module}/main_js.go`) + (module === 'irc' ? read('wasm/irc/event_js.go') : '');
    const emitted = [...source.matchAll(/(?:Emit\(|return |message\(h, |number\(|text\()"(\w+)"/g)].map((m) => m[1]);
    assert.deepEqual([...new Set(emitted)].sort(), properties(name));
  });
}

for (const [file, facade] of [['imap', ['ImapSession', 'Download']], ['irc', ['IrcSession']], ['dns', ['Resolver', 'LocalNetwork', 'ValidatingResolver']], ['trust', ['Trust']]]) {
  test(`the facade of ${file} has the methods of its types`, () => {
    const source = read(`web/src/${file}.js`);
    for (const name of facade) {
      const body = source.slice(source.indexOf(`class ${name} `)).split('\n}\n')[0];
      const defined = [...body.matchAll(/^ {2}(?:async )?([a-z]\w*)\(/gm)].map((m) => m[1])
        .filter((m) => m !== 'constructor' && m !== 'close').sort(); // close is every handle's
      assert.deepEqual(defined, methods(name));
    }
  });
}

/** The strings of a union type of index.d.ts, or of a union that is a property's type. */
function union(type) {
  return type.types.filter((t) => ts.isLiteralTypeNode(t)).map((t) => t.literal.text).sort();
}

test('the words of trust are those of Go', () => {
  const constants = (path, type) => [...read(path).matchAll(new RegExp(`^\\t\\w+ +${type} += "([\\w-]+)"`, 'gm'))]
    .map((m) => m[1]).sort();
  const cause = types.statements.find((s) => ts.isTypeAliasDeclaration(s) && s.name.text === 'TrustCause');
  assert.deepEqual(union(cause.type), constants('protocols/trust/verify.go', 'Cause'));
  const report = types.statements.find((s) => ts.isInterfaceDeclaration(s) && s.name.text === 'TrustReport');
  const phone = report.members.find((m) => m.name.text === 'phone');
  assert.deepEqual(union(phone.type), constants('protocols/trust/check.go', 'Verdict'));
});

test('the words of DNSSEC are those of Go', () => {
  const words = (type) => [...read('protocols/dns/dnssec/dnssec.go').matchAll(new RegExp(`^\\t\\w+ +(?:${type} )?= "([\\w-]+)"`, 'gm'))]
    .map((m) => m[1]).sort();
  const alias = types.statements.find((s) => ts.isTypeAliasDeclaration(s) && s.name.text === 'DnssecReason');
  const answer = types.statements.find((s) => ts.isInterfaceDeclaration(s) && s.name.text === 'ValidatedAnswer');
  assert.deepEqual(union(alias.type), words('Reason'));
  assert.deepEqual(union(answer.members.find((m) => m.name.text === 'status').type), words('Status'));
});

test('TlsOptions are those that Go reads', () => {
  const source = read('wasm/call/dial_own_js.go');
  const options = [...source.matchAll(/\bo\.(?:String|Strings|Object)\("(\w+)"\)/g)].map((m) => m[1]).sort();
  assert.deepEqual(options, properties('TlsOptions'));
});

function compile(file) {
  const tsc = fileURLToPath(new URL('web/node_modules/typescript/bin/tsc', root));
  execFileSync(process.execPath, [tsc, '--noEmit', '--strict', '--target', 'es2017', '--lib', 'es2017,dom',
    fileURLToPath(new URL(`web/test/testdata/${file}`, root))], { encoding: 'utf8', stdio: 'pipe' });
}

test('an app written in TypeScript compiles against the types', () => compile('app.ts'));

test('…and a mistake in it does not', () => {
  assert.throws(() => compile('mistake.ts'), (error) => /no-such-event/.test(error.stdout));
});
