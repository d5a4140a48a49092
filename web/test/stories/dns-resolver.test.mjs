// DNS in full, as an app has it, against Unbound: the transports, what is kept, every type of record as dig shows it,
// and validation of zones that are signed rightly and wrongly.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { missing } from '../requirements.mjs';
import * as unbound from '../servers/unbound.mjs';
import { ZONES } from '../servers/zone.mjs';
import { modesOf, openStage } from './stage.mjs';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const ZONE = 'kaiwire.test';
const typesZone = { name: 'types.test', file: fileURLToPath(new URL('../servers/types.test.zone', import.meta.url)) };
/** The types of that zone, with the names that have them. */
const TYPES = readFileSync(typesZone.file, 'utf8').split('\n')
  .map((line) => line.match(/^([a-z]\w*) +IN (\w+) /)).filter((match) => match && match[1] === match[2].toLowerCase())
  .map(([, name, type]) => ({ name: `${name}.types.test`, type }));

test('DNS in full', { skip: missing('firefox-esr', 'unbound', 'dig') }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kaiwire-zones-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const signed = JSON.parse(execFileSync('go', ['run', './protocols/protocoltest/signedzones/zonefiles', folder], { cwd: root, encoding: 'utf8' }));
  const server = await unbound.start([...ZONES, typesZone, ...signed.zones]);
  t.after(server.stop);
  const address = `127.0.0.1:${server.port}`;
  const stageOf = await openStage(t, { hosts: { 'ns.test:53': address, [address]: address }, datagrams: [address] });
  const open = async (options, resolver) => {
    const page = await stageOf.open(options);
    await page.run('resolver', async (module, options) => {
      stage.held.resolver = await stage.wire[module].resolver(options);
    }, [options.modules[0], resolver]);
    const ask = (method, ...args) => page.run(`${method} ${args}`, (method, args) => stage.held.resolver[method](...args), [method, args]);
    return { page, ask };
  };

  for (const { mode, worker, engine } of modesOf('dns')) {
    await t.test(`by UDP, ${mode}`, async () => {
      const { page, ask } = await open({ modules: ['dns'], worker, engine, profile: 'kaios25', permissions: ['tcp-socket', 'udp-socket'] }, { servers: [address] });
      const answer = await ask('query', `many.${ZONE}`, 'A');
      assert.deepEqual([answer.transport, answer.cached, answer.answers.length], ['udp', false, 4]);
      assert.ok(answer.answers.every(({ name }) => name === `many.${ZONE}`), 'the spelling is ours again');
      const again = await ask('query', `MANY.${ZONE}`, 'A');
      assert.deepEqual([again.cached, again.elapsed, again.answers.length], [true, 0, 4]);
      // Too long for a datagram of 1232 bytes.
      const keys = await Promise.all(Array.from({ length: 20 }, (_, i) => ask('query', `n${i}.${ZONE}`, 'A')));
      assert.ok(keys.every(({ rcode, transport }) => rcode === 'NXDOMAIN' && transport === 'udp'));
      // None, but where the machine was busy for so long that questions were asked again: the first answer then comes to nobody.
      const { unsolicited } = await ask('statistics');
      assert.ok(unsolicited >= 0 && unsolicited < 100, `${unsolicited} answers to nobody`);
      await page.close();
    });

    await t.test(`where there is no UDP, ${mode}`, async () => {
      const { page, ask } = await open({ modules: ['dns'], worker, engine }, { servers: ['ns.test'] });
      assert.equal((await ask('query', ZONE, 'A')).transport, 'tcp');
      const { error } = await page.run('network', () => stage.outcome(stage.wire.dns.network()));
      assert.equal(error.code, 'ENOTSUP');
      await page.close();
    });

    await t.test(`lookup, helpers and discovery, ${mode}`, async () => {
      const { page, ask } = await open({ modules: ['dns'], worker, engine }, { servers: ['ns.test'] });
      assert.deepEqual(await ask('lookup', ZONE), { address: '2001:db8::1', family: 6 });
      assert.deepEqual(await ask('lookup', ZONE, { all: true }), [{ address: '2001:db8::1', family: 6 }, { address: '192.0.2.1', family: 4 }]);
      assert.deepEqual(await ask('lookup', `www.${ZONE}`, { family: 4 }), { address: '192.0.2.1', family: 4 });
      assert.deepEqual(await ask('resolveNs', ZONE), [`ns.${ZONE}`]);
      assert.deepEqual(await ask('resolveSoa', ZONE), { nsname: `ns.${ZONE}`, hostmaster: `hostmaster.${ZONE}`, serial: 2026010100,
        refresh: 7200, retry: 3600, expire: 1209600, minttl: 60 });
      assert.deepEqual(await ask('resolveCname', `www.${ZONE}`), [ZONE]);
      assert.deepEqual(await ask('resolveCaa', 'caa.types.test'), [{ critical: 128, issue: 'ca.example; policy=ev' }]);
      assert.deepEqual(await ask('resolveNaptr', 'naptr.types.test'), [{ order: 100, preference: 10, flags: 'u', service: 'sip+E2U',
        regexp: '!^.*$!sip:info@example.com!i', replacement: '.' }]);
      assert.deepEqual(await ask('resolveHttps', 'https.types.test'), [{ priority: 1, target: '.',
        params: ['alpn=h2,h3', 'port=8443', 'ipv4hint=192.0.2.1,192.0.2.2', 'ipv6hint=2001:db8::1'] }]);
      const [tlsa] = await page.run('resolveTlsa', async () => (await stage.held.resolver.resolveTlsa('tlsa.types.test'))
        .map(({ data, ...rest }) => ({ ...rest, data: Array.from(data) })));
      assert.deepEqual([tlsa.certUsage, tlsa.selector, tlsa.match, tlsa.data.length, tlsa.data[0]], [3, 1, 1, 32, 0xd2]);
      assert.deepEqual((await ask('discoverMail', ZONE)).services, [
        { name: 'imap', host: `mail.${ZONE}`, port: 993, security: 'tls' }, { name: 'imap', host: `backup.mail.${ZONE}`, port: 1993, security: 'tls' }]);
      assert.deepEqual((await ask('discoverChat', ZONE)).services, [{ name: 'irc', host: `irc.${ZONE}`, port: 6667, security: 'none' }]);
      // The platform composes, and makes small letters: u and a diaeresis are one letter.
      const { error } = await page.run('IDN', () => stage.outcome(stage.held.resolver.resolve4('BU\u0308CHER.kaiwire.test')));
      assert.deepEqual([error.code, error.response], ['ENOTFOUND', 'NXDOMAIN']);
      await page.close();
    });

    await t.test(`the cache outlives the app, ${mode}`, async () => {
      const { page } = await open({ modules: ['dns'], worker, engine }, { servers: ['ns.test'] });
      const outcome = await page.run('store', async (zone) => {
        const kept = { saved: null };
        const store = { get: async () => kept.saved, set: (saved) => { kept.saved = saved; } };
        const first = await stage.wire.dns.resolver({ servers: ['ns.test'], store });
        await first.resolve4(zone);
        await first.close();
        // Whoever has the answer need not be asked.
        const second = await stage.wire.dns.resolver({ servers: ['nobody.test'], retries: 0, store });
        const { cached, answers } = await second.query(zone, 'A');
        const damaged = await stage.outcome(second.restore(new Uint8Array([1, 2, 3])));
        await second.close();
        return [kept.saved instanceof Uint8Array, cached, answers[0].address, damaged.error.code];
      }, [ZONE]);
      assert.deepEqual(outcome, [true, true, '192.0.2.1', 'EINVAL']);
      await page.close();
    });

    await t.test(`every type as dig shows it, ${mode}`, async () => {
      const { page, ask } = await open({ modules: ['dns'], worker, engine }, { servers: ['ns.test'] });
      assert.ok(TYPES.length > 30, `${TYPES.length} types`);
      for (const { name, type } of TYPES) {
        const shown = execFileSync('dig', ['@127.0.0.1', '-p', String(server.port), '+tcp', '+noall', '+answer', '+nosplit', '+noidnout', name, type], { encoding: 'utf8' });
        const [line] = shown.split('\n').filter((line) => line.startsWith(`${name}.`));
        assert.ok(line, `dig has no ${type}`);
        const { answers } = await ask('query', name, type);
        assert.equal(answers[0].type, type);
        assert.equal(plain(answers[0].text), plain(line.split(/\s+/).slice(4).join(' ')), type);
      }
      await page.close();
    });
  }

  for (const { mode, worker, engine } of modesOf('dnssec')) {
    await t.test(`DNSSEC, ${mode}`, async () => {
      const { page, ask } = await open({ modules: ['dnssec'], worker, engine }, { servers: ['ns.test'], anchors: [signed.anchor] });
      for (const [name, type, status, reason] of [
        ['www.good.signed.test', 'A', 'secure'],
        ['alias.good.signed.test', 'A', 'secure'],
        ['x.wild.good.signed.test', 'TXT', 'secure'],
        ['nobody.good.signed.test', 'A', 'secure'],
        ['www.good.signed.test', 'MX', 'secure'],
        ['www.rsa.signed.test', 'A', 'secure'],
        ['nobody.rsa.signed.test', 'A', 'secure'],
        ['x.wild.rsa.signed.test', 'TXT', 'secure'],
        ['www.plain.signed.test', 'A', 'insecure', 'unsigned'],
        [ZONE, 'A', 'insecure', 'unsigned'],
        ['www.expired.signed.test', 'A', 'bogus', 'expired'],
        ['www.wrongds.signed.test', 'A', 'bogus', 'wrong-key'],
      ]) {
        const answer = await ask('validate', name, type);
        assert.deepEqual([answer.status, answer.reason], [status, reason], `${name} ${type}`);
      }
      await page.close();
    });
  }
});

/** Quotes that need not be there, and small differences of numbers with and without a fraction, are no differences. */
function plain(text) {
  return text.replace(/(=)"([^" ]*)"/g, '$1$2').replace(/\b(\d+)\.00m/g, '$1m').replace(/\b(\d+)\.0+ /g, '$1 ');
}
