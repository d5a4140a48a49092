// IRC as the app sees it; see index.d.ts.

import { surface } from './errors.js';
import { explain } from './explain.js';
import { Handle } from './handle.js';

export class Irc {
  constructor(client) {
    this._client = client;
  }

  async connect(options) {
    const sts = (options.sts && await options.sts.get(options.host)) || undefined;
    const { value } = await this._client.call('irc', 'connect', 0, Object.assign({}, options, { sts }), options, { opens: true })
      .catch((error) => explain(this._client, error, options.host));
    return new IrcSession(this._client, value, options.sts);
  }
}

/** What a session follows by itself; see _event. */
const OWN_EVENTS = ['nick', 'account', 'capabilities', 'isupport', 'reconnect', 'sts'];

/** Adds to an event what its tags say: all that a line says about itself crosses once. */
function about(event) {
  const { tags } = event;
  if (!tags) return event;
  if (event.time === undefined) event.time = tags.time;
  if (tags.msgid) event.id = tags.msgid;
  if (tags.account && event.account === undefined) event.account = tags.account;
  if (tags.bot !== undefined) event.bot = true;
  return event;
}

class IrcSession extends Handle {
  constructor(client, { handle, nick, account, capabilities, isupport }, sts) {
    super(client, 'irc', handle, OWN_EVENTS);
    this.nick = nick;
    this.account = account;
    this.capabilities = capabilities;
    this.isupport = isupport;
    this._sts = sts;
  }

  _event(name, value) {
    about(value);
    switch (name) {
      case 'nick':
        if (value.own) this.nick = value.newNick;
        break;
      case 'account':
        if (value.nick === this.nick) this.account = value.account;
        break;
      case 'capabilities':
      case 'isupport':
        this[name] = value[name];
        break;
      case 'reconnect':
        Object.assign(this, value);
        break;
      case 'sts':
        this._remember(value);
        break;
    }
    super._event(name, value);
  }

  async _remember({ host, port, until }) {
    try {
      if (this._sts) await this._sts.set(host, port ? { port, until } : null);
    } catch (error) {
      surface(error);
    }
  }

  join(channel, options) {
    return this._value('join', Object.assign({}, options, { channel }), options);
  }

  async part(channel, reason, options) {
    await this._call('part', { channel, reason }, options);
  }

  send(target, text, options) {
    return this._value('send', Object.assign({}, options, { target, text }), options);
  }

  action(target, text, options) {
    return this._value('action', Object.assign({}, options, { target, text }), options);
  }

  notice(target, text, options) {
    return this._value('notice', Object.assign({}, options, { target, text }), options);
  }

  async typing(target, state, options) {
    await this._call('typing', { target, state }, options);
  }

  async react(target, id, reaction, options) {
    await this._call('react', Object.assign({}, options, { target, id, reaction }), options);
  }

  async redact(target, id, reason, options) {
    await this._call('redact', { target, id, reason }, options);
  }

  async setNick(nick, options) {
    this.nick = (await this._call('setNick', { nick }, options)).value;
  }

  channel(channel, options) {
    return this._value('channel', { channel }, options);
  }

  names(channel, options) {
    return this._value('names', { channel }, options);
  }

  who(mask, options) {
    return this._value('who', { mask }, options);
  }

  async monitor(nicks, options) {
    await this._call('monitor', { nicks }, options);
  }

  async unmonitor(nicks, options) {
    await this._call('unmonitor', { nicks }, options);
  }

  async history(target, options) {
    const { value } = await this._call('history', Object.assign({}, options, { target }), options);
    return value.map(([event, fields]) => Object.assign({ event }, about(fields)));
  }

  historyTargets(from, to, options) {
    return this._value('historyTargets', Object.assign({}, options, { from, to }), options);
  }

  markRead(target, time, options) {
    return this._value('markRead', { target, time }, options);
  }

  readMarker(target, options) {
    return this._value('readMarker', { target }, options);
  }

  registerAccount(password, options) {
    return this._value('registerAccount', Object.assign({}, options, { password }), options);
  }

  async verifyAccount(account, code, options) {
    await this._call('verifyAccount', { account, code }, options);
  }

  networks(options) {
    return this._value('networks', {}, options);
  }

  async command(command, params, options) {
    const { value } = await this._call('command', { command, params: params || [] }, options);
    return value.map(about);
  }

  ping(options) {
    return this._value('ping', {}, options);
  }

  async raw(command, params, options) {
    await this._call('raw', { command, params: params || [] }, options);
  }

  async retry(options) {
    await this._call('retry', {}, options);
  }

  async quit(reason, options) {
    await this._call('quit', { reason }, options);
  }
}
