// IMAP as the app sees it; see index.d.ts.

import { Download } from './download.js';
import { surface } from './errors.js';
import { explain } from './explain.js';
import { Handle } from './handle.js';

export class Imap {
  constructor(client) {
    this._client = client;
  }

  async connect(options) {
    const { value } = await this._client.call('mail', 'imap.connect', 0, options, options, { opens: true })
      .catch((error) => explain(this._client, error, options.host));
    return new ImapSession(this._client, value);
  }
}

/** A message set as IMAP writes it. Neighbours become a range, as servers limit the length of a line. */
function set(messages) {
  if (!Array.isArray(messages)) return String(messages);
  const ranges = [];
  for (let i = 0, j; i < messages.length; i = j + 1) {
    for (j = i; messages[j + 1] === messages[j] + 1;) j++;
    ranges.push(i === j ? messages[i] : `${messages[i]}:${messages[j]}`);
  }
  return ranges.join(',');
}

/** How many numbers a set has that comes from a server. */
function sizeOf(text) {
  let size = 0;
  for (const range of text.split(',')) {
    const [first, last] = range.split(':').map(Number);
    size += (last || first) - first + 1;
  }
  return size;
}

const toBytes = (message) => (typeof message === 'string' ? new TextEncoder().encode(message) : message);

class ImapSession extends Handle {
  constructor(client, { handle, capabilities, mailbox }) {
    super(client, 'mail', handle);
    this.capabilities = capabilities;
    this.mailbox = mailbox;
  }

  _event(name, value) {
    if (name === 'reconnect') {
      this.capabilities = value.capabilities;
      this.mailbox = value.mailbox;
    }
    const { mailbox } = this;
    if (mailbox) {
      if (name === 'exists') mailbox.exists = value.count;
      if (name === 'expunge') mailbox.exists--;
      if (name === 'vanished' && !value.earlier) mailbox.exists = Math.max(0, mailbox.exists - sizeOf(value.uids));
    }
    super._event(name, value);
  }

  async has(capability, options) {
    return (await this._call('has', { capability }, options)).value;
  }

  async id(own, options) {
    return (await this._call('id', { own }, options)).value;
  }

  async namespace(options) {
    return (await this._call('namespace', {}, options)).value;
  }

  async enable(capabilities, options) {
    await this._call('enable', { capabilities }, options);
  }

  async list(reference, pattern, options) {
    const patterns = [].concat(pattern || '*');
    return (await this._call('list', Object.assign({}, options, { reference: reference || '', patterns }), options)).value;
  }

  async select(mailbox, options) {
    this.mailbox = null;
    this.mailbox = (await this._call('select', Object.assign({}, options, { mailbox }), options)).value;
    return this.mailbox;
  }

  async unselect(options) {
    await this._call('unselect', {}, options);
    this.mailbox = null;
  }

  async closeMailbox(options) {
    await this._call('closeMailbox', {}, options);
    this.mailbox = null;
  }

  async sync(mailbox, state, options) {
    this.mailbox = null;
    const { value } = await this._call('sync', Object.assign({}, options, { mailbox, state: state || '' }), options);
    this.mailbox = value.mailbox;
    return value;
  }

  async create(mailbox, options) {
    await this._call('create', Object.assign({}, options, { mailbox }), options);
  }

  async rename(mailbox, name, options) {
    await this._call('rename', { mailbox, name }, options);
  }

  async delete(mailbox, options) {
    await this._call('delete', { mailbox }, options);
  }

  async subscribe(mailbox, options) {
    await this._call('subscribe', { mailbox }, options);
  }

  async unsubscribe(mailbox, options) {
    await this._call('unsubscribe', { mailbox }, options);
  }

  async status(mailbox, options) {
    return (await this._call('status', Object.assign({}, options, { mailbox }), options)).value;
  }

