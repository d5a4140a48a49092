// Loading: which modules, in which thread, from where.

import { noPhone } from '../../bridge/phone.js';
import { PageRelay } from '../../bridge/relay.js';
import { Client } from './client.js';
import { Engine } from './engine.js';
import { localError, receivedError } from './errors.js';
import { Imap } from './imap.js';
import { Mime } from './mime.js';
import { Irc } from './irc.js';
import { Dns, Dnssec } from './dns.js';
import { ENGINES, moduleFile, moduleOf } from './files.js';
import { chooseSockets, locate } from './platform.js';
import { Pop3 } from './pop3.js';
import { engineOf } from './runtimes.js';
import { Smtp } from './smtp.js';
import { Trust } from './trust.js';

const protocols = { imap: Imap, smtp: Smtp, pop3: Pop3, mime: Mime, irc: Irc, dns: Dns, dnssec: Dnssec, trust: Trust };
/** Modules with an answer where there are no sockets; an app with any other can't do what it is there for. */
const WITHOUT_SOCKETS = ['trust', 'mime'];
const DEFAULT_TIMEOUT = 30000;

/**
 * @param here     the folder of the script that is running, for the default of options.base
 * @param platform see platform.js
 */
export async function loadFrom(here, options, platform) {
  const modules = (options && options.modules) || [];
  if (!Array.isArray(modules) || modules.length === 0) {
    throw localError('EINVAL', '', 'load() needs the list of modules that the app uses: {modules: ["imap"]}.');
  }
  for (const name of modules) {
    if (!protocols.hasOwnProperty(name)) {
      throw localError('EINVAL', '', `There is no module "${name}": there are ${Object.keys(protocols).join(', ')}.`);
    }
  }
  if (options.nameServers && modules.indexOf('dns') < 0) {
    throw localError('EINVAL', '', 'The option "nameServers" of load() needs the module "dns".');
  }
  const tls = (options && options.tls) || 'phone';
  if (tls !== 'phone' && tls !== 'own') {
    throw localError('EINVAL', '', 'The option "tls" of load() must be "phone" or "own".');
  }
  const engines = {};
  for (const name of modules) engines[moduleOf(name)] = chooseEngine(name, tls, options.engine);
  const alone = modules.every((name) => WITHOUT_SOCKETS.indexOf(name) >= 0);
  const phone = chooseSockets(platform, options.sockets, alone ? noPhone : null);
  const base = folder(locate(platform, options.base || here));
  const client = new Client();
  const wanted = options.worker === undefined ? platform.hasWorkers() : options.worker;
  if (wanted && !platform.hasWorkers()) throw localError('ELOAD', 'this host has no workers');
  client.engine = wanted
    ? new WorkerEngine(phone, client, base, options)
    : new Engine(phone, client, { framing: options.framing, yields: true, read: platform.read });
  const wire = new Wire(client);
  client.modules = Object.keys(engines);
  client.load = (name) => bounded(
    client.engine.load(name, base + moduleFile(name, tls, engines[name]), engines[name]), options.timeout || DEFAULT_TIMEOUT, base);
  try {
    await Promise.all(client.modules.map((name) => client.load(name)));
  } catch (error) {
    client.engine.close();
    throw error;
  }
  for (const name of modules) wire[name] = new protocols[name](client);
  if (options.nameServers) {
    let resolver = await wire.dns.resolver({ servers: options.nameServers });
    client.names = async () => {
      if (resolver.closed) resolver = await wire.dns.resolver({ servers: options.nameServers });
      return resolver;
    };
  }
  return wire;
}

function bounded(promise, timeout, what) {
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(localError('ETIMEDOUT', 'loading ' + what)), timeout);
  });
  const over = () => clearTimeout(timer);
  promise.then(over, over);
  return Promise.race([promise, late]);
}

