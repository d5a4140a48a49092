// The Go modules of one thread. In page mode it runs in the page; in worker
// mode in the worker, behind the same methods.

import { Host } from '../../bridge/host.js';
import { Crossing } from '../../wasm/call/call.js';
import { localError } from './errors.js';
import { newGo } from './runtimes.js';

export class Engine {
  /**
   * @param phone   opens sockets
   * @param sink    {deliver(module, list), see wasm/call/call.js, exit(module, detail)}; after exit there is nothing of
   *                the module any more, and it may be loaded again
   * @param options {framing, yields: whether this thread is the page's, read(url): an ArrayBuffer, where a page's way
   *                to get a file is not there}
   */
  constructor(phone, sink, options) {
    this.phone = phone;
    this.sink = sink;
    this.options = options;
    this.modules = new Map();
    this.closed = false;
  }

  /** Loads a module from a URL and starts it; compiler is one of ENGINES. Rejects with a KaiwireError ELOAD. */
  async load(name, url, compiler) {
    const go = newGo(compiler);
    const host = new Host(this.phone, this.options);
    const crossing = new Crossing(host, (list) => { if (runs()) this.sink.deliver(name, list); });
    const entry = { crossing, host };
    const runs = () => this.modules.get(name) === entry;
    host.attach(go, crossing.imports());
    let instance;
    try {
      instance = compiler === 'js'
        ? go.instantiate(await program(url))
        : await instantiate(url, go.importObject, this.options.read);
    } catch (error) {
      throw localError('ELOAD', `${url}: ${error.message}`, `The module "${name}" could not be loaded from ${url}.`);
    }
    if (this.closed) throw localError('ECLOSED');
    this.drop(name);
    this.modules.set(name, entry);
    const gone = (why) => { if (runs()) this.broken(name, host.lastWords || why); };
    host.start(instance).then((status) => gone('exit status ' + status), (error) => gone(String(error)));
    if (host.stopped || typeof instance.exports.kaiwire_invoke !== 'function') {
      this.drop(name);
      throw localError('ELOAD', host.lastWords || `${url} is not a module of kaiwire`);
    }
  }

  invoke(module, id, method, handle, json, bytes) {
    const entry = this.modules.get(module);
    if (entry) entry.crossing.invoke(id, method, handle, json, bytes);
  }

  cancel(module, id) {
    const entry = this.modules.get(module);
    if (entry) entry.crossing.cancel(id);
  }

  /** A module has ended, or is not to be trusted any more. */
  broken(name, detail) {
    this.drop(name);
    this.sink.exit(name, detail);
  }

  /** Closes a module's sockets and forgets it; its memory goes with it. */
  drop(name) {
    const entry = this.modules.get(name);
    if (!entry) return;
    this.modules.delete(name);
    entry.host.stop();
  }

  close() {
    this.closed = true;
    this.modules.forEach((entry, name) => this.drop(name));
  }
}

/** A module from a URL; read(url) in place of a page's way to get it. */
export async function instantiate(url, imports, read) {
  const binary = await (read || get)(url);
  const { instance } = await WebAssembly.instantiate(binary, imports);
  return instance;
}

/** What the script at a URL has registered; see wasm/js/make.mjs. An app may have it run before. */
async function program(url) {
  const name = url.replace(/^.*\/|\.js$/g, '');
  const find = () => self.kaiwireModules && self.kaiwireModules[name];
  if (!find()) await run(url);
  if (typeof find() !== 'function') throw new Error('it is not a module of kaiwire');
  return find();
}

async function run(url) {
  if (typeof importScripts === 'function') importScripts(url);
  else await element(url);
}

function element(url) {
  return new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.onload = resolve;
    script.onerror = () => reject(new Error('it is not there, or may not be run'));
    script.src = url;
    document.head.appendChild(script);
  });
}

// Not fetch and instantiateStreaming: inside a package there may be no MIME
// type, and on app: URLs a missing file has no status worth reading.
function get(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', url);
    request.responseType = 'arraybuffer';
    request.onload = () => {
      if (request.status === 200 || (request.status === 0 && request.response)) resolve(request.response);
      else reject(new Error('HTTP status ' + request.status));
    };
    request.onerror = () => reject(new Error('it is not there, or may not be read'));
    request.send();
  });
}
