// DNS as an app has it, against Unbound; the zone files say what is right.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as unbound from '../servers/unbound.mjs';
import { lookup } from '../servers/zone.mjs';
import { modesOf, openStage } from './stage.mjs';

const ZONE = 'kaiwire.test';
const NAME_SERVER = 'ns.kaiwire.test';

test('DNS', { skip: missing('firefox-esr', 'unbound') }, async (t) => {
  const server = await unbound.start();
  t.after(server.stop);
  const stageOf = await openStage(t, { hosts: { [`${NAME_SERVER}:53`]: `127.0.0.1:${server.port}` } });

  for (const { mode, worker, engine } of modesOf('dns')) {
    await t.test(`answers are the zone’s, ${mode}`, async (t) => {
      const page = await stageOf.open({ modules: ['dns'], worker, engine });
      await page.run('resolver', async (server) => {
        stage.held.resolver = await stage.wire.dns.resolver({ servers: [server] });
      }, [NAME_SERVER]);
      const ask = (method, ...args) => page.run(`${method} ${args}`, (method, args) => stage.held.resolver[method](...args), [method, args]);
      const fail = async (method, ...args) => {
        const { error } = await page.run(`${method} ${args}`, (method, args) =>
          stage.outcome(stage.held.resolver[method](...args)), [method, args]);
        return [error.code, error.protocol, error.response];
      };
      const zone = (name, type, shape) => sorted(lookup(name, type).map(shape));

      await t.test('A and AAAA', async () => {
        for (const name of [ZONE, `many.${ZONE}`, `backup.mail.${ZONE}`]) {
          assert.deepEqual(sorted(await ask('resolve4', name)), zone(name, 'A', ([address]) => address));
        }
        for (const name of [ZONE, `six.${ZONE}`]) {
          assert.deepEqual(sorted(await ask('resolve6', name)), zone(name, 'AAAA', ([address]) => address));
        }
      });

      await t.test('through CNAMEs', async () => {
        assert.deepEqual(await ask('resolve4', `chain.${ZONE}`), zone(ZONE, 'A', ([address]) => address));
      });

      await t.test('MX', async () => {
        assert.deepEqual(sorted(await ask('resolveMx', ZONE)),
          zone(ZONE, 'MX', ([priority, exchange]) => ({ priority: Number(priority), exchange })));
      });

      await t.test('TXT', async () => {
        for (const name of [ZONE, `long.${ZONE}`]) {
          assert.deepEqual(sorted(await ask('resolveTxt', name)), zone(name, 'TXT', (strings) => strings));
        }
      });

      await t.test('SRV', async () => {
        const name = `_imaps._tcp.${ZONE}`;
        assert.deepEqual(sorted(await ask('resolveSrv', name)), zone(name, 'SRV', ([priority, weight, port, target]) =>
          ({ priority: Number(priority), weight: Number(weight), port: Number(port), name: target })));
      });

      await t.test('PTR', async () => {
        const v4 = '25.2.0.192.in-addr.arpa';
        const v6 = `5.2.${'0.'.repeat(22)}8.b.d.0.1.0.0.2.ip6.arpa`;
        assert.deepEqual(sorted(await ask('resolvePtr', v4)), zone(v4, 'PTR', ([name]) => name));
        assert.deepEqual(sorted(await ask('reverse', '192.0.2.25')), zone(v4, 'PTR', ([name]) => name));
        assert.deepEqual(sorted(await ask('reverse', '2001:db8::25')), zone(v6, 'PTR', ([name]) => name));
      });

      await t.test('the whole answer', async () => {
        const answer = await ask('query', `many.${ZONE}`, 'A');
        assert.deepEqual([answer.rcode, answer.authoritative, answer.truncated], ['NOERROR', true, false]);
        const [record] = lookup(`many.${ZONE}`, 'A');
        assert.deepEqual(sorted(answer.answers.map(({ address }) => address)), zone(`many.${ZONE}`, 'A', ([address]) => address));
        assert.ok(answer.answers.some(({ address }) => address === record[0]));
        assert.ok(answer.answers.every(({ name, type, ttl }) => name.replace(/\.$/, '') === `many.${ZONE}` && type === 'A' && ttl > 0 && ttl <= 300));
        assert.ok(answer.server.startsWith(NAME_SERVER), answer.server);
        assert.ok(answer.elapsed >= 0);
        assert.equal((await ask('query', `nobody.${ZONE}`, 'A')).rcode, 'NXDOMAIN');
      });

      await t.test('many questions at once', async () => {
        const names = [ZONE, `many.${ZONE}`, `mail.${ZONE}`, `ns.${ZONE}`, `irc.${ZONE}`];
        const answers = await page.run('many', (names) =>
          Promise.all(Array.from({ length: 50 }, (_, i) => stage.held.resolver.resolve4(names[i % names.length]))), [names]);
        answers.forEach((addresses, i) =>
          assert.deepEqual(sorted(addresses), zone(names[i % names.length], 'A', ([address]) => address)));
      });

      await t.test('what is not there', async () => {
        assert.deepEqual(await fail('resolve4', `nobody.${ZONE}`), ['ENOTFOUND', 'dns', 'NXDOMAIN']);
        assert.deepEqual((await fail('resolve4', `six.${ZONE}`)).slice(0, 2), ['ENODATA', 'dns']);
        assert.deepEqual((await fail('resolveMx', `ns.${ZONE}`)).slice(0, 2), ['ENODATA', 'dns']);
        assert.deepEqual(await fail('reverse', '192.0.2.99'), ['ENOTFOUND', 'dns', 'NXDOMAIN']);
        assert.deepEqual(await fail('resolve4', 'example.org'), ['EREFUSED', 'dns', 'REFUSED']);
      });

      await page.close();
    });
  }
});

/** A copy in one order, whatever the items are. */
function sorted(items) {
  return [...items].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