  async fetch(messages, query) {
    const args = Object.assign({}, query, { set: set(messages), onMessages: undefined });
    if (args.preview) Object.assign(args, { preview: true, lazy: args.preview === 'lazy' });
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

  async open(uid, options) {
    const { value } = await this._call('open', Object.assign({}, options, { uid }), options);
    for (const attachment of value.attachments) {
      attachment.download = (options) => this.download(uid, attachment.part, Object.assign({}, options, { uid: true }));
    }
    return value;
  }

  async search(query, options) {
    return (await this._call('search', searchArgs(query, options), options)).value;
  }

  async sort(by, query, options) {
    const args = Object.assign(searchArgs(query, options), { by: [].concat(by) });
    return (await this._call('sort', args, options)).value;
  }

  async thread(algorithm, query, options) {
    const args = Object.assign(searchArgs(query, options), { algorithm });
    return (await this._call('thread', args, options)).value;
  }

  async store(messages, action, flags, options) {
    const args = Object.assign({}, options, { set: set(messages), action, flags });
    return (await this._call('store', args, options)).value;
  }

  async storeLabels(messages, action, labels, options) {
    await this._call('storeLabels', Object.assign({}, options, { set: set(messages), action, labels }), options);
  }

  async append(mailbox, message, options) {
    const extra = { bytes: toBytes(message) };
    return (await this._call('append', Object.assign({}, options, { mailbox }), options, extra)).value;
  }

  async appendAll(mailbox, messages, options) {
    const all = messages.map(({ message }) => toBytes(message));
    const bytes = new Uint8Array(all.reduce((size, one) => size + one.length, 0));
    all.reduce((at, one) => {
      bytes.set(one, at);
      return at + one.length;
    }, 0);
    const said = messages.map((one, i) => Object.assign({}, one, { message: undefined, size: all[i].length }));
    return (await this._call('appendAll', { mailbox, messages: said }, options, { bytes })).value;
  }

  async appendLimit(mailbox, options) {
    return (await this._call('appendLimit', { mailbox }, options)).value;
  }

  async replace(message, mailbox, content, options) {
    const args = Object.assign({}, options, { set: set(message), mailbox });
    return (await this._call('replace', args, options, { bytes: toBytes(content) })).value;
  }

  async copy(messages, mailbox, options) {
    return (await this._call('copy', Object.assign({}, options, { set: set(messages), mailbox }), options)).value;
  }

  async move(messages, mailbox, options) {
    return (await this._call('move', Object.assign({}, options, { set: set(messages), mailbox }), options)).value;
  }

  async expunge(options) {
    const uids = options && options.uids;
    await this._call('expunge', { uids: uids === undefined ? undefined : set(uids) }, options);
  }

  async quota(mailbox, options) {
    return (await this._call('quota', { mailbox: mailbox || 'INBOX' }, options)).value;
  }

  async setQuota(root, limits, options) {
    const list = Object.keys(limits).map((type) => ({ type, limit: limits[type] }));
    return (await this._call('setQuota', { root, limits: list }, options)).value;
  }

  async acl(mailbox, options) {
    return (await this._call('acl', { mailbox }, options)).value;
  }

  async myRights(mailbox, options) {
    return (await this._call('myRights', { mailbox }, options)).value;
  }

  async setAcl(mailbox, identifier, rights, options) {
    await this._call('setAcl', { mailbox, identifier, rights }, options);
  }

  async deleteAcl(mailbox, identifier, options) {
    await this._call('deleteAcl', { mailbox, identifier }, options);
  }

  async metadata(mailbox, entries, options) {
    const args = { mailbox, entries: [].concat(entries), maxSize: options && options.maxSize };
    if (options && options.depth !== undefined) args.depth = String(options.depth);
    return (await this._call('metadata', args, options)).value;
  }

  async setMetadata(mailbox, values, options) {
    const list = Object.keys(values).map((entry) => ({ entry, value: values[entry] }));
    await this._call('setMetadata', { mailbox, values: list }, options);
  }

  async notify(groups, options) {
    await this._call('notify', Object.assign({}, options, { groups }), options);
  }

  async idle(options) {
    await this._call('idle', {}, options);
    return { stop: async () => { if (!this.closed) await this._call('idleStop'); } };
  }

  async retry(options) {
    await this._call('retry', {}, options);
  }

  async noop(options) {
    await this._call('noop', {}, options);
  }

  async unauthenticate(auth, options) {
    await this._call('unauthenticate', { auth }, options);
    this.mailbox = null;
  }

  async logout(options) {
    await this._call('logout', {}, options);
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

/** What a search, a sort and a making of threads have in common. */
function searchArgs(query, options) {
  const args = Object.assign({}, options, { query: normal(query) });
  // A part of the result stands among the words as its range.
  if (args.returnOptions) args.returnOptions = args.returnOptions.map((one) => one.partial || one);
  return args;
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
