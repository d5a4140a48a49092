// One request by HTTP, which the platform makes with its own TLS, proxies and name servers. XMLHttpRequest and not fetch:
// it is what asks any server for an app with the permission "systemXHR", in each version and in workers too; without that
// permission the server has to allow the page's origin (CORS). No cookies are sent, and none are kept.

import { OPEN, ENDED, isOffline } from './stream.js';

export class Request {
  /**
   * @param XHR     the platform's XMLHttpRequest; may be undefined
   * @param options {url, type: of the body and of the answer, body: Uint8Array to POST, or null for GET, limit: of the
   *                answer, in bytes}
   * @param notify  called once, with OPEN when all of the answer is here, or ENDED. Never called from within a call of
   *                this object.
   */
  constructor(XHR, { url, type, body, limit }, notify) {
    this.notify = notify;
    this.type = type;
    this.limit = limit;
    this.over = false;
    this.error = null;
    this.answer = null;
    this.queued = 0;
    this.xhr = null;
    if (typeof XHR !== 'function') {
      this.fail('NotSupportedError', 'this host has no XMLHttpRequest');
      return;
    }
    try {
      // Other platforms than Gecko ignore what they are given here.
      const xhr = new XHR({ mozAnon: true, mozSystem: true });
      xhr.open(body ? 'POST' : 'GET', url);
      xhr.responseType = 'arraybuffer';
      xhr.setRequestHeader('Accept', type);
      if (body) xhr.setRequestHeader('Content-Type', type);
      xhr.onprogress = ({ loaded }) => { if (loaded > limit) this.tooLong(); };
      xhr.onload = () => this.onload();
      xhr.onerror = () => this.fail(isOffline() ? 'OfflineError' : 'NetworkError', 'no connection, or no leave to ask that server');
      this.xhr = xhr;
      xhr.send(body);
    } catch (error) {
      this.fail(error.name || 'Error', error.message);
    }
  }

  onload() {
    if (this.over) return;
    const { status, response } = this.xhr;
    const type = (this.xhr.getResponseHeader('Content-Type') || '').replace(/;[^]*/, '').trim().toLowerCase();
    if (status < 200 || status > 299) this.fail('HTTPError', String(status));
    else if (type !== this.type || !response) this.fail('DataError', 'the answer is of the type ' + type);
    else if (response.byteLength > this.limit) this.tooLong();
    else {
      this.over = true;
      this.answer = new Uint8Array(response);
      this.queued = this.answer.length;
      this.notify(OPEN);
    }
  }

  tooLong() {
    this.fail('QuotaExceededError', 'the answer is longer than ' + this.limit + ' bytes');
  }

  fail(name, message) {
    if (this.over) return;
    this.error = { name, message: message || '', opened: false };
    this.stop();
    Promise.resolve().then(() => this.notify(ENDED));
  }

  /** The answer, piece by piece: how many bytes, -1 at the end. */
  read(target) {
    if (this.queued === 0) return -1;
    const rest = this.answer.subarray(this.answer.length - this.queued);
    const piece = rest.subarray(0, target.length);
    target.set(piece);
    this.queued -= piece.length;
    return piece.length;
  }

  close() {
    this.stop();
    this.answer = null;
    this.queued = 0;
  }

  stop() {
    this.over = true;
    const { xhr } = this;
    if (!xhr) return;
    xhr.onprogress = xhr.onload = xhr.onerror = null;
    xhr.abort();
    this.xhr = null;
  }
}
