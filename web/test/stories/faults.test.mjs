// What goes wrong ends in a coded error within the call's time; the page stays
// alive, and the next connection works.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing } from '../requirements.mjs';
import * as dovecot from '../servers/dovecot.mjs';
import * as ngircd from '../servers/ngircd.mjs';
import { freePort } from '../servers/process.mjs';
import * as unbound from '../servers/unbound.mjs';
import { lookup } from '../servers/zone.mjs';
import * as hostile from './hostile.mjs';
import { enginesOf, modesOf, openStage } from './stage.mjs';

/** A call's time, in ms, where waiting is what the server makes it do. */
const TIMEOUT = 3000;
/** Its time where the server does something: a machine that has others to serve may be late in doing it. */
const PATIENCE = 20_000;
/** How much later than its time a call may end on such a machine, in ms. */
const LATENESS = 7000;

// How each protocol begins, and what a server that goes wrong says to it.
const PROTOCOLS = {
  imap: {
    port: 143,
    mid: hostile.closesMidAnswer('* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\r\n', '* CAPABILI'),
    garbage: hostile.answers('\x00\xff\x13 no IMAP\r\n', ''),
  },
  irc: {
    port: 6667,
    mid: hostile.closesMidAnswer('', ':irc.test 001 an'),
    garbage: hostile.answers('', Buffer.alloc(100_000, 0xfe)), // one line without end
  },
  dns: {
    port: 53,
    mid: hostile.closesMidAnswer('', Buffer.of(0, 100, 1, 2)),
    garbage: hostile.answers('', Buffer.alloc(64, 0)), // frames without content
  },
};

const CASES = [
  { name: 'a name that does not exist', host: 'absent.invalid', code: () => ['ECONNREFUSED'] },
  { name: 'a port where nobody listens', host: 'refused.test', code: () => ['ECONNREFUSED'] },
  { name: 'a server that is silent', host: 'silent.test', waits: true, code: () => ['ETIMEDOUT'] },
  { name: 'one that closes in the middle of an answer', host: 'mid.test', code: () => ['ECONNRESET'] },
  // An endless line is cut off at the limit.
  { name: 'one that sends garbage', host: 'garbage.test', code: (protocol) => (protocol === 'irc' ? ['ELIMIT'] : ['EPROTO']) },
  { name: 'an unanswered SYN', host: 'silent.test', fault: 'black-hole', waits: true, code: () => ['ETIMEDOUT'] },
  { name: 'a reset in the middle of a line', host: 'good.test', fault: { name: 'reset-mid-line', bytes: 5 }, code: () => ['ECONNRESET'] },
];

/** What a phone's network does on a bad day, and nobody may notice. */
const TRIALS = ['one-byte-at-a-time', 'big-chunks', 'slow-drain'];

