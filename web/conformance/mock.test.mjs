// The script on the mock alone, where a fact hangs on what crosses the relay in which order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launch } from '../test/browser.mjs';
import { missing } from '../test/requirements.mjs';
import { observeMock } from './observe.mjs';
import { startServers } from './servers.mjs';

test('listening on the mock of a phone', { skip: missing('firefox-esr', 'openssl') }, async (t) => {
  const servers = await startServers();
  t.after(servers.close);
  const browser = await launch();
  t.after(browser.close);
  const { server_socket: facts } = await observeMock(browser, servers, { profile: 'kaios25', only: ['server_socket'] });
  assert.equal(facts['the group'], undefined);
  assert.equal(facts['listen on a port in use'], '[object TCPServerSocket]');
  assert.equal(facts['dial after close()'], 'ECONNREFUSED', 'who came too late has not got the port');
});
