// Messages read and written, as the app sees it; see index.d.ts.

import { localError, surface } from './errors.js';
import { Handle } from './handle.js';

/** How much crosses to Go at once. */
const PIECE = 64 * 1024;

export class Mime {
  constructor(client) {
    this._client = client;
  }

  async parse(source, options) {
    const { onContent, maxText } = options || {};
    const reader = readerOf(source);
    const { value } = await this._client.call('mail', 'mime.parse', 0, { maxText }, options, { opens: true });
    const parser = new Handle(this._client, 'mail', value.handle);
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
      for (let chunk; (chunk = await reader.read()) !== null;) take(await parser._call('write', {}, options, { bytes: chunk }));
      const { message } = take(await parser._call('end', {}, options));
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

class ComposedMessage extends Handle {
  constructor(client, { handle, size, envelope, messageId, utf8, eightBit }, attachments) {
    super(client, 'mail', handle);
    Object.assign(this, { size, envelope, messageId, utf8, eightBit });
    this._attachments = attachments;
  }

  async read(options) {
    let args = {};
    let more = null;
    for (;;) {
      const { value, bytes } = await this._call('read', args, options, { bytes: more });
      if (value.end) return null;
      if (value.attachment === undefined) return bytes;
      more = await this._attachments[value.attachment].read();
      args = { attachment: value.attachment, last: more === null };
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

/** Whatever has bytes, as {read(): a piece, null behind the last, size, where it is known}. */
function readerOf(source) {
  if (typeof source === 'string') return readerOf(new TextEncoder().encode(source));
  // What other windows of the app have made is no instance of this one's classes.
  if (Object.prototype.toString.call(source) === '[object ArrayBuffer]') return readerOf(new Uint8Array(source));
  if (Array.isArray(source)) return inTurn(source.map(readerOf));
  if (ArrayBuffer.isView(source)) return sliced(source.length, (from, to) => source.subarray(from, to));
  if (source && typeof source.read === 'function') return cutting(source);
  if (source && typeof source.slice === 'function' && typeof source.size === 'number') {
    return sliced(source.size, (from, to) => bytesOf(source.slice(from, to)));
  }
  throw localError('EINVAL', '', 'This is nothing that has bytes: a string, a Uint8Array, a Blob, an array of these, or an object with read().');
}

function sliced(size, slice) {
  let at = 0;
  return {
    size,
    read: async () => (at < size ? slice(at, at = Math.min(at + PIECE, size)) : null),
  };
}

function inTurn(readers) {
  const known = readers.every(({ size }) => size !== undefined);
  return {
    size: known ? readers.reduce((sum, { size }) => sum + size, 0) : undefined,
    read: async () => {
      while (readers.length > 0) {
        const chunk = await readers[0].read();
        if (chunk !== null) return chunk;
        readers.shift();
      }
      return null;
    },
  };
}

/** Of what comes in pieces of any size. */
function cutting(source) {
  let rest = new Uint8Array(0);
  return {
    read: async () => {
      while (rest !== null && rest.length === 0) rest = await source.read();
      if (rest === null) return null;
      const piece = rest.subarray(0, PIECE);
      rest = rest.subarray(PIECE);
      return piece;
    },
  };
}

function bytesOf(blob) {
  if (typeof FileReader === 'undefined') return blob.arrayBuffer().then((buffer) => new Uint8Array(buffer));
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(new Uint8Array(reader.result));
    reader.onerror = () => reject(localError('EINVAL', String(reader.error), 'A file could not be read.'));
    reader.readAsArrayBuffer(blob);
  });
}

function joined(chunks) {
  const all = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.length, 0));
  chunks.reduce((at, chunk) => {
    all.set(chunk, at);
    return at + chunk.length;
  }, 0);
  return all;
}
