// Why a connection could not be made, where the phone itself says no more than
// "refused".
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as unbound from '../servers/unbound.mjs';
import { modesOf, openStage } from './stage.mjs';

const NAME_SERVER = 'ns.kaiwire.test';

test('the finer cause', { skip: missing('firefox-esr', 'unbound') }, async (t) => {
  const server = await unbound.start();
  t.after(server.stop);
  const stageOf = await openStage(t, { hosts: { [`${NAME_SERVER}:53`]: `127.0.0.1:${server.port}` } });

  for (const { mode, worker, engine } of modesOf('irc', 'dns')) {
    await t.test(mode, async () => {
      const page = await stageOf.open({ modules: ['irc', 'dns'], worker, engine, nameServers: [NAME_SERVER] });
      const connect = (host) => page.run(`connect to ${host}`, async (host) => {
        const { error } = await stage.outcome(stage.wire.irc.connect({ host, port: 6667, security: 'none', nick: 'asha', timeout: 10000 }));
        return [error.code, error.protocol, error.response];
      }, [host]);
      // The relay refuses both alike.
      page.expect(/establish a connection|WebSocket/i);
      assert.deepEqual(await connect('nobody.kaiwire.test'), ['ENOTFOUND', 'irc', 'NXDOMAIN']);
      assert.deepEqual(await connect('irc.kaiwire.test'), ['ECONNREFUSED', 'irc', undefined]);
      assert.deepEqual(await connect('192.0.2.67'), ['ECONNREFUSED', 'irc', undefined]);
      if (!worker) {
        // Of a worker's own navigator the page can't say that the network has gone.
        await page.run('lose the network', () => Object.defineProperty(navigator, 'onLine', { value: false, configurable: true }));
        assert.deepEqual(await connect('192.0.2.67'), ['ENETDOWN', 'irc', undefined]);
        assert.deepEqual(await connect('127.0.0.1'), ['ECONNREFUSED', 'irc', undefined]);
      }
      await page.close();
    });
  }
});