test('faults', { skip: missing('firefox-esr', 'dovecot', 'ngircd', 'unbound', 'openssl') }, async (t) => {
  const servers = {};
  for (const [protocol, { start }] of Object.entries({ imap: dovecot, irc: ngircd, dns: unbound })) {
    servers[protocol] = await start();
    t.after(servers[protocol].stop);
  }
  const hosts = {};
  const silent = {};
  for (const [protocol, { port, mid, garbage }] of Object.entries(PROTOCOLS)) {
    hosts[`good.test:${port}`] = `127.0.0.1:${servers[protocol].port}`;
    hosts[`refused.test:${port}`] = `127.0.0.1:${await freePort()}`;
    hosts[`absent.invalid:${port}`] = `absent.invalid:${port}`;
    for (const [name, behave] of Object.entries({ silent: hostile.silent, mid, garbage })) {
      const server = await hostile.start(behave);
      t.after(server.stop);
      hosts[`${name}.test:${port}`] = `127.0.0.1:${server.port}`;
      if (name === 'silent') silent[protocol] = server;
    }
  }
  const stageOf = await openStage(t, { hosts });
  const auth = { user: servers.imap.user, pass: servers.imap.pass };

  for (const { mode, worker, engine } of modesOf()) {
    const protocols = Object.keys(PROTOCOLS).filter((protocol) => enginesOf(protocol).includes(engine));
    if (protocols.length === 0) continue;
    await t.test(mode, async (t) => {
      const page = await stageOf.open({ modules: protocols, worker, engine });
      await page.run('ways to use each protocol', (auth) => {
        const { wire } = stage;
        let nicks = 0;
        stage.held.use = {
          imap: async (host, timeout) => {
            const session = await wire.imap.connect({ host, security: 'none', auth, timeout });
            await session.logout();
            return 'welcome';
          },
          irc: async (host, timeout) => {
            const session = await wire.irc.connect({ host, security: 'none', nick: `kai${++nicks}`, timeout });
            await session.quit();
            return 'welcome';
          },
          dns: async (host, timeout) => {
            const resolver = await wire.dns.resolver({ servers: [host], timeout });
            try {
              return (await resolver.resolve4('mail.kaiwire.test', { timeout })).join();
            } finally {
              await resolver.close();
            }
          },
        };
        // How often a timer has run while a call was under way.
        stage.held.ticking = async (call) => {
          let ticks = 0;
          const timer = setInterval(() => ticks++, 10);
          const outcome = await stage.outcome(call());
          clearInterval(timer);
          return { ...outcome, ticks };
        };
      }, [auth]);

      const welcome = { imap: 'welcome', irc: 'welcome', dns: lookup('mail.kaiwire.test', 'A').flat().join() };
      const worksAgain = async (protocol) => {
        const { value, error } = await page.run(`${protocol} again`, (protocol, timeout) =>
          stage.outcome(stage.held.use[protocol]('good.test', timeout)), [protocol, PATIENCE]);
        assert.equal(value, welcome[protocol], JSON.stringify(error));
      };
      const endsIn = ({ error, value, elapsed, ticks }, codes, protocol, timeout) => {
        assert.ok(error, `it succeeded: ${value}`);
        assert.ok(codes.includes(error.code), `${error.code}, not ${codes}: ${error.message}`);
        assert.deepEqual([error.name, error.protocol], ['KaiwireError', protocol]);
        assert.ok(['now', 'later', 'never'].includes(error.retry));
        assert.ok(elapsed < timeout + LATENESS, `after ${elapsed} ms`);
        // Few, as the machine has others to serve; a page that stands still has none, and the stage tells for how long.
        assert.ok(ticks >= Math.floor(elapsed / 1000), `${ticks} ticks in ${elapsed} ms`);
      };

      for (const protocol of protocols) {
        const { port } = PROTOCOLS[protocol];
        for (const { name, host, fault, waits, code } of CASES) {
          await t.test(`${protocol}: ${name}`, async () => {
            const timeout = waits ? TIMEOUT : PATIENCE;
            const outcome = await page.run(name, async (protocol, host, timeout, address, fault) => {
              stage.network.set(address, fault);
              const outcome = await stage.held.ticking(() => stage.held.use[protocol](host, timeout));
              stage.network.set(address, null);
              return outcome;
            }, [protocol, host, timeout, `${host}:${port}`, fault ?? null]);
            endsIn(outcome, code(protocol), protocol, timeout);
            await worksAgain(protocol);
          });
        }
      }

      for (const protocol of protocols) {
        const { port } = PROTOCOLS[protocol];
        for (const fault of TRIALS) {
          await t.test(`${protocol}: ${fault} is borne`, async () => {
            await page.run(fault, (address, fault) => stage.network.set(address, fault), [`good.test:${port}`, fault]);
            await worksAgain(protocol);
            await page.run('no fault', (address) => stage.network.set(address, null), [`good.test:${port}`]);
          });
        }
      }

      if (protocols.includes('imap')) {
        await t.test('imap: a wrong password', async () => {
          const outcome = await page.run('wrong password', (auth, timeout) => stage.held.ticking(() =>
            stage.wire.imap.connect({ host: 'good.test', security: 'none', auth, timeout })), [{ ...auth, pass: 'wrong' }, PATIENCE]);
          endsIn(outcome, ['EAUTH'], 'imap', PATIENCE);
          assert.equal(outcome.error.retry, 'never');
          await worksAgain('imap');
        });

        await t.test('imap: a call that the app cancels', async () => {
          const outcome = await page.run('cancel', (auth, timeout) => stage.held.ticking(() => {
            const controller = new AbortController();
            setTimeout(() => controller.abort(), 200);
            return stage.wire.imap.connect({ host: 'silent.test', security: 'none', auth, timeout, signal: controller.signal });
          }), [auth, PATIENCE]);
          endsIn(outcome, ['ABORT_ERR'], 'imap', TIMEOUT);
          assert.ok(outcome.elapsed < PATIENCE, `after ${outcome.elapsed} ms`);
          await worksAgain('imap');
        });
      }

      for (const protocol of protocols.filter((protocol) => protocol !== 'dns')) {
        await t.test(`${protocol}: a tunnel that is cut`, async () => {
          await page.run('open', async (protocol, auth) => {
            const session = await stage.wire[protocol].connect({ host: 'good.test', security: 'none', auth, nick: 'cut' });
            stage.held.session = session;
            stage.held.closed = new Promise((resolve) => session.once('close', resolve));
          }, [protocol, protocol === 'imap' ? auth : undefined]);
          assert.equal(stageOf.relay.cut(`good.test:${PROTOCOLS[protocol].port}`), 1);
          const { end, after } = await page.run('cut', async (protocol) => {
            const { session, closed } = stage.held;
            const { error } = await closed;
            return { end: error && error.code, after: await stage.outcome(protocol === 'imap' ? session.noop() : session.ping()) };
          }, [protocol]);
          assert.equal(end, 'ECONNRESET');
          assert.equal(after.error.code, 'ECLOSED');
          await worksAgain(protocol);
        });

        await t.test(`${protocol}: cut during a call`, async () => {
          const connected = silent[protocol].nextConnection();
          await page.run('call', (protocol, timeout) => {
            stage.held.outcome = stage.outcome(stage.held.use[protocol]('silent.test', timeout));
          }, [protocol, PATIENCE]);
          await connected;
          assert.equal(stageOf.relay.cut(`silent.test:${PROTOCOLS[protocol].port}`), 1);
          const { error } = await page.run('outcome', () => stage.held.outcome);
          // The phone may not have been told yet that it is connected.
          assert.ok(['ECONNRESET', 'ECONNREFUSED'].includes(error.code), error.code);
          await worksAgain(protocol);
        });
      }

      await page.close();
    });
  }
});
