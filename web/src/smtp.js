// SMTP as the app sees it; see index.d.ts.

import { receivedError, surface } from './errors.js';
import { explain } from './explain.js';
import { Handle } from './handle.js';
import { Windows } from './windows.js';

export class Smtp {
  constructor(client) {
    this._client = client;
  }

  async connect(options) {
    const { value } = await this._client.call('mail', 'smtp.connect', 0, options, options, { opens: true })
      .catch((error) => explain(this._client, error, options.host));
    return new SmtpSession(this._client, value);
  }
}

class SmtpSession extends Handle {
  constructor(client, { handle, capabilities, maxSize }) {
    super(client, 'mail', handle);
    this.capabilities = capabilities;
    this.maxSize = maxSize;
  }

  async send(message) {
    const windows = new Windows(message.raw);
    let sent = 0;
    const told = (bytes) => {
      sent += bytes.length;
      if (!message.onProgress) return;
      try {
        message.onProgress({ sent, size: message.size || windows.size });
      } catch (error) {
        surface(error);
      }
    };
    const first = await windows.next();
    const { envelope, dsn, requireTLS, utf8 } = message;
    const args = { envelope: normal(envelope), dsn: dsn && notified(dsn), requireTLS, utf8, size: message.size || windows.size, more: !first.last };
    const begun = await this._call('send', args, message, { bytes: first.bytes, opens: args.more });
    told(first.bytes);
    if (first.last) return outcome(begun.value);
    const rest = new Handle(this._client, 'mail', begun.value.handle);
    try {
      for (;;) {
        const { bytes, last } = await windows.next();
        const { value } = await rest._call('write', { last }, message, { bytes });
        // Before the last of it there is a word from the server only where it takes no more.
        if (value) {
          if (last && !value.error) told(bytes);
          return outcome(value);
        }
        told(bytes);
      }
    } catch (error) {
      windows.cancel();
      await rest.close();
      throw error;
    }
  }

  async noop(options) {
    await this._call('noop', {}, options);
  }

  async reset(options) {
    await this._call('reset', {}, options);
  }

  async quit(options) {
    await this._call('quit', {}, options);
  }
}

function normal(envelope) {
  const { from, to } = envelope || {};
  return { from: from || '', to: [].concat(to || []) };
}

function notified(dsn) {
  return Object.assign({}, dsn, { notify: dsn.notify && [].concat(dsn.notify) });
}

function outcome({ error, accepted, rejected, response, size }) {
  const rejectedErrors = rejected.map((one) => Object.assign(receivedError(one.error), { recipient: one.address }));
  if (error) throw Object.assign(receivedError(error), { rejectedErrors });
  return { accepted, rejected: rejected.map(({ address }) => address), rejectedErrors, response, size };
}
