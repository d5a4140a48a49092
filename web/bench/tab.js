// What a tab has of one engine; tab.html is empty until run.mjs puts this into it.
import { install } from '/dist/kaiwire-mock.js';
import { chat } from './engines.js';
import { BenchNetwork } from './network.js';

export async function start(engine, lines) {
  const network = new BenchNetwork();
  install(window, { profile: 'kaios3', network });
  return chat(network, engine, lines);
}
