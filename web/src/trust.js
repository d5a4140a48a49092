// What is wrong with a server's certificate, as the app sees it; see index.d.ts.

export class Trust {
  constructor(client) {
    this._client = client;
  }

  async check(host, port, options) {
    return (await this._client.call('trust', 'check', 0, Object.assign({}, options, { host, port }), options)).value;
  }
}