function chooseEngine(name, tls, wanted) {
  if (wanted !== undefined && ENGINES.indexOf(wanted) < 0) {
    throw localError('EINVAL', '', `The option "engine" of load() must be one of ${ENGINES.join(', ')}.`);
  }
  const able = typeof WebAssembly === 'object';
  if (!able && wanted && wanted !== 'js') throw localError('ELOAD', 'this browser has no WebAssembly (KaiOS 2.5 has none)');
  const engine = engineOf(name, tls, wanted);
  if (!engine) throw localError('EINVAL', '', `This build of kaiwire has no module "${moduleFile(name, tls, wanted || (able ? 'go' : 'js'))}".`);
  return engine;
}

function folder(url) {
  return url.endsWith('/') ? url : url + '/';
}

class Wire {
  constructor(client) {
    this._client = client;
  }

  close() {
    const client = this._client;
    if (!client.ended) {
      client.ended = localError('ECLOSED');
      client.fail(client.ended);
      client.engine.close();
    }
    return Promise.resolve();
  }
}

/** The engine in a worker, with the methods of Engine. */
class WorkerEngine {
  constructor(phone, client, base, options) {
    this.phone = phone;
    this.client = client;
    this.framing = options.framing;
    this.loads = new Map();
    this.calls = []; // of this turn: they go together
    this.url = base + 'kaiwire-worker.js';
    this.worker = this.relay = null;
  }

  start() {
    const worker = new Worker(this.url);
    this.worker = worker;
    this.relay = new PageRelay(this.phone, (message, transfer) => worker.postMessage(message, transfer || []));
    worker.onmessage = ({ data }) => this.receive(data);
    worker.onerror = (event) => this.failed(event);
    worker.postMessage(['start', this.framing, this.relay.offers]);
  }

  load(name, url, engine) {
    if (!this.worker) this.start();
    return new Promise((resolve, reject) => {
      this.loads.set(name, { resolve, reject });
      this.worker.postMessage(['load', name, url, engine]);
    });
  }

  receive(message) {
    if (this.relay.receive(message) || !Array.isArray(message)) return;
    const [operation, ...rest] = message;
    if (operation === 'loaded') this.loaded(...rest);
    else if (operation === 'deliver' || operation === 'exit') this.client[operation](...rest);
  }

  loaded(name, error) {
    const waiting = this.loads.get(name);
    if (!waiting) return;
    this.loads.delete(name);
    try {
      if (error) waiting.reject(receivedError(error));
      else waiting.resolve();
    } catch (broken) {
      waiting.reject(localError('ELOAD', String(broken)));
    }
  }

  /** An exception that nobody in the worker has caught, or no such script. */
  failed(event) {
    event.preventDefault();
    const where = event.filename ? `${event.filename}:${event.lineno}` : this.url;
    this.broken('', `${event.message || 'no answer'} (${where})`);
  }

  /** Of what sends nonsense nothing is to be trusted, whichever module it was: the next load() starts another worker. */
  broken(name, detail) {
    this.close();
    this.loads.forEach(({ reject }) => reject(localError('ELOAD', detail, `The worker could not be started from ${this.url}.`)));
    this.loads.clear();
    this.client.modules.forEach((module) => this.client.exit(module, detail));
  }

  invoke(module, id, method, handle, json, bytes) {
    if (this.calls.push([module, id, method, handle, json, bytes]) === 1) Promise.resolve().then(() => this.post());
  }

  cancel(module, id) {
    this.invoke(module, id, '', 0, '', null);
  }

  post() {
    const { calls } = this;
    this.calls = [];
    const transfer = [];
    for (const call of calls) if (call[5]) transfer.push(call[5].buffer);
    if (this.worker) this.worker.postMessage(['calls', calls], transfer);
  }

  close() {
    if (!this.worker) return;
    this.relay.stop();
    this.worker.onmessage = this.worker.onerror = null;
    this.worker.terminate();
    this.worker = null;
  }
}
