// Messages read and written, as the app sees it; see index.d.ts.

import { joined, readerOf } from './bytes.js';
import { surface } from './errors.js';
import { Handle } from './handle.js';

export class Mime {
  constructor(client) {
    this._client = client;
  }

  async parse(source, options) {
    const { onContent, maxText } = options || {};
    const reader = readerOf(source);
    const { value } = await this._client.call('mail', 'mime.parse', 0, { maxText }, options, { opens: true });
    const parser = new Parser(this._client, value);
    const attachments = [];
    const contents = [];
    const take = ({ value, bytes }) => {
      for (const attachment of value.begun) {
        attachments.push(attachment);
        contents.push([]);
      }
      let at = 0;
      for (const [number, length] of value.pieces) {
        const piece = bytes.slice(at, at += length);
        if (!onContent) {
          contents[number].push(piece);
          continue;
        }
        try {
          onContent(attachments[number], piece);
        } catch (error) {
          surface(error);
        }
      }
      return value;
    };
    try {
      for (let chunk; (chunk = await reader.read()) !== null;) take(await parser.write(chunk, options));
      const { message } = take(await parser.end(options));
      // The objects are those that onContent has been told of.
      message.attachments = message.attachments.map((last, i) => Object.assign(attachments[i], last, onContent ? {} : { content: joined(contents[i]) }));
      return message;
    } catch (error) {
      await parser.close();
      throw error;
    }
  }

  async compose(mail, options) {
    const attachments = (mail.attachments || []).map(({ content }) => readerOf(content));
    const args = Object.assign({}, mail, {
      references: typeof mail.references === 'string' ? mail.references.split(/\s+/).filter(Boolean) : mail.references,
      headers: mail.headers && [].concat(...Object.keys(mail.headers).map((name) => [].concat(mail.headers[name]).map((value) => ({ name, value })))),
      attachments: (mail.attachments || []).map((one, i) => Object.assign({}, one, {
        content: undefined, size: attachments[i].size === undefined ? one.size : attachments[i].size })),
    });
    for (const field of ['from', 'sender', 'replyTo', 'to', 'cc', 'bcc']) args[field] = addresses(mail[field]);
    const { value } = await this._client.call('mail', 'mime.compose', 0, args, options, { opens: true });
    return new ComposedMessage(this._client, value, attachments);
  }
}

class Parser extends Handle {
  constructor(client, { handle }) {
    super(client, 'mail', handle);
  }

  write(bytes, options) {
    return this._call('write', {}, options, { bytes });
  }

  end(options) {
    return this._call('end', {}, options);
  }
}

class ComposedMessage extends Handle {
  constructor(client, { handle, size, envelope, messageId, utf8, eightBit }, attachments) {
    super(client, 'mail', handle);
    Object.assign(this, { size, envelope, messageId, utf8, eightBit });
    this._attachments = attachments;
  }

  async read(options) {
    let attachment;
    let last;
    let more = null;
    for (;;) {
      const { value, bytes } = await this._call('read', { attachment, last }, options, { bytes: more });
      if (value.end) return null;
      if (value.attachment === undefined) return bytes;
      attachment = value.attachment;
      more = await this._attachments[attachment].read();
      last = more === null;
    }
  }

  async bytes(options) {
    const chunks = [];
    for (let chunk; (chunk = await this.read(options)) !== null;) chunks.push(chunk);
    return joined(chunks);
  }
}

/** One address or several, each as Go takes it. */
function addresses(list) {
  if (list === undefined || list === null) return undefined;
  return [].concat(list).map((one) => (typeof one === 'string' ? { text: one } : { name: one.name || '', address: one.address }));
}
