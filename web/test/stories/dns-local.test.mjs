// Services on the local network, in a page that has two phones on it; what is not believed, and what is given where no
// server answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as unbound from '../servers/unbound.mjs';
import { modesOf, openStage } from './stage.mjs';

const ZONE = 'kaiwire.test';
const UDP = { profile: 'kaios25', permissions: ['tcp-socket', 'udp-socket'] };

test('names near and far', { skip: missing('firefox-esr', 'unbound') }, async (t) => {
  const server = await unbound.start();
  t.after(server.stop);
  const address = `127.0.0.1:${server.port}`;
  const stageOf = await openStage(t, { hosts: { [address]: address, 'ns.test:53': address }, datagrams: [address] });

  for (const { mode, worker, engine } of modesOf('dns')) {
    await t.test(`services: browse, resolve, register, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dns'], worker, engine, ...UDP });
      // Another phone, on a network of memory that the first is on as well.
      await page.run('two phones', async (options) => {
        const { MemoryNetwork, install } = await import('/dist/kaiwire-mock.js');
        const network = new MemoryNetwork();
        stage.held.wires = [];
        for (const at of ['192.0.2.1', '192.0.2.2']) {
          const scope = {};
          install(scope, { profile: 'kaios25', network: network.host(at) });
          const sockets = {
            open: () => { throw new Error('no connection is needed'); },
            bind: (options) => new scope.UDPSocket(options), multicast: true,
          };
          stage.held.wires.push(await stage.load({ ...options, modules: ['dns'], sockets }));
        }
        const [printer, phone] = await Promise.all(stage.held.wires.map((wire) => wire.dns.network()));
        Object.assign(stage.held, { printer, phone, events: [] });
        const browser = await phone.browse('_ipp._tcp');
        const next = (event) => new Promise((resolve) => browser.once(event, ({ instance }) => resolve(instance)));
        Object.assign(stage.held, { browser, found: next('found'), lost: next('lost') });
      }, [{ worker, engine }]);
      const instance = 'Drucker in der Küche._ipp._tcp.local';
      const registered = await page.run('register', async () => {
        const registration = await stage.held.printer.register({ name: 'Drucker in der Küche', type: '_ipp._tcp', host: 'printer', port: 631,
          addresses: ['192.0.2.1'], text: ['rp=ipp/print', 'duplex=T'] });
        stage.held.registration = registration;
        return [registration.instance, await stage.held.found];
      });
      assert.equal(registered[0], registered[1]);
      const shown = instance.replace(/ü/, '\\195\\188').replace(/ /g, '\\032');
      assert.equal(registered[0], shown);
      const found = await page.run('find', (instance) => stage.held.phone.find(instance), [registered[0]]);
      assert.deepEqual(found, { instance: shown, host: 'printer.local', port: 631, addresses: ['192.0.2.1'], text: ['rp=ipp/print', 'duplex=T'] });
      assert.deepEqual(await page.run('lookup', () => stage.held.phone.lookup('printer.local')), ['192.0.2.1']);
      // The name is taken: the second gets a number.
      const second = await page.run('register again', async () => {
        const registration = await stage.held.phone.register({ name: 'Drucker in der Küche', type: '_ipp._tcp', host: 'other', port: 632, addresses: ['192.0.2.2'] });
        await registration.close();
        return registration.instance;
      });
      assert.notEqual(second, registered[0]);
      const lost = await page.run('take back', async () => {
        await stage.held.registration.close();
        const lost = await stage.held.lost;
        const { error } = await stage.outcome(stage.held.phone.lookup('nobody.local', { timeout: 300 }));
        await Promise.all(stage.held.wires.map((wire) => wire.close()));
        return [lost, error.code];
      });
      assert.deepEqual([[second, registered[0]].includes(lost[0]), lost[1]], [true, 'ETIMEDOUT']);
      await page.close();
    });

    await t.test(`forged answers, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dns'], worker, engine, ...UDP });
      const outcome = await page.run('forge', async (address, zone) => {
        stage.network.set(address, 'datagram-from-stranger');
        const resolver = await stage.wire.dns.resolver({ servers: [address], transports: ['udp'], cache: false });
        const answers = [];
        for (let i = 0; i < 3; i++) answers.push((await resolver.query(zone, 'A')).answers[0].address);
        const { unsolicited } = await resolver.statistics();
        await resolver.close();
        stage.network.set(address, null);
        return [answers, unsolicited];
      }, [address, ZONE]);
      assert.deepEqual(outcome, [Array(3).fill('192.0.2.1'), 3]);
      await page.close();
    });

    await t.test(`answers that are past their time, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dns'], worker, engine });
      const outcome = await page.run('stale', async (zone) => {
        const open = (maxStale) => stage.wire.dns.resolver({ servers: ['ns.test'], retries: 0, cache: { maxTtl: 1, maxStale } });
        const first = await open();
        const fresh = await first.query(zone, 'A');
        const saved = await first.save();
        await first.close();
        stage.network.set('ns.test:53', 'refused');
        const second = await open();
        const restored = await second.restore(saved);
        const stale = await second.query(zone, 'A');
        await second.close();
        const third = await open(0);
        const { error } = await stage.outcome(third.restore(saved).then(() => third.query(zone, 'A')));
        await third.close();
        stage.network.set('ns.test:53', null);
        return [fresh.stale, restored, stale.stale, stale.answers[0].address, error.code];
      }, [ZONE]);
      assert.deepEqual(outcome, [false, 1, true, '192.0.2.1', 'ECONNREFUSED']);
      await page.close();
    });
  }
});
