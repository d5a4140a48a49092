// The page in which all benchmarks run, one after the other; run.mjs is its director.
import { install } from '/dist/kaiwire-mock.js';
import * as chat from './chat.js';
import * as datagrams from './datagrams.js';
import * as echo from './echo.js';
import * as engines from './engines.js';
import * as enginesTls from './engines-tls.js';
import * as envelopes from './envelopes.js';
import * as mail from './mail.js';
import { median } from './median.js';
import * as names from './names.js';
import { BenchNetwork } from './network.js';
import * as receive from './receive.js';
import * as send from './send.js';
import * as tls from './tls.js';

/** Each has run(), and where it wants others than the usual ones, the name of the phone's profile and makeNetwork(). */
const benchmarks = { receive, send, echo, datagrams, tls, envelopes, mail, names, chat, engines, 'engines-tls': enginesTls };

/** Runs a benchmark and resolves with its {figures, ratios}. */
window.runBenchmark = async (name, options) => {
  const { run, profile = 'kaios3', makeNetwork = () => new BenchNetwork() } = benchmarks[name];
  const network = makeNetwork(options);
  const phone = install(window, { profile, network });
  const figures = {};
  const ratios = {};
  const figure = (title, unit, runs) => { figures[title] = { unit, value: median(runs), runs }; };
  /** Of runs that took turns with others: each is divided by its neighbour. */
  const ratio = (title, runs, others) => {
    const each = runs.map((value, i) => value / others[i]);
    ratios[title] = median(each);
    figure(`${title}/ratio`, '×', each);
  };
  await run({ network, figure, ratio }, options);
  phone.uninstall();
  return { figures, ratios };
};
document.title = 'ready';
