// IMAP as the app sees it; see index.d.ts.

import { surface } from './errors.js';
import { explain } from './explain.js';
import { Handle } from './handle.js';

export class Imap {
  constructor(client) {
    this._client = client;
  }

  async connect(options) {
    const { value } = await this._client.call('imap', 'connect', 0, options, options, { opens: true })
      .catch((error) => explain(this._client, error, options.host));
    return new ImapSession(this._client, value);
  }
}

function set(messages) {
  return Array.isArray(messages) ? messages.join(',') : String(messages);
}

class ImapSession extends Handle {
  constructor(client, { handle, capabilities, mailbox }) {
    super(client, 'imap', handle);
    this.capabilities = capabilities;
    this.mailbox = mailbox;
  }

  _event(name, value) {
    if (name === 'exists' && this.mailbox) this.mailbox.exists = value.count;
    if (name === 'expunge' && this.mailbox) this.mailbox.exists--;
    super._event(name, value);
  }

  async list(reference, pattern, options) {
    const args = { reference: reference || '', pattern: pattern || '*' };
    return (await this._call('list', args, options)).value;
  }

  async select(mailbox, options) {
    const args = Object.assign({}, options, { mailbox });
    this.mailbox = (await this._call('select', args, options)).value;
    return this.mailbox;
  }

  async status(mailbox, options) {
    return (await this._call('status', { mailbox }, options)).value;
  }

  async fetch(messages, query) {
    const args = Object.assign({}, query, { set: set(messages), onMessages: undefined });
    const all = [];
    const onPart = (records, bytes) => {
      for (const record of records) revive(record, bytes);
      if (!query || !query.onMessages) {
        for (const record of records) all.push(record);
        return;
      }
      try {
        query.onMessages(records);
      } catch (error) {
        surface(error);
      }
    };
    await this._call('fetch', args, query, { onPart });
    return all;
  }

  async download(message, part, options) {
    const args = Object.assign({}, options, { message, part: part || '' });
    const { value } = await this._call('download', args, options, { opens: true });
    return new Download(this._client, value);
  }

  async search(query, options) {
    return (await this._call('search', { query: normal(query), byUid: !!(options && options.uid) }, options)).value;
  }

  async store(messages, action, flags, options) {
    await this._call('store', Object.assign({}, options, { set: set(messages), action, flags }), options);
  }

  async append(mailbox, message, options) {
    const bytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
    return (await this._call('append', Object.assign({}, options, { mailbox }), options, { bytes })).value;
  }

  async copy(messages, mailbox, options) {
    return (await this._call('copy', Object.assign({}, options, { set: set(messages), mailbox }), options)).value;
  }

  async move(messages, mailbox, options) {
    return (await this._call('move', Object.assign({}, options, { set: set(messages), mailbox }), options)).value;
  }

  async expunge(options) {
    await this._call('expunge', {}, options);
  }

  async idle(options) {
    await this._call('idle', {}, options);
    return { stop: async () => { if (!this.closed) await this._call('idleStop'); } };
  }

  async noop(options) {
    await this._call('noop', {}, options);
  }

  async logout(options) {
    await this._call('logout', {}, options);
  }
}

class Download extends Handle {
  constructor(client, { handle, size }) {
    super(client, 'imap', handle);
    this.size = size;
  }

  async read(options) {
    const { value, bytes } = await this._call('read', {}, options);
    return value.end ? null : bytes;
  }
}

/** Bytes arrive beside the record, which has [offset, length] where they belong. */
function revive(record, bytes) {
  if (record.headers) record.headers = cut(record.headers, bytes);
  if (record.bodyParts) {
    for (const name of Object.keys(record.bodyParts)) record.bodyParts[name] = cut(record.bodyParts[name], bytes);
  }
}

function cut([offset, length], bytes) {
  return length === 0 ? new Uint8Array(0) : bytes.slice(offset, offset + length);
}

/** Message sets in a search may be written in any of the forms that are taken elsewhere. */
function normal(query) {
  const copy = Object.assign({}, query);
  if (copy.seq !== undefined) copy.seq = set(copy.seq);
  if (copy.uid !== undefined) copy.uid = set(copy.uid);
  if (copy.not) copy.not = normal(copy.not);
  if (copy.or) copy.or = copy.or.map(normal);
  return copy;
}
