// The package on hosts other than a phone: which sockets it finds, what it says
// of them, and Node's build.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { directSockets } from '../../bridge/hosts/direct.testing.mjs';
import { install, MemoryNetwork } from '../../bridge/mock/index.js';
import { capabilities, KaiwireError, load, nodeHost, runGo } from '../dist/kaiwire.node.js';
import * as hosts from '../src/hosts.js';
import { capabilitiesOf, pageOf } from '../src/platform.js';
import { freePort } from './servers/process.mjs';

const everything = { tcp: true, listen: true, udp: true, multicast: true, tls: true, missing: [] };
const nothing = { tcp: false, listen: false, udp: false, multicast: false, tls: false };
const of = (scope, loaded = hosts) => {
  const { worker, webAssembly, ...rest } = capabilitiesOf({ ...pageOf(scope, () => loaded), hasWorkers: () => true });
  assert.deepEqual({ worker, webAssembly }, { worker: true, webAssembly: true });
  return rest;
};
const phone = (userAgent, options) => {
  const scope = { navigator: { userAgent } };
  install(scope, { network: new MemoryNetwork(), ...options });
  return scope;
};
const KAIOS2 = 'Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.1';
const KAIOS3 = 'Mozilla/5.0 (Mobile; TCL_4058; rv:84.0) Gecko/84.0 Firefox/84.0 KAIOS/3.0';

describe('capabilities', () => {
  test('of phones', () => {
    assert.deepEqual(of(phone(KAIOS2, { profile: 'kaios25' })), { host: 'kaios', ...everything });
    assert.deepEqual(of(phone(KAIOS2, { profile: 'kaios25', permissions: ['tcp-socket'] })),
      { host: 'kaios', ...everything, udp: false, multicast: false, missing: ['udp-socket'] });
    assert.deepEqual(of(phone(KAIOS3, { profile: 'kaios3' })), { host: 'kaios', ...everything, udp: false, multicast: false });
    assert.deepEqual(of(phone(KAIOS3, { permissions: [] })), { host: null, ...nothing, missing: ['tcp-socket'] });
    const bare = phone(KAIOS3, { profile: 'kaios3' });
    delete bare.navigator.mozTCPSocket; // only the constructors
    assert.equal(of(bare).host, 'kaios');
  });

  test('of Direct Sockets, by the permissions policy', () => {
    assert.deepEqual(of(directSockets().scope), { host: 'direct', ...everything, tls: false });
    assert.deepEqual(of(directSockets({ policies: ['direct-sockets'] }).scope),
      { host: 'direct', ...everything, tls: false, multicast: false, missing: ['direct-sockets-private', 'direct-sockets-multicast'] });
    assert.deepEqual(of(directSockets({ policies: [] }).scope),
      { host: 'direct', ...nothing, missing: ['direct-sockets', 'direct-sockets-private', 'direct-sockets-multicast'] });
    const { UDPSocket, ...rest } = directSockets().scope;
    assert.deepEqual(of(rest), { host: 'direct', ...everything, tls: false, udp: false, multicast: false });
  });

  test('a phone’s sockets come first', () => {
    const scope = phone(KAIOS3, { profile: 'kaios3' });
    Object.assign(scope, { TCPSocket: directSockets().scope.TCPSocket });
    assert.equal(of(scope).host, 'kaios');
  });

  test('of Direct Sockets, where kaiwire-hosts.js is not loaded', () => {
    assert.deepEqual(of(directSockets().scope, null), { host: null, ...nothing, missing: ['tcp-socket'] });
    assert.throws(() => capabilitiesOf(pageOf({}, () => null), { sockets: 'ws://127.0.0.1:1/' }),
      (error) => error.code === 'EINVAL' && /kaiwire-hosts\.js/.test(error.message));
  });

  test('of nothing at all', () => {
    assert.deepEqual(of({}), { host: null, ...nothing, missing: ['tcp-socket'] });
  });

  test('of Node, a relay, and sockets of one’s own', () => {
    assert.deepEqual(capabilities(), { host: 'node', ...everything, worker: false, webAssembly: true });
    const relayed = () => capabilities({ sockets: 'ws://127.0.0.1:1/' }).host;
    // Node has the class from its release 22 on.
    if (typeof WebSocket === 'function') assert.equal(relayed(), 'tunnel');
    else assert.throws(relayed, (error) => error.code === 'EINVAL');
    assert.deepEqual(capabilities({ sockets: { open() {} } }),
      { host: 'custom', ...nothing, tcp: true, worker: false, webAssembly: true, missing: [] });
    for (const sockets of ['http://127.0.0.1/', 'ws://', '', {}, 5]) {
      assert.throws(() => capabilities({ sockets }), (error) => error instanceof KaiwireError && error.code === 'EINVAL', String(sockets));
    }
  });
});

describe('Node’s build', () => {
  test('load() runs modules over Node’s sockets', { timeout: 60_000 }, async () => {
    const wire = await load({ modules: ['dns'] });
    const resolver = await wire.dns.resolver({ servers: ['127.0.0.1'], port: await freePort() });
    await assert.rejects(resolver.resolve4('example.org', { timeout: 10_000 }), (error) => error.code === 'ECONNREFUSED');
    await wire.close();
  });

  test('load() says what it can’t do', async () => {
    const code = (options) => load(options).then(() => 'loaded', (error) => error.code);
    assert.equal(await code({ modules: ['dns'], worker: true }), 'ELOAD');
    assert.equal(await code({ modules: ['dns'], base: '/nowhere/' }), 'ELOAD');
    assert.equal(await code({ modules: ['dns'], sockets: 'nonsense' }), 'EINVAL');
  });

  test('runGo() says what it can’t do', async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'kaiwire-run-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'no.wasm');
    writeFileSync(file, 'no module');
    const code = (options) => runGo(options).then(() => 'runs', (error) => error.code);
    assert.equal(await code(), 'EINVAL');
    assert.equal(await code({ wasm: join(directory, 'absent.wasm') }), 'ELOAD');
    assert.equal(await code({ wasm: pathToFileURL(file) }), 'ELOAD');
    assert.equal(await code({ wasm: new Uint8Array(3) }), 'ELOAD');
    assert.equal(await code({ wasm: file, sockets: {} }), 'EINVAL');
    assert.equal(typeof nodeHost({ address: '127.0.0.1' }).listen, 'function');
  });
});
