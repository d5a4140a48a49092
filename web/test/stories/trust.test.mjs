// A server whose authority the phone does not know, as an app meets it: with
// the phone's TLS, with our own, and through trust.check.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect as connectSecure } from 'node:tls';
import { missing } from '../requirements.mjs';
import * as dovecot from '../servers/dovecot.mjs';
import { freePort } from '../servers/process.mjs';
import * as hostile from './hostile.mjs';
import { plain } from './mail.mjs';
import { enginesOf, MODES, openStage } from './stage.mjs';

const TIMEOUT = 30_000;
const AUTHORITY = 'kaiwire test authority';

/** What the server presents, as Node.js sees it. */
async function certificateOf(port) {
  const socket = connectSecure({ port, host: '127.0.0.1', rejectUnauthorized: false });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerX509Certificate();
  } finally {
    socket.destroy();
  }
}

test('trust', { skip: missing('firefox-esr', 'dovecot', 'openssl') }, async (t) => {
  const server = await dovecot.start();
  t.after(server.stop);
  const silent = await hostile.start(hostile.silent);
  t.after(silent.stop);
  const host = server.name;
  const other = 'other.kaiwire.test';
  const stageOf = await openStage(t, {
    hosts: {
      [`${host}:143`]: `127.0.0.1:${server.port}`,
      [`${host}:993`]: `127.0.0.1:${server.tlsPort}`,
      [`${other}:993`]: `127.0.0.1:${server.tlsPort}`,
      [`${other}:1`]: `127.0.0.1:${await freePort()}`,
      [`${other}:2`]: `127.0.0.1:${silent.port}`,
    },
  });
  await server.deliver('alice', 'INBOX', plain);
  const auth = { user: 'alice', pass: server.users.alice };
  const roots = server.ca;
  const connect = async (page, options) => page.run('connect', async (options) => stage.outcome((async () => {
    const session = await stage.wire.imap.connect(options);
    const [message] = await session.fetch(1, { envelope: true });
    await session.logout();
    return message.envelope.messageId;
  })()), [{ host, auth, readOnly: true, timeout: TIMEOUT, ...options }]);
  const check = (page, ...args) => page.run('check', (...args) => stage.outcome(stage.wire.trust.check(...args)), args);

  const engines = enginesOf('trust', 'own').filter((engine) => enginesOf('imap', 'own').includes(engine));
  for (const { mode, worker, engine } of engines.flatMap((engine) => (
    MODES.map(({ mode, worker }) => ({ mode: `${mode}, ${engine}`, worker, engine }))))) {
    await t.test(mode, async (t) => {
      await t.test("the phone's TLS refuses it, and says no more", async () => {
        const page = await stageOf.open({ modules: ['imap'], worker, engine });
        const { error } = await connect(page, {});
        assert.deepEqual([error.code, error.retry, error.trust], ['ECERT', 'never', undefined]);
        const wrong = await connect(page, { tls: { roots } });
        assert.equal(wrong.error.code, 'EINVAL', JSON.stringify(wrong));
        await page.close();
      });

      const page = await stageOf.open({ modules: ['imap', 'trust'], worker, engine, tls: 'own' });
      let certificate;

      await t.test('so does our own, and says what there is to know', async () => {
        const { error } = await connect(page, {});
        assert.deepEqual([error.code, error.protocol, error.retry], ['ECERT_UNTRUSTED', 'imap', 'never'], error.message);
        assert.deepEqual([error.trust.cause, error.trust.culprit, error.trust.chain.length], ['unknown-root', AUTHORITY, 1]);
        ({ certificate } = error.trust);
        assert.deepEqual(certificate, error.trust.chain[0]);
        assert.equal(certificate.subject, `CN=${host}`);
        assert.equal(certificate.issuer, `CN=${AUTHORITY}`);
        assert.deepEqual(certificate.names, [host, 'localhost', '127.0.0.1']);
        assert.ok(Date.parse(certificate.notBefore) < Date.now() && Date.now() < Date.parse(certificate.notAfter));
        const own = await certificateOf(server.tlsPort);
        assert.equal(certificate.fingerprint, own.fingerprint256);
        const key = createHash('sha256').update(own.publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
        assert.equal(certificate.key, key);
      });

      const id = 'plain@kaiwire.test';
      for (const [name, options] of Object.entries({
        'a root that is added': () => ({ tls: { roots } }),
        'a root that is added, by STARTTLS': () => ({ security: 'starttls', tls: { roots } }),
        'a root and a pin': () => ({ tls: { roots, pins: [certificate.key] } }),
        'a key that the person has accepted': () => ({ tls: { known: { [`${host}:993`]: certificate.key } } }),
        'one that was accepted, for another name': () => ({ host: other, tls: { known: { [`${other}:993`]: certificate.key } } }),
      })) {
        await t.test(`${name} cures it`, async () => {
          const outcome = await connect(page, options());
          assert.equal(outcome.value, id, JSON.stringify(outcome));
        });
      }

      const wrongKey = createHash('sha256').update('another').digest('base64');
      for (const [name, code, cause, options] of [
        ['a wrong pin', 'ECERT_PIN', 'pin', { tls: { roots, pins: [wrongKey] } }],
        ['a key that has changed', 'ECERT_PIN', 'changed', { tls: { known: { [`${host}:993`]: wrongKey } } }],
        ['a wrong name', 'ECERT_HOST', 'wrong-host', { host: other, tls: { roots } }],
        ['an authority that is not known, by STARTTLS,', 'ECERT_UNTRUSTED', 'unknown-root', { security: 'starttls' }],
        ['roots that are none', 'EINVAL', undefined, { tls: { roots: 'none' } }],
      ]) {
        await t.test(`${name} is refused`, async () => {
          const { error } = await connect(page, options);
          assert.deepEqual([error?.code, error?.trust?.cause], [code, cause], JSON.stringify(error));
        });
      }

      const none = { certificate: null, chain: [], protocol: null };
      const one = () => ({ certificate, chain: [certificate], protocol: 'TLSv1.3' });
      for (const [name, args, want] of [
        ['the cure', [host, 993, { tls: { roots } }],
          () => ({ phone: 'certificate', own: 'accepted', cause: 'unknown-root', culprit: AUTHORITY, cure: true, ...one() })],
        ['no cure', [host, 993],
          () => ({ phone: 'certificate', own: 'ECERT_UNTRUSTED', cause: 'unknown-root', culprit: AUTHORITY, cure: false, ...one() })],
        ['a wrong name', [other, 993, { tls: { roots } }],
          () => ({ phone: 'certificate', own: 'ECERT_HOST', cause: 'wrong-host', cure: false, ...one() })],
        ['no TLS', [host, 143], () => ({ phone: 'protocol', own: 'ETLS', cause: 'not-tls', cure: false, ...none })],
        ['nobody there', [other, 1], () => ({ phone: 'refused', own: 'ECONNREFUSED', cure: false, ...none })],
        ['a silent server', [other, 2, { timeout: 1000 }], () => ({ phone: 'timeout', own: 'ETIMEDOUT', cure: false, ...none })],
      ]) {
        await t.test(`check tells ${name}`, async () => {
          const outcome = await check(page, ...args);
          assert.deepEqual(outcome.value, want(), JSON.stringify(outcome.error));
        });
      }

      await t.test('check rejects what makes no sense', async () => {
        for (const args of [['', 993], [host, 0], [host], [host, 993, { tls: { pins: ['x'] } }]]) {
          const { error } = await check(page, ...args);
          assert.deepEqual([error?.code, error?.protocol], ['EINVAL', 'trust'], JSON.stringify(args));
        }
      });
      await page.close();

      await t.test('check tells that there are no sockets', async () => {
        const page = await stageOf.open({ modules: ['trust'], worker, engine, permissions: [] });
        const { value, error } = await check(page, host, 993);
        assert.deepEqual(value, { phone: 'unavailable', own: 'EPERM', cure: false, ...none }, JSON.stringify(error));
        const refused = await page.run('load imap', () => stage.outcome(stage.load({ modules: ['trust', 'imap'] })));
        assert.deepEqual([refused.error?.code, refused.error?.retry], ['EPERM', 'never']);
        await page.close();
      });

      await t.test('check tells that a phone which knows the authority accepts', async () => {
        const page = await stageOf.open({ modules: ['trust'], worker, engine, relay: await stageOf.raise(server.ca) });
        const { value, error } = await check(page, host, 993, { tls: { roots } });
        assert.deepEqual(value, { phone: 'accepted', own: 'accepted', cure: false, ...one() }, JSON.stringify(error));
        await page.close();
      });
    });
  }
});
