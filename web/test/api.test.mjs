// The types that are shipped say what the facade has, in the words of Go. Options, answers and events: crossing/.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import ts from 'typescript';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const types = ts.createSourceFile('index.d.ts', read('web/src/index.d.ts'), ts.ScriptTarget.Latest, true);

/** The methods of an interface of index.d.ts. */
function methods(name) {
  const node = types.statements.find((s) => ts.isInterfaceDeclaration(s) && s.name.text === name);
  assert.ok(node, `index.d.ts has no ${name}`);
  return node.members.filter(ts.isMethodSignature).map((m) => m.name.text).sort();
}

for (const [file, facade] of [
  ['imap', ['Imap', 'ImapSession']], ['smtp', ['Smtp', 'SmtpSession']], ['pop3', ['Pop3', 'Pop3Session']], ['download', ['Download']],
  ['mime', ['Mime', 'ComposedMessage']],
  ['irc', ['Irc', 'IrcSession']], ['dns', ['Dns', 'Resolver', 'LocalNetwork', 'ValidatingResolver']], ['trust', ['Trust']],
]) {
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

function compile(file) {
  const tsc = fileURLToPath(new URL('web/node_modules/typescript/bin/tsc', root));
  execFileSync(process.execPath, [tsc, '--noEmit', '--strict', '--target', 'es2017', '--lib', 'es2017,dom',
    fileURLToPath(new URL(`web/test/testdata/${file}`, root))], { encoding: 'utf8', stdio: 'pipe' });
}

test('an app written in TypeScript compiles against the types', () => compile('app.ts'));

test('…and a mistake in it does not', () => {
  assert.throws(() => compile('mistake.ts'), (error) => /no-such-event/.test(error.stdout));
});
