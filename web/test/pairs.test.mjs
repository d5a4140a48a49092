import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Pairs } from './pairs.mjs';

test('nobody who dials a port of 127.0.0.1 comes between a pair', { skip: process.platform !== 'linux' && 'one address for all' }, async (t) => {
  const pairs = new Pairs();
  t.after(() => pairs.close());
  const addresses = (await pairs.listen()).map((address) => address.split(':'));
  for (const [, port] of addresses) {
    await assert.rejects(once(connect({ host: '127.0.0.1', port }), 'connect'), { code: 'ECONNREFUSED' });
  }
  const [a, b] = addresses.map(([host, port]) => connect({ host, port }));
  t.after(() => { a.destroy(); b.destroy(); });
  a.write('here');
  const [bytes] = await once(b, 'data');
  assert.equal(String(bytes), 'here');
});
