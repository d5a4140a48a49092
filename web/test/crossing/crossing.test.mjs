// What crosses between JavaScript and Go is the same on both sides: for each method of each module its options and the
// members of its answer, and the events with theirs. Go's side is what its sources read and write (main.go), the other
// index.d.ts and what the facade makes of it (facade.mjs). Error codes: protocols/coded; words: api.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { calls, paths, readTypes, taken } from './facade.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path) => readFileSync(join(root, path), 'utf8');

/** The facade's classes: which file of web/src, which interface, and what Go's names of their methods begin with in which modules. */
const CLASSES = {
  Imap: { file: 'imap', modules: ['mail'], prefix: '' },
  ImapSession: { file: 'imap', modules: ['mail'], prefix: 'imap.session.' },
  Download: { file: 'download', modules: ['mail'], prefix: 'imap.download.' },
  Smtp: { file: 'smtp', modules: ['mail'], prefix: '' },
  SmtpSession: { file: 'smtp', modules: ['mail'], prefix: 'smtp.session.' },
  Pop3: { file: 'pop3', modules: ['mail'], prefix: '' },
  Pop3Session: { file: 'pop3', modules: ['mail'], prefix: 'pop3.session.' },
  Mime: { file: 'mime', modules: ['mail'], prefix: '' },
  ComposedMessage: { file: 'mime', modules: ['mail'], prefix: 'mime.composed.' },
  Irc: { file: 'irc', modules: ['irc'], prefix: '' },
  IrcSession: { file: 'irc', modules: ['irc'], prefix: 'session.' },
  Dns: { file: 'dns', modules: ['dns', 'dnssec'], prefix: '' },
  Dnssec: { file: 'dns', modules: ['dnssec'], prefix: '' },
  Resolver: { file: 'dns', modules: ['dns', 'dnssec'], prefix: 'resolver.' },
  ValidatingResolver: { file: 'dns', modules: ['dnssec'], prefix: 'resolver.' },
  LocalNetwork: { file: 'dns', modules: ['dns', 'dnssec'], prefix: 'network.' },
  Trust: { file: 'trust', modules: ['trust'], prefix: '' },
};

/** What each call takes besides its own options: web/src/client.js has the signal, wasm/call the timeout. */
const EVERY_CALL = ['signal', 'timeout'];

/** What a handle answers is that it is there, and becomes the properties of its interface; but those that the facade keeps by itself. */
const OWN_PROPERTIES = {
  Handle: ['closed'], // follows the event close
  Download: ['received'], // follows read
};

/** What the facade takes from the tags of an event that has them, as about() in web/src/irc.js has it. */
const OF_TAGS = ['id', 'account', 'bot'];

/** Answers that the facade makes something else of, or that are no record, and why. */
const SHAPED = new Map([
  ['resolver.lookup', 'the family is told by the address'],
  ['resolver.reverse', 'the data of records, as Node has them'],
  ['imap.session.idle', 'what it resolves to has stop(), which is idleStop'],
  ['imap.download.read', 'the bytes beside the record'],
  ['mime.parse', 'the message, as imap.session.open answers it'],
  ['mime.composed.read', 'the bytes beside the record'],
  ['smtp.session.send', 'the answers for the recipients become errors'],
  ['pop3.session.retr', 'a Download, of which POP3 knows the size alone'],
  ['session.history', 'an event with its name, which are compared as events'],
  ['session.command', 'lines, which are compared as the event raw'],
]);
const isShaped = (method) => SHAPED.has(method) || /^resolver\.resolve/.test(method); // …the data of records, as Node has them

/** What is on one side only, and why. */
const EXPLAINED = new Map([
  ...['search', 'sort', 'thread'].map((method) => [
    `mail: options of imap.session.${method}: query.all is in the facade only, not in Go`, 'it is what a query without anything else means']),
  ...['from', 'sender', 'replyTo', 'to', 'cc', 'bcc'].map((field) => [
    `mail: options of mime.compose: ${field}.text is in Go only, not in the facade`, 'how an address crosses that is a string']),
  ...['name', 'value'].map((part) => [
    `mail: options of mime.compose: headers.${part} is in Go only, not in the facade`, 'how an object of headers crosses']),
  ...['write', 'end'].map((method) => [`mail: the facade never calls mime.parser.${method}`, 'its parse does, on a handle that no app sees']),
  ['mail: the facade never calls pop3.download.read', 'Download does, whosever it is'],
  ['mail: the facade never calls smtp.message.write', 'send does, on a handle of its own'],
  ['mail: the facade calls smtp.session.write, which Go does not have', 'as above'],
  ...['search', 'sort'].map((method) => [
    `mail: options of imap.session.${method}: returnOptions.partial is in the facade only, not in Go`, 'it crosses as the range itself']),
]);

