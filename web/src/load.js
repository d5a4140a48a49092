// Loading: which modules, in which thread, from where.

import { PageRelay, isSocketMessage } from '../../bridge/relay.js';
import { Client } from './client.js';
import { Engine } from './engine.js';
import { KaiwireError, localError } from './errors.js';
import { Imap } from './imap.js';
import { Irc } from './irc.js';
import { Dns } from './dns.js';
import { chooseSockets, locate, page } from './platform.js';
import { Trust } from './trust.js';

const protocols = { imap: Imap, irc: Irc, dns: Dns, trust: Trust };
/** Modules that are there once; the others are there with the phone's TLS and with our own. */
const SINGLE = ['trust'];
const DEFAULT_TIMEOUT = 30000;

/**
 * @param here     the folder of the script that is running, for the default of options.base
 * @param platform see platform.js
 */
export async function loadFrom(here, options, platform = page) {
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
  if (typeof WebAssembly !== 'object') {
    throw localError('ELOAD', 'this engine has no WebAssembly (KaiOS 2.5 has none)');
  }
  const phone = chooseSockets(platform, options.sockets);
  const base = folder(locate(platform, options.base || here));
  const client = new Client();
  const wanted = options.worker === undefined ? platform.hasWorkers() : options.worker;
  if (wanted && !platform.hasWorkers()) throw localError('ELOAD', 'this host has no workers');
  client.engine = wanted
    ? new WorkerEngine(phone, client, base, options)
    : new Engine(phone, client, { framing: options.framing, yields: true, read: platform.read });
  const wire = new Wire(client);
  let timer;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(localError('ETIMEDOUT', 'loading ' + base)), options.timeout || DEFAULT_TIMEOUT);
  });
  try {
    await Promise.race([late, Promise.all(modules.map((name) => client.engine.load(name, base + file(name, tls))))]);
  } catch (error) {
    client.engine.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  for (const name of modules) wire[name] = new protocols[name](client);
  if (options.nameServers) client.names = await wire.dns.resolver({ servers: options.nameServers });
  return wire;
}

function file(name, tls) {
  return (tls === 'own' && SINGLE.indexOf(name) < 0 ? name + '-tls' : name) + '.wasm';
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
    this.client = client;
    this.loads = new Map();
    this.url = base + 'kaiwire-worker.js';
    this.worker = new Worker(this.url);
    this.relay = new PageRelay(phone, (message, transfer) => this.worker.postMessage(message, transfer || []));
    this.worker.onmessage = ({ data }) => this.receive(data);
    this.worker.onerror = (event) => this.failed(event);
    this.worker.postMessage(['start', options.framing, this.relay.offers]);
  }

  load(name, url) {
    return new Promise((resolve, reject) => {
      this.loads.set(name, { resolve, reject });
      this.worker.postMessage(['load', name, url]);
    });
  }

  receive(message) {
    if (isSocketMessage(message)) {
      this.relay.receive(message);
      return;
    }
    if (!Array.isArray(message)) return;
    const [operation, ...rest] = message;
    if (operation === 'loaded') {
      const [name, error] = rest;
      const waiting = this.loads.get(name);
      if (!waiting) return;
      this.loads.delete(name);
      if (error) waiting.reject(new KaiwireError(error));
      else waiting.resolve();
    } else if (operation === 'reply' || operation === 'event' || operation === 'exit') {
      this.client[operation](...rest);
    }
  }

  failed(event) {
    event.preventDefault();
    const where = event.filename ? `${event.filename}:${event.lineno}` : this.url;
    if (this.loads.size > 0) {
      const error = localError('ELOAD', `${event.message || 'no answer'} (${where})`,
        `The worker could not be started from ${this.url}.`);
      this.loads.forEach(({ reject }) => reject(error));
      this.loads.clear();
      return;
    }
    this.client.fail(localError('EPANIC', `${event.message} (${where})`));
  }

  invoke(module, id, method, handle, json, bytes) {
    // The app keeps its bytes: they are copied, not transferred.
    this.worker.postMessage(['invoke', module, id, method, handle, json, bytes || null]);
  }

  cancel(module, id) {
    this.worker.postMessage(['cancel', module, id]);
  }

  close() {
    this.relay.stop();
    this.worker.terminate();
  }
}
