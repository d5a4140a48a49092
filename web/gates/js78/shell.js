// What a page has and SpiderMonkey's bare shell has not, as far as kaiwire
// uses it, besides `self`. runtime() is the event loop.
'use strict';

this.console = {};
for (const level of ['debug', 'log', 'info', 'warn', 'error']) console[level] = (...values) => printErr(`${level}: ${values.join(' ')}`);

this.performance = { now: () => monotonicNow() };

/* Tasks: those that are due at once, and those of a time. */
const tasks = [];
const timers = new Map();
let lastTimer = 0;

this.setImmediate = (run) => { tasks.push(run); };
this.setTimeout = (run, delay = 0, ...parameters) => {
  timers.set(++lastTimer, { run: () => run(...parameters), due: performance.now() + Math.max(0, delay) });
  return lastTimer;
};
this.clearTimeout = (id) => { timers.delete(id); };

/** Set by a program whose network is outside of the shell: waits a little for what comes from there. */
this.listenOutside = null;

/** Runs what there is to run until `promise` is settled: its value, or its error thrown. */
function runtime(promise) {
  let outcome = null;
  promise.then((value) => { outcome = { value }; }, (error) => { outcome = { error }; });
  for (;;) {
    drainJobQueue();
    if (outcome) break;
    if (tasks.length > 0) {
      tasks.shift()();
      continue;
    }
    const [next] = [...timers].sort(([, a], [, b]) => a.due - b.due);
    if (listenOutside && !(next && next[1].due <= performance.now())) {
      listenOutside();
      continue;
    }
    if (!next) throw new Error('nothing more will happen, and the program has not ended');
    const [id, { run, due }] = next;
    const wait = due - performance.now();
    if (wait > 0) sleep(wait / 1000);
    timers.delete(id);
    run();
  }
  if ('error' in outcome) {
    if (outcome.error.detail) printErr(outcome.error.detail);
    throw outcome.error;
  }
  return outcome.value;
}

this.TextEncoder = class {
  encode(text = '') {
    return Uint8Array.from(unescape(encodeURIComponent(text)), (byte) => byte.charCodeAt(0));
  }
};
this.TextDecoder = class {
  constructor(label = 'utf-8') {
    if (!/^utf-?8$/i.test(label)) throw new RangeError(`The encoding label is invalid: ${label}`);
  }

  decode(bytes = new Uint8Array(0)) {
    let text = '';
    for (const byte of new Uint8Array(bytes.buffer || bytes, bytes.byteOffset, bytes.byteLength)) text += String.fromCharCode(byte);
    return decodeURIComponent(escape(text));
  }
};

/** Enough for the tests' sake: nothing here is secret. */
this.crypto = {
  getRandomValues(array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(Math.random() * 256);
    return array;
  },
};

/* Files: a URL is a path. */
this.location = { href: '/' };
this.URL = class {
  constructor(path, base) {
    this.href = /^\//.test(path) ? path : String(base).replace(/[^/]*$/, '') + path;
  }
};
this.XMLHttpRequest = class {
  constructor() {
    this.status = 0;
    this.response = null;
  }

  open(method, url) { this.url = url; }

  send() {
    setImmediate(() => {
      try {
        this.response = read(this.url, 'binary').buffer;
        this.status = 200;
      } catch (error) {
        this.onerror();
        return;
      }
      this.onload();
    });
  }
};

/* A script element runs where it is appended. */
this.document = {
  currentScript: null,
  createElement: () => ({ remove() {} }),
  head: {
    appendChild(script) {
      setImmediate(() => {
        try {
          load(script.src);
        } catch (error) {
          if (/can't open/.test(error.message)) {
            script.onerror();
            return;
          }
          throw error;
        }
        script.onload();
      });
    },
  },
};
