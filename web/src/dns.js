// DNS as the app sees it; see index.d.ts.

import { surface } from './errors.js';
import { Handle } from './handle.js';

export class Dns {
  constructor(client) {
    this._client = client;
  }

  async resolver(options) {
    const args = Object.assign({}, options, { store: undefined, cache: bounds(options && options.cache) });
    const { value } = await this._client.call(this._module, 'resolver', 0, args, options, { opens: true });
    const resolver = new this._Resolver(this._client, this._module, value);
    const store = options && options.store;
    if (store) await resolver._keep(store);
    return resolver;
  }

  async network(options) {
    const { value } = await this._client.call(this._module, 'network', 0, {}, options, { opens: true });
    return new LocalNetwork(this._client, this._module, value.handle);
  }
}
Dns.prototype._module = 'dns';

export class Dnssec extends Dns {
  async transfer(options) {
    const all = [];
    const onRecords = options && options.onRecords;
    const onPart = (records) => {
      if (!onRecords) {
        for (const record of records) all.push(record);
        return;
      }
      try {
        onRecords(records);
      } catch (error) {
        surface(error);
      }
    };
    const args = Object.assign({}, options, { onRecords: undefined });
    onPart((await this._client.call('dnssec', 'transfer', 0, args, options, { onPart })).value);
    return all;
  }

  async notify(options) {
    await this._client.call('dnssec', 'notify', 0, options, options);
  }

  async update(options) {
    await this._client.call('dnssec', 'update', 0, options, options);
  }
}
Dnssec.prototype._module = 'dnssec';

/** The option cache: false for none. */
function bounds(cache) {
  return cache === false ? { maxSize: 0 } : cache;
}

/**
 * A name as Go takes it: what letters outside ASCII are mapped to, and how they are composed, the platform knows (IDNA is
 * NFKC and small letters, but for characters that no name has).
 */
function normal(name) {
  return typeof name === 'string' && /[^\x00-\x7f]/.test(name) ? name.normalize('NFKC').toLowerCase() : name;
}

class Resolver extends Handle {
  constructor(client, module, { handle }) {
    super(client, module, handle);
    this._store = null;
  }

  /** Takes the cache out of the app's store. A store that fails is no reason not to resolve names. */
  async _keep(store) {
    this._store = store;
    try {
      const saved = await store.get();
      if (saved) await this.restore(saved);
    } catch (error) {
      surface(error);
    }
  }

  async close() {
    const store = this._store;
    this._store = null;
    if (store && !this.closed) {
      try {
        await store.set(await this.save());
      } catch (error) {
        surface(error);
      }
    }
    return super.close();
  }

  query(name, type, options) {
    return this._value('query', { name: normal(name), type }, options);
  }

  lookup(name, options) {
    const { family, all } = options || {};
    const take = (addresses) => {
      const list = addresses.map((address) => ({ address, family: address.indexOf(':') < 0 ? 4 : 6 }));
      return all ? list : list[0];
    };
    return this._call('lookup', { name: normal(name), family }, options, { take });
  }

  resolve4(name, options) { return this._resolve('resolve4', name, options, ({ address }) => address); }
  resolve6(name, options) { return this._resolve('resolve6', name, options, ({ address }) => address); }
  resolveAny(name, options) { return this._resolve('resolveAny', name, options, same); }
  resolveCaa(name, options) {
    return this._resolve('resolveCaa', name, options, ({ critical, tag, value }) => ({ critical, [tag]: value }));
  }
  resolveCname(name, options) { return this._resolve('resolveCname', name, options, ({ target }) => target); }
  resolveHttps(name, options) { return this._resolve('resolveHttps', name, options, same); }
  resolveMx(name, options) { return this._resolve('resolveMx', name, options, same); }
  resolveNaptr(name, options) { return this._resolve('resolveNaptr', name, options, same); }
  resolveNs(name, options) { return this._resolve('resolveNs', name, options, ({ target }) => target); }
  resolvePtr(name, options) { return this._resolve('resolvePtr', name, options, ({ target }) => target); }
  async resolveSoa(name, options) {
    const [{ mname, rname, serial, refresh, retry, expire, minimum }] = await this._resolve('resolveSoa', name, options, same);
    return { nsname: mname, hostmaster: rname, serial, refresh, retry, expire, minttl: minimum };
  }
  resolveSrv(name, options) {
    return this._resolve('resolveSrv', name, options,
      ({ priority, weight, port, target }) => ({ priority, weight, port, name: target }));
  }
  resolveTlsa(name, options) {
    return this._resolve('resolveTlsa', name, options, ({ certUsage, selector, match, data }) =>
      ({ certUsage, selector, match, data: Uint8Array.from(data.match(/../g) || [], (digits) => parseInt(digits, 16)) }));
  }
  resolveTxt(name, options) { return this._resolve('resolveTxt', name, options, ({ entries }) => entries); }
  reverse(ip, options) { return this._resolve('reverse', ip, options, ({ target }) => target); }

  discoverMail(domain, options) {
    return this._value('discoverMail', { domain: normal(domain) }, options);
  }

  discoverChat(domain, options) {
    return this._value('discoverChat', { domain: normal(domain) }, options);
  }

  statistics(options) {
    return this._value('statistics', {}, options);
  }

  async save(options) {
    return (await this._call('save', {}, options)).bytes;
  }

  restore(saved, options) {
    return this._call('restore', {}, options, { bytes: saved, take: (count) => count });
  }

  _resolve(method, name, options, shape) {
    return this._call(method, { name: normal(name) }, options, { take: (list) => list.map(shape) });
  }
}
Dns.prototype._Resolver = Resolver;

class ValidatingResolver extends Resolver {
  validate(name, type, options) {
    return this._value('validate', { name: normal(name), type }, options);
  }
}
Dnssec.prototype._Resolver = ValidatingResolver;

/** Multicast DNS. */
class LocalNetwork extends Handle {
  async browse(type, options) {
    const { value } = await this._call('browse', { type }, options, { opens: true });
    return new Handle(this._client, this._module, value.handle);
  }

  find(instance, options) {
    return this._value('find', { instance }, options);
  }

  lookup(name, options) {
    return this._value('lookup', { name }, options);
  }

  async register(service, options) {
    const { value } = await this._call('register', service, options, { opens: true });
    const registration = new Handle(this._client, this._module, value.handle);
    registration.instance = value.instance;
    return registration;
  }
}

const same = (data) => data;
