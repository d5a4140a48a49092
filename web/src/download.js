// Something large on its way from the server, window by window; see index.d.ts.

import { Handle } from './handle.js';

export class Download extends Handle {
  constructor(client, { handle, size, type, parameters, filename, disposition, dispositionParameters }) {
    super(client, 'mail', handle);
    this.size = size;
    this.received = 0;
    this.type = type;
    this.parameters = parameters;
    this.filename = filename;
    this.disposition = disposition;
    this.dispositionParameters = dispositionParameters;
  }

  async read(options) {
    const { value, bytes } = await this._call('read', {}, options);
    this.received = value.received;
    return value.end ? null : bytes;
  }
}
