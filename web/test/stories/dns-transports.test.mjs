// The ways to a name server: HTTPS, TLS, what is tried next, and what is not believed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as doh from '../servers/doh.mjs';
import * as dot from '../servers/dot.mjs';
import * as unbound from '../servers/unbound.mjs';
import { enginesOf, MODES, modesOf, openStage } from './stage.mjs';

const ZONE = 'kaiwire.test';
const ADDRESS = '192.0.2.1';

test('the ways to a name server', { skip: missing('firefox-esr', 'unbound', 'openssl') }, async (t) => {
  const server = await unbound.start();
  t.after(server.stop);
  const web = await doh.start(server.port);
  t.after(web.stop);
  const secure = await dot.start(server.port);
  t.after(secure.stop);
  const address = `127.0.0.1:${server.port}`;
  const stageOf = await openStage(t, {
    hosts: { [address]: address, 'ns.test:53': address, [`${secure.name}:853`]: `127.0.0.1:${secure.port}`, 'other.test:853': `127.0.0.1:${secure.port}` },
    datagrams: [address], ca: secure.ca,
  });
  /** Asks one question of a new resolver: the answer's part that tells, or the error's. */
  const ask = (page, options, name = ZONE) => page.run(`ask ${options.servers}`, async (options, name) => {
    const resolver = await stage.wire.dns.resolver({ retries: 0, ...options });
    const { value, error, elapsed } = await stage.outcome(resolver.query(name, 'A'));
    await resolver.close();
    return error ? { code: error.code, response: error.response, elapsed } : { by: value.transport, server: value.server, rcode: value.rcode, address: value.answers.length ? value.answers[0].address : null };
  }, [options, name]);

  for (const { mode, worker, engine } of modesOf('dns')) {
    await t.test(`by HTTPS, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dns'], worker, engine });
      const url = `${web.origin}/dns-query`;
      for (const [template, method] of [[url, 'POST'], [`${url}{?dns}`, 'GET']]) {
        web.requests.length = 0;
        assert.deepEqual(await ask(page, { servers: [template] }), { by: 'https', server: template, rcode: 'NOERROR', address: ADDRESS });
        const [{ headers, ...request }, ...more] = web.requests;
        assert.deepEqual([request, more], [{ method, path: '/dns-query' }, []]);
        assert.deepEqual([headers.cookie, headers.authorization, headers.accept], [undefined, undefined, 'application/dns-message']);
      }
      assert.equal((await ask(page, { servers: [url] }, `nobody.${ZONE}`)).rcode, 'NXDOMAIN');
      const names = [ZONE, `many.${ZONE}`, `mail.${ZONE}`, `ns.${ZONE}`];
      const counts = await page.run('many at once', async (url, names) => {
        const resolver = await stage.wire.dns.resolver({ servers: [url], cache: false });
        const lists = await Promise.all(Array.from({ length: 20 }, (_, i) => resolver.resolve4(names[i % names.length])));
        await resolver.close();
        return lists.map((list) => list.length);
      }, [url, names]);
      assert.deepEqual(counts.map((count) => count > 0), Array(20).fill(true));
      await page.close();
    });

    await t.test(`servers by HTTPS that are no good, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dns'], worker, engine });
      page.expect(/Cross-Origin Request Blocked.*\/(reset|private)\./); // Firefox says so by itself
      for (const [path, code, response] of [
        ['/status/404', 'EREFUSED', 'HTTP 404'], ['/status/503', 'ESERVFAIL', 'HTTP 503'], ['/html', 'EPROTO'], ['/empty', 'EPROTO'], ['/half', 'EPROTO'],
        ['/other', 'EPROTO'], ['/long', 'ELIMIT'], ['/endless', 'ELIMIT'], ['/reset', 'ECONNREFUSED'], ['/private', 'ECONNREFUSED'],
      ]) {
        const { elapsed, ...outcome } = await ask(page, { servers: [web.origin + path] });
        assert.deepEqual(outcome, { code, response }, path);
      }
      assert.equal((await ask(page, { servers: [`${web.origin}/silent`], tryTimeout: 300 })).code, 'ETIMEDOUT');
      // The app's own signal ends the request as well.
      const aborted = await page.run('abort', async (url) => {
        const resolver = await stage.wire.dns.resolver({ servers: [url] });
        const controller = new AbortController();
        const outcome = stage.outcome(resolver.resolve4('kaiwire.test', { signal: controller.signal }));
        controller.abort();
        const { error } = await outcome;
        await resolver.close();
        return error.code;
      }, [`${web.origin}/silent`]);
      assert.equal(aborted, 'ABORT_ERR');
      // The next server has the answer, and whoever asks by http has to be on this device.
      assert.equal((await ask(page, { servers: [`${web.origin}/status/503`, 'ns.test'] })).by, 'tcp');
      for (const wrong of ['http://dns.example/dns-query', 'https://', 'https://a b/', 'ftp://127.0.0.1/']) {
        const { error } = await page.run(`resolver ${wrong}`, (wrong) => stage.outcome(stage.wire.dns.resolver({ servers: [wrong] })), [wrong]);
        assert.equal(error.code, 'EINVAL', wrong);
      }
      await page.close();
      await gone(() => web.underWay === 0, 'requests go on');
    });

    await t.test(`by the phone’s TLS, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dns'], worker, engine });
      assert.deepEqual(await ask(page, { servers: [`tls://${secure.name}`] }), { by: 'tls', server: `tls://${secure.name}`, rcode: 'NOERROR', address: ADDRESS });
      assert.equal((await ask(page, { servers: ['tls://other.test'] })).code, 'ECERT');
      await page.close();
    });

    await t.test(`the ladder, ${mode}`, async () => {
      const without = await stageOf.open({ modules: ['dns'], worker, engine, profile: 'kaios3' });
      assert.equal((await ask(without, { servers: ['ns.test'] })).by, 'tcp');
      assert.equal((await ask(without, { servers: [secure.name], transports: ['udp', 'tls'] })).by, 'tls');
      assert.equal((await ask(without, { servers: ['ns.test', `${web.origin}/dns-query`], transports: ['udp'] })).by, 'https');
      assert.equal((await ask(without, { servers: [address], transports: ['udp'] })).code, 'ENOTSUP');
      await without.close();
      const phone = await stageOf.open({ modules: ['dns'], worker, engine, profile: 'kaios25', permissions: ['tcp-socket', 'udp-socket'] });
      assert.equal((await ask(phone, { servers: [address] })).by, 'udp');
      assert.equal((await ask(phone, { servers: [address], transports: ['tcp', 'udp'] })).by, 'tcp');
      assert.equal((await ask(phone, { servers: [`tcp://${address}`] })).by, 'tcp');
      await phone.close();
    });
  }

  for (const { mode, worker, engine } of enginesOf('dns', 'own').flatMap((engine) => (
    MODES.map(({ mode, worker }) => ({ mode: `${mode}, ${engine}`, worker, engine }))))) {
    await t.test(`by TLS of our own, ${mode}`, async () => {
      const page = await stageOf.open({ modules: ['dns'], tls: 'own', worker, engine });
      const tls = { roots: secure.ca };
      assert.equal((await ask(page, { servers: [`tls://${secure.name}`], tls })).by, 'tls');
      assert.equal((await ask(page, { servers: [`tls://${secure.name}`] })).code, 'ECERT_UNTRUSTED');
      assert.equal((await ask(page, { servers: ['tls://other.test'], tls })).code, 'ECERT_HOST');
      assert.equal((await ask(page, { servers: [`${web.origin}/dns-query`] })).by, 'https');
      await page.close();
    });
  }
});

/** Waits for what a server only sees a little later. */
async function gone(done, what) {
  for (const deadline = Date.now() + 5000; !done(); await new Promise((resolve) => setTimeout(resolve, 10))) {
    assert.ok(Date.now() < deadline, what);
  }
}
