// Zones run from the phone: fetched, announced and changed, with a key and without, on a server for that.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as program from '../servers/program.mjs';
import { modesOf, openStage } from './stage.mjs';

const KEY = { name: 'key', secret: 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0IQ==' };
const RECORDS = 251;

test('zones', { skip: missing('firefox-esr') }, async (t) => {
  const server = await program.start('./protocols/protocoltest/dnsserver/zone');
  t.after(server.stop);
  const stageOf = await openStage(t, { hosts: { 'primary.test:53': `127.0.0.1:${server.said.port}` } });

  for (const { mode, worker, engine } of modesOf('dnssec')) {
    await t.test(`a zone is fetched, announced and changed, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dnssec'], worker, engine });
      const zone = { server: 'primary.test', zone: 'zone.example', key: KEY };
      const call = async (method, more) => page.run(method, async (method, options) => {
        const { value, error } = await stage.outcome(stage.wire.dnssec[method](options));
        return error ? [error.code, error.response] : value && value.map(({ name, type, text }) => `${name} ${type} ${text}`);
      }, [method, { ...zone, ...more }]);
      const serial = (lines) => Number(lines[0].split(' ')[4]);

      const before = await call('transfer');
      assert.equal(before.length, RECORDS);
      assert.ok(before[0].startsWith('zone.example SOA ') && before.includes('n249.zone.example TXT "record 249"'));
      const parts = await page.run('in parts', async (options) => {
        const sizes = [];
        const rest = await stage.wire.dnssec.transfer({ ...options, onRecords: (records) => sizes.push(records.length) });
        return [rest.length, sizes.length > 1, sizes.reduce((a, b) => a + b)];
      }, [zone]);
      assert.deepEqual(parts, [0, true, RECORDS]);

      await call('notify');
      const announced = await call('transfer');
      assert.equal(serial(announced), serial(before) + 100);

      const added = 'new.zone.example. 300 IN A 192.0.2.9';
      assert.equal(await call('update', { changes: [{ op: 'nameExistsNot', name: 'new.zone.example' }, { op: 'add', record: added },
        { op: 'delete', name: 'n0.zone.example', type: 'TXT' }] }), undefined);
      const changed = await call('transfer');
      assert.ok(changed.includes('new.zone.example A 192.0.2.9') && !changed.some((line) => line.startsWith('n0.')));
      // What has to be so is not so any more, and nothing is changed.
      assert.deepEqual(await call('update', { changes: [{ op: 'nameExistsNot', name: 'new.zone.example' }, { op: 'deleteName', name: 'n1.zone.example' }] }),
        ['EREFUSED', 'YXDOMAIN']);
      assert.deepEqual(await call('update', { changes: [{ op: 'exists', name: 'n0.zone.example', type: 'TXT' }] }), ['EREFUSED', 'NXRRSET']);
      assert.deepEqual(await call('transfer'), changed);
      await call('update', { changes: [{ op: 'remove', record: added }, { op: 'add', record: 'n0.zone.example. 300 IN TXT "record 0"' }] });
      assert.equal((await call('transfer')).length, RECORDS);

      assert.deepEqual(await call('transfer', { key: undefined }), ['EREFUSED', 'REFUSED']);
      assert.deepEqual((await call('transfer', { key: { ...KEY, secret: 'AAAA' } }))[0], 'EAUTH');
      assert.deepEqual((await call('notify', { key: { ...KEY, name: 'other' } }))[0], 'EAUTH');
      assert.deepEqual((await call('update', { changes: [{ op: 'add', record: 'no record' }] }))[0], 'EINVAL');
      await page.close();
    });
  }
});
