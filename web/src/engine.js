// The Go modules of one thread. In page mode it runs in the page; in worker
// mode in the worker, behind the same methods.

import { Host } from '../../bridge/host.js';
import { Crossing } from '../../wasm/call/call.js';
import { localError } from './errors.js';

export class Engine {
  /**
   * @param phone   opens sockets
   * @param sink    {reply(module, id, kind, json, bytes), event(module, handle, json), exit(module, detail)}
   * @param options {framing, yields: whether this thread is the page's, read(url): an ArrayBuffer, where a page's way
   *                to get a file is not there}
   */
  constructor(phone, sink, options) {
    this.phone = phone;
    this.sink = sink;
    this.options = options;
    this.modules = new Map();
  }

  /** Loads a module from a URL and starts it. Rejects with a KaiwireError ELOAD. */
  async load(name, url) {
    const go = new Go();
    const host = new Host(this.phone, this.options);
    const crossing = new Crossing(host, {
      reply: (id, kind, json, bytes) => this.sink.reply(name, id, kind, json, bytes),
      event: (handle, json) => this.sink.event(name, handle, json),
    });
    host.attach(go, crossing.imports());
    let instance;
    try {
      instance = await instantiate(url, go.importObject, this.options.read);
    } catch (error) {
      throw localError('ELOAD', `${url}: ${error.message}`, `The module "${name}" could not be loaded from ${url}.`);
    }
    this.modules.set(name, { crossing, host });
    const gone = (detail) => {
      host.stop();
      if (this.modules.delete(name)) this.sink.exit(name, detail);
    };
    host.start(instance).then(() => gone('the program has ended'), (error) => gone(String(error)));
    if (typeof host.object.invoke !== 'function') {
      host.stop();
      this.modules.delete(name);
      throw localError('ELOAD', `${url} is not a module of kaiwire`);
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

  /** Closes all sockets. Go's memory goes with the last reference to the engine. */
  close() {
    this.modules.forEach((entry) => entry.host.stop());
    this.modules.clear();
  }
}

/** A module from a URL; read(url) in place of a page's way to get it. */
export async function instantiate(url, imports, read) {
  const binary = await (read || get)(url);
  const { instance } = await WebAssembly.instantiate(binary, imports);
  return instance;
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
