// DNS as the app sees it; see index.d.ts.

import { Handle } from './handle.js';

export class Dns {
  constructor(client) {
    this._client = client;
  }

  async resolver(options) {
    const { value } = await this._client.call('dns', 'resolver', 0, options, options);
    return new Resolver(this._client, value);
  }
}

class Resolver extends Handle {
  constructor(client, { handle }) {
    super(client, 'dns', handle);
  }

  async query(name, type, options) {
    return (await this._call('query', { name, type }, options)).value;
  }

  resolve4(name, options) { return this._resolve('resolve4', name, options); }
  resolve6(name, options) { return this._resolve('resolve6', name, options); }
  resolveMx(name, options) { return this._resolve('resolveMx', name, options); }
  resolveTxt(name, options) { return this._resolve('resolveTxt', name, options); }
  resolveSrv(name, options) { return this._resolve('resolveSrv', name, options); }
  resolvePtr(name, options) { return this._resolve('resolvePtr', name, options); }
  reverse(ip, options) { return this._resolve('reverse', ip, options); }

  async _resolve(method, name, options) {
    return (await this._call(method, { name }, options)).value;
  }
}