const EVENTS = { mail: ['ImapEvents'], irc: ['IrcEvents'], dns: ['BrowserEvents'], dnssec: ['BrowserEvents'] };

function crossing(overlay) {
  const text = execFileSync('go', ['run', './web/test/crossing', ...(overlay ? ['-overlay', overlay] : []), root], { cwd: root, encoding: 'utf8' });
  return JSON.parse(text);
}

/** All differences, as lines to read. */
function differences(go, declarations, facade) {
  const types = readTypes(declarations);
  const list = [];
  const compare = (what, inGo, elsewhere, where) => {
    const other = new Set([...elsewhere].filter((name) => !EVERY_CALL.includes(name)));
    const own = new Set(inGo.filter((name) => !EVERY_CALL.includes(name)));
    for (const name of own) if (!other.has(name)) list.push(`${what}: ${name} is in Go only, not in ${where}`);
    for (const name of other) if (!own.has(name)) list.push(`${what}: ${name} is in ${where} only, not in Go`);
  };
  const seen = {};
  for (const file of new Set(Object.values(CLASSES).map((c) => c.file))) {
    const interfaceOf = (name) => (CLASSES[name] ? name : undefined);
    for (const { className, name, method, args } of calls(types, facade(file), interfaceOf)) {
      const { modules, prefix } = CLASSES[className];
      for (const module of modules) {
        const full = prefix + method;
        const known = go[module].methods[full];
        (seen[module] = seen[module] || new Set()).add(full);
        if (!known) {
          list.push(`${module}: the facade calls ${full}, which Go does not have`);
          continue;
        }
        // Dnssec has what it inherits from Dns, with options of its own.
        const { parameters, result } = types.method(module === 'dnssec' && className === 'Dns' ? 'Dnssec' : className, name);
        const given = full === 'resolver' ? { ...args, types: args.types.concat(parameters) } : args;
        compare(`${module}: options of ${full}`, known.args, paths(types, given), 'the facade');
        const opened = known.result.includes('handle');
        if (opened && !isShaped(full)) {
          const members = [...paths(types, { types: [result], members: {} })]
            .filter((path) => !Object.values(OWN_PROPERTIES).flat().includes(path));
          if (!isShaped(full)) compare(`${module}: answer of ${full}`, known.result.filter((path) => path !== 'handle'), members, 'index.d.ts');
        } else if (!isShaped(full)) {
          compare(`${module}: answer of ${full}`, known.result, paths(types, { types: [result], members: {} }), 'index.d.ts');
        }
      }
    }
  }
  for (const [module, { methods, events }] of Object.entries(go)) {
    for (const method of Object.keys(methods)) if (!seen[module].has(method)) list.push(`${module}: the facade never calls ${method}`);
    const declared = (EVENTS[module] || []).flatMap((name) => types.properties(name));
    const emitted = Object.assign({}, events, EVENTS[module] && go.call.events);
    if (module === 'call') continue;
    compare(`${module}: events`, Object.keys(emitted), declared.map(([name]) => name), 'index.d.ts');
    for (const [name, type] of declared) {
      if (emitted[name]) compare(`${module}: event ${name}`, emitted[name].concat(emitted[name].includes('tags') ? OF_TAGS : []), paths(types, { types: [type], members: {} }), 'index.d.ts');
    }
  }
  // What makes a session: the constructor takes all of the answer.
  for (const [className, method] of [['ImapSession', 'imap.connect'], ['Download', 'imap.session.download'], ['IrcSession', 'connect']]) {
    const { file, modules: [module] } = CLASSES[className];
    compare(`${module}: answer of ${method}`, go[module].methods[method].result.filter((path) => !path.includes('.')),
      taken(facade(file), className), `the constructor of ${className}`);
  }
  return list;
}

