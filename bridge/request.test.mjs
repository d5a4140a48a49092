import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Request } from './request.js';
import { ENDED, OPEN } from './stream.js';

/** An XMLHttpRequest that does nothing by itself. */
class Silent {
  constructor(parameters) {
    Silent.last = this;
    Object.assign(this, { parameters, headers: {}, aborted: 0, status: 0, response: null, type: null });
  }
  open(...line) { this.line = line; }
  setRequestHeader(name, value) { this.headers[name] = value; }
  getResponseHeader(name) { return name === 'Content-Type' ? this.type : null; }
  send(body) { this.body = body; }
  abort() { this.aborted++; }
  answers(status, type, bytes) {
    Object.assign(this, { status, type, response: bytes && Uint8Array.from(bytes).buffer });
    this.onload();
  }
}

const options = { url: 'https://web.example/', type: 'text/x', body: null, limit: 4 };

function begin(more, XHR = Silent) {
  const heard = [];
  const request = new Request(XHR, { ...options, ...more }, (what) => heard.push(what));
  assert.deepEqual(heard, [], 'told from within the constructor');
  return { request, heard, xhr: Silent.last };
}

test('what is sent', () => {
  const get = begin().xhr;
  assert.deepEqual([get.line, get.headers, get.body, get.parameters],
    [['GET', options.url], { Accept: 'text/x' }, null, { mozAnon: true, mozSystem: true }]);
  const body = Uint8Array.of(1, 2);
  const post = begin({ body }).xhr;
  assert.deepEqual([post.line[0], post.headers, post.body], ['POST', { Accept: 'text/x', 'Content-Type': 'text/x' }, body]);
});

test('an answer is read piece by piece', () => {
  const { request, heard, xhr } = begin();
  assert.equal(request.read(new Uint8Array(3)), -1);
  xhr.answers(200, 'TEXT/x ; charset=none', [1, 2, 3, 4]);
  assert.deepEqual(heard, [OPEN]);
  const target = new Uint8Array(3);
  assert.deepEqual([request.read(target), [...target]], [3, [1, 2, 3]]);
  assert.deepEqual([request.read(target), target[0], request.read(target)], [1, 4, -1]);
  assert.equal(request.error, null);
});

test('what is not an answer', async () => {
  for (const [what, act, name, message] of [
    ['a status', (xhr) => xhr.answers(503, 'text/x', [1]), 'HTTPError', '503'],
    ['no status', (xhr) => xhr.answers(0, 'text/x', [1]), 'HTTPError', '0'],
    ['another type', (xhr) => xhr.answers(200, 'text/html', [1]), 'DataError', /text\/html/],
    ['no type', (xhr) => xhr.answers(200, null, [1]), 'DataError', ''],
    ['no bytes', (xhr) => xhr.answers(200, 'text/x', null), 'DataError', ''],
    ['too long', (xhr) => xhr.answers(200, 'text/x', [1, 2, 3, 4, 5]), 'QuotaExceededError', ''],
    ['getting too long', (xhr) => xhr.onprogress({ loaded: 5 }), 'QuotaExceededError', ''],
    ['no connection', (xhr) => xhr.onerror(), 'NetworkError', ''],
  ]) {
    const { request, heard, xhr } = begin();
    xhr.onprogress({ loaded: 4 });
    act(xhr);
    await Promise.resolve();
    assert.deepEqual([heard, request.error.name, request.read(new Uint8Array(9))], [[ENDED], name, -1], what);
    assert.match(request.error.message, new RegExp(message), what);
    assert.ok(xhr.aborted === 1 && !xhr.onload && !xhr.onprogress && !xhr.onerror, `${what}: the request goes on`);
  }
});

test('where the platform has none, or throws', async () => {
  const none = begin({}, null);
  const refusing = begin({}, class extends Silent {
    open() { throw Object.assign(new Error('no such URL'), { name: 'SyntaxError' }); }
  });
  await Promise.resolve();
  assert.deepEqual([none.request.error.name, none.heard], ['NotSupportedError', [ENDED]]);
  assert.deepEqual([refusing.request.error.name, refusing.heard], ['SyntaxError', [ENDED]]);
});

test('closing ends it, and nothing is told any more', async () => {
  const { request, heard, xhr } = begin();
  const { onload } = xhr;
  request.close();
  request.close();
  Object.assign(xhr, { status: 200, type: 'text/x', response: new ArrayBuffer(1) });
  onload();
  await Promise.resolve();
  assert.deepEqual([xhr.aborted, heard, request.read(new Uint8Array(1))], [1, [], -1]);
});
