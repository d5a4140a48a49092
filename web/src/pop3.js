// POP3 as the app sees it; see index.d.ts.

import { Download } from './download.js';
import { explain } from './explain.js';
import { Handle } from './handle.js';

export class Pop3 {
  constructor(client) {
    this._client = client;
  }

  async connect(options) {
    const { value } = await this._client.call('mail', 'pop3.connect', 0, options, options, { opens: true })
      .catch((error) => explain(this._client, error, options.host));
    return new Pop3Session(this._client, value);
  }
}

class Pop3Session extends Handle {
  constructor(client, { handle, capabilities }) {
    super(client, 'mail', handle);
    this.capabilities = capabilities;
  }

  async stat(options) {
    return (await this._call('stat', {}, options)).value;
  }

  async list(options) {
    return (await this._call('list', {}, options)).value;
  }

  async size(message, options) {
    return (await this._call('size', { message }, options)).value;
  }

  async uidl(options) {
    return (await this._call('uidl', {}, options)).value;
  }

  async top(message, lines, options) {
    return (await this._call('top', { message, lines }, options)).bytes || new Uint8Array(0);
  }

  async retr(message, options) {
    const { value } = await this._call('retr', Object.assign({}, options, { message }), options, { opens: true });
    return new Download(this._client, value);
  }

  async dele(messages, options) {
    await this._call('dele', { messages: [].concat(messages) }, options);
  }

  async rset(options) {
    await this._call('rset', {}, options);
  }

  async noop(options) {
    await this._call('noop', {}, options);
  }

  async quit(options) {
    await this._call('quit', {}, options);
  }
}