const facade = (file) => read(`web/src/${file}.js`);
const declarations = read('web/src/index.d.ts');
const go = crossing();

test('methods, options, answers and events are the same in Go, in the facade and in index.d.ts', () => {
  assert.ok(Object.keys(go.mail.methods).length > 40, 'no methods were found');
  assert.deepEqual(differences(go, declarations, facade).sort(), [...EXPLAINED.keys()].sort());
  const known = Object.values(go).flatMap(({ methods }) => Object.keys(methods));
  for (const method of SHAPED.keys()) assert.ok(known.includes(method), `${method} is excepted, and not there`);
});

/** The differences that a change of one text makes. */
function found(change, { inTypes, inFacade, inGo }) {
  const doctor = (text) => {
    const changed = text.replace(...change);
    assert.notEqual(changed, text, 'nothing was changed');
    return changed;
  };
  let doctored = go;
  if (inGo) {
    const folder = mkdtempSync(join(tmpdir(), 'kaiwire-crossing-'));
    try {
      writeFileSync(join(folder, 'changed.go'), doctor(read(inGo)));
      writeFileSync(join(folder, 'overlay.json'), JSON.stringify({ Replace: { [join(root, inGo)]: join(folder, 'changed.go') } }));
      doctored = crossing(join(folder, 'overlay.json'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return differences(doctored, inTypes ? doctor(declarations) : declarations,
    (file) => (file === inFacade ? doctor(facade(file)) : facade(file))).filter((line) => !EXPLAINED.has(line));
}

test('…and a change on one side is seen', async (t) => {
  const only = (what, name, here, there) => `${what}: ${name} is in ${here} only, not in ${there}`;
  const both = (what, old, fresh, where) => [only(what, old, 'Go', where), only(what, fresh, where, 'Go')];
  for (const [name, change, where, expected] of [
    ['an option renamed in the types', ['altNicks?:', 'alternatives?:'], { inTypes: true },
      both('irc: options of connect', 'altNicks', 'alternatives', 'the facade')],
    ['an option inside another', ['maxStale?:', 'stale?:'], { inTypes: true },
      ['dns', 'dnssec'].flatMap((module) => both(`${module}: options of resolver`, 'cache.maxStale', 'cache.stale', 'the facade'))],
    ['a member of an answer', ['verify: boolean', 'mailed: boolean'], { inTypes: true },
      both('irc: answer of session.registerAccount', 'verify', 'mailed', 'index.d.ts')],
    ['a member of an event', ['vanished: { uids: string;', 'vanished: { set: string;'], { inTypes: true },
      both('mail: event vanished', 'uids', 'set', 'index.d.ts')],
    ['an event', ['  presence: {', '  present: {'], { inTypes: true }, both('irc: events', 'presence', 'present', 'index.d.ts')],
    ['an option in the facade', ['{ channel, reason }', '{ channel, why: reason }'], { inFacade: 'irc' },
      both('irc: options of session.part', 'reason', 'why', 'the facade')],
    ['a method in the facade', ["_call('deleteAcl'", "_call('removeAcl'"], { inFacade: 'imap' },
      ['mail: the facade calls imap.session.removeAcl, which Go does not have', 'mail: the facade never calls imap.session.deleteAcl']],
    ['an option and an answer in Go', [/"(email|verify)"/g, '"$1s"'], { inGo: 'wasm/irc/main_js.go' }, [
      ...both('irc: options of session.registerAccount', 'emails', 'email', 'the facade'),
      ...both('irc: answer of session.registerAccount', 'verifys', 'verify', 'index.d.ts')]],
  ]) {
    await t.test(name, () => {
      const lines = found(change, where);
      assert.deepEqual(lines.sort(), expected.sort());
    });
  }
});

test('what every call takes, what the loader takes and what an error says is what the types say', () => {
  const types = readTypes(declarations);
  const names = (name) => types.properties(name).map(([property]) => property).sort();
  const read = (file, object) => [...new Set([...facade(file).matchAll(new RegExp(`\\b${object}\\.(\\w+)`, 'g'))].map((m) => m[1]))].sort();
  assert.deepEqual(names('CallOptions'), EVERY_CALL);
  assert.deepEqual(read('load', 'options'), names('LoadOptions'));
  assert.deepEqual(read('errors', 'record'), names('KaiwireError'));
});
