// IRC as the app sees it; see index.d.ts.

import { explain } from './explain.js';
import { Handle } from './handle.js';

export class Irc {
  constructor(client) {
    this._client = client;
  }

  async connect(options) {
    const { value } = await this._client.call('irc', 'connect', 0, options, options)
      .catch((error) => explain(this._client, error, options.host));
    return new IrcSession(this._client, value);
  }
}

class IrcSession extends Handle {
  constructor(client, { handle, nick, capabilities }) {
    super(client, 'irc', handle);
    this.nick = nick;
    this.capabilities = capabilities;
  }

  _event(name, value) {
    if (name === 'nick' && value.own) this.nick = value.newNick;
    super._event(name, value);
  }

  async join(channel, options) {
    return (await this._call('join', Object.assign({}, options, { channel }), options)).value;
  }

  async part(channel, reason, options) {
    await this._call('part', { channel, reason }, options);
  }

  async send(target, text, options) {
    await this._call('send', { target, text }, options);
  }

  async action(target, text, options) {
    await this._call('action', { target, text }, options);
  }

  async notice(target, text, options) {
    await this._call('notice', { target, text }, options);
  }

  async setNick(nick, options) {
    this.nick = (await this._call('setNick', { nick }, options)).value;
  }

  async ping(options) {
    return (await this._call('ping', {}, options)).value;
  }

  async raw(command, params, options) {
    await this._call('raw', { command, params: params || [] }, options);
  }

  async quit(reason, options) {
    await this._call('quit', { reason }, options);
  }
}
