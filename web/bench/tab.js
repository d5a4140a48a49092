// What a tab has of one engine; tab.html is empty until run.mjs puts this into it.
import { load } from '/dist/kaiwire.js';
import { install } from '/dist/kaiwire-mock.js';
import { hear, IRC, serve } from './chatter.js';
import * as own from './engines-tls.js';
import { BenchNetwork } from './network.js';

const PROFILE = 'kaios3';

/** Loads the chat module and connects, over TLS of our own if that is `tls`; resolves with what lets the server speak. */
export async function start({ engine, tls, lines, ...options }) {
  let session;
  if (tls === 'own') {
    install(window, { profile: PROFILE, network: own.makeNetwork(options) });
    session = await own.connect(await own.start(engine), options.server);
  } else {
    const network = new BenchNetwork();
    install(window, { profile: PROFILE, network });
    serve(network, lines);
    const wire = await load({ modules: ['irc'], engine, worker: false, base: '/dist/' });
    session = await wire.irc.connect(IRC);
  }
  return () => hear(session, lines);
}
