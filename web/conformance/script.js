// What a phone's sockets do, found by trying. The same script runs on a phone,
// on Gecko's own classes in desktop Firefox and on the mock; the servers at
// the other end are servers.mjs.
//
// A fact is a short text under a name, the same wherever the platform does the
// same: no ports, no times. Where the platform itself leaves it to chance,
// the text is "one of: …", as long as what was seen is one of those.

import { server } from './peers.js';

const GROUP_TIMEOUT = 60000;
const EVENT_TIMEOUT = 8000;
/** How long silence has to last to count as silence. */
const SILENCE = 700;
/** Enough for what is under way on a local network to arrive. */
const SOON = 200;

export const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The platform's errors are named; their texts differ from version to version. */
export function attempt(run) {
  try {
    return String(run());
  } catch (error) {
    return 'throws ' + error.name;
  }
}

function hex(number) {
  return '0x' + (number >>> 0).toString(16).toUpperCase();
}

export function bytesOf(text) {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

/** So many bytes of the pattern that the servers know: byte i is i % 251. */
function patterned(length) {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < Math.min(length, 251); i++) bytes[i] = i;
  // Each copy doubles what is there; a page that is busy for long sees other races.
  for (let done = 251; done < length; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes.buffer;
}

function lengthOf(data) {
  return typeof data === 'string' ? data.length : data.byteLength;
}

/** A socket and all that it has said: "open [open] > data 10 [open] > close [closed]", with the readyState in brackets. */
export class Watched {
  constructor(socket) {
    this.socket = socket;
    this.entries = [];
    this.received = 0;
    this.chunks = [];
    this.looks = [];
    /** Called with each event, before anything else happens. */
    this.on = {};
    ['open', 'data', 'drain', 'error', 'close'].forEach((type) => {
      socket['on' + type] = (event) => this.happened(type, event);
    });
  }

  happened(type, event) {
    if (type === 'data') {
      this.received += lengthOf(event.data);
      this.chunks.push(event.data);
    }
    this.entries.push({ type, event, state: this.socket.readyState, length: type === 'data' ? lengthOf(event.data) : 0 });
    if (this.on[type]) this.on[type](event);
    this.looks.slice().forEach((look) => look());
  }

  /** Resolves with whether `condition` came to hold in time. */
  until(condition, timeout) {
    return new Promise((resolve) => {
      let timer = 0;
      const look = () => {
        if (condition()) done(true);
      };
      const done = (held) => {
        clearTimeout(timer);
        this.looks = this.looks.filter((other) => other !== look);
        resolve(held);
      };
      timer = setTimeout(() => done(condition()), timeout || EVENT_TIMEOUT);
      this.looks.push(look);
      look();
    });
  }

  saw(type) {
    return this.entries.some((entry) => entry.type === type);
  }

  count(type) {
    return this.entries.filter((entry) => entry.type === type).length;
  }

  event(type, timeout) {
    return this.until(() => this.saw(type), timeout);
  }

  bytes(count, timeout) {
    return this.until(() => this.received >= count, timeout);
  }

  text() {
    return this.chunks.map((data) => {
      if (typeof data === 'string') return data;
      return String.fromCharCode.apply(null, new Uint8Array(data).subarray(0, 200));
    }).join('');
  }

  /** Data events that follow each other are told as one. */
  log() {
    const parts = [];
    this.entries.forEach((entry, i) => {
      const before = this.entries[i - 1];
      if (entry.type === 'data' && before && before.type === 'data') {
        parts.push({ type: 'data', state: entry.state, length: parts.pop().length + entry.length });
      } else {
        parts.push(entry);
      }
    });
    return parts.map(({ type, event, state, length }) => {
      const detail = type === 'data' ? ' ' + length : type === 'error' ? ' ' + errorText(event) : '';
      return type + detail + ' [' + state + ']';
    }).join(' > ') || 'nothing';
  }

  /** The bare words, for where bytes and states are left to chance. */
  words() {
    return this.log().replace(/ \[\w+\]/g, '').replace(/ data \d+ >/g, '');
  }
}

function errorText(event) {
  return event.name + '/' + event.message + (event.errorCode === undefined ? '' : ' ' + hex(event.errorCode));
}

/** What was seen, if it is none of those that may be seen. */
function oneOf(seen, allowed) {
  return allowed.indexOf(seen) >= 0 ? 'one of: ' + allowed.join(' | ') : seen;
}

function within(number, least, most) {
  return number >= least && number <= most ? least + ' to ' + most : String(number);
}

const REFUSED = /^error ConnectionRefusedError\/Network( 0x804B000D)? \[closed\] > close \[closed\]$/;
const BINARY = { binaryType: 'arraybuffer' };

/** What a group is given: the phone, the servers, and where to put its facts. */
class Bench {
  constructor(environment, facts) {
    this.environment = environment;
    this.phone = environment.phone;
    this.server = environment.server;
    this.facts = facts;
    this.sockets = [];
    this.plays = [];
  }

  fact(name, value) {
    this.facts[name] = String(value);
  }

  /** A server that plays these steps with everybody who comes. */
  async play(steps, options) {
    const play = await this.server.open(Object.assign({ steps }, options));
    this.plays.push(play);
    return play;
  }

  dial(port, options, host = this.server.host) {
    const watched = new Watched(this.phone.mozTCPSocket.open(host, port, Object.assign({}, BINARY, options)));
    this.sockets.push(watched.socket);
    return watched;
  }

  /** A connection to a server of its own, which is open. */
  async connect(steps, options) {
    const play = await this.play(steps);
    const watched = this.dial(play.port, options);
    watched.play = play;
    if (!await watched.event('open')) throw new Error('no open event: ' + watched.log());
    return watched;
  }

  async finish() {
    this.sockets.forEach((socket) => {
      try {
        socket.onopen = () => socket.close();
        socket.resume(); // a suspended one never closes
      } catch (error) {
        // Not suspended.
      }
      socket.close();
    });
    await Promise.all(this.plays.map((play) => play.close()));
  }
}

/** Runs all of `entries` at once, and gives them time in between not at all. */
function each(entries, run) {
  return Promise.all(entries.map(run));
}

export const GROUPS = {
  async api_shape(bench) {
    const { navigator, mozTCPSocket } = bench.phone;
    bench.fact('typeof navigator.mozTCPSocket', typeof mozTCPSocket);
    bench.fact('navigator.mozTCPSocket === itself', navigator.mozTCPSocket === navigator.mozTCPSocket);
    bench.fact('class of navigator.mozTCPSocket', Object.prototype.toString.call(mozTCPSocket));
    bench.fact('mozTCPSocket has open, listen', typeof mozTCPSocket.open + ', ' + typeof mozTCPSocket.listen);
    bench.fact('window.TCPSocket / TCPServerSocket', typeof bench.phone.TCPSocket + ' / ' + typeof bench.phone.TCPServerSocket);
    const play = await bench.play([['echo']]);
    const watched = bench.dial(play.port);
    const { socket } = watched;
    bench.fact('socket class', Object.prototype.toString.call(socket));
    const members = [];
    for (const name in socket) if (!(name in EventTarget.prototype)) members.push(name);
    bench.fact('socket members', members.sort().join());
    bench.fact('instanceof EventTarget', socket instanceof EventTarget);
    bench.fact('made by new TCPSocket too', bench.phone.TCPSocket !== undefined && socket instanceof bench.phone.TCPSocket);
    bench.fact('sync after open(): readyState ssl bufferedAmount binaryType',
      [socket.readyState, socket.ssl, socket.bufferedAmount, socket.binaryType].join(' '));
    bench.fact('sync after open(): host and port are those asked for', socket.host === bench.server.host && socket.port === play.port);
    const plain = bench.phone.mozTCPSocket.open(bench.server.host, play.port);
    bench.sockets.push(plain);
    bench.fact('onopen before set', plain.onopen);
    bench.fact('default binaryType', plain.binaryType);
    await watched.event('open');
    bench.fact('after open event: readyState', socket.readyState);
    socket.onopen = 'no function';
    bench.fact('a handler that is no function', socket.onopen);
  },

  async ready_state_timeline(bench) {
    const open = await bench.play([['echo']]);
    const refused = await bench.server.facts();
    await each([['connect ok', open.port], ['refused', refused.closed], ['SYN unanswered', refused.silent]], async ([name, port]) => {
      const watched = bench.dial(port);
      const states = ['sync:' + watched.socket.readyState];
      let last = watched.socket.readyState;
      // Polled by microtask-free turns, as an app would: a state that is over sooner may go unseen.
      const poll = setInterval(() => {
        if (watched.socket.readyState !== last) states.push(last = watched.socket.readyState);
      }, 1);
      await watched.until(() => watched.saw('open') || watched.saw('close'), SILENCE);
      clearInterval(poll);
      const seen = states.concat(watched.log()).join(' > ');
      bench.fact(name, seen.replace(/ > connecting(?= > (open|error))/, '').replace(/ > (open|closed)(?= > (open|error))/, ''));
    });
  },

  async open_args(bench) {
    const { mozTCPSocket } = bench.phone;
    const { host } = bench.server;
    const play = await bench.play([['echo']]);
    const describe = (make) => attempt(() => {
      const socket = make();
      bench.sockets.push(socket);
      const port = socket.port === play.port ? 'N' : socket.port;
      const name = socket.host === host ? 'H' : JSON.stringify(socket.host);
      return `ok host=${name} port=${port} ssl=${socket.ssl} binaryType=${socket.binaryType} state=${socket.readyState}`;
    });
    const open = (name, ...parameters) => bench.fact(name, describe(() => mozTCPSocket.open(...parameters)));
    open('open() no args');
    open('open(host) only', host);
    open('port as string', host, String(play.port), BINARY);
    open('port 0', host, 0, BINARY);
    open('port 65536 (wraps)', host, 65536, BINARY);
    open('port -1', host, -1, BINARY);
    open('port NaN', host, NaN, BINARY);
    open('port 1.9', host, 1.9, BINARY);
    open('host empty', '', play.port, BINARY);
    open('host with space', 'a b', play.port, BINARY);
    open('host null', null, play.port, BINARY);
    open('host [::1] bracketed', '[::1]', play.port, BINARY);
    open('options null', host, play.port, null);
    open('options undefined', host, play.port, undefined);
    open('options a number', host, play.port, 1);
    open('options unknown key', host, play.port, { binaryType: 'arraybuffer', colour: 'red' });
    open("binaryType 'blob'", host, play.port, { binaryType: 'blob' });
    open('binaryType null', host, play.port, { binaryType: null });
    open('binaryType undefined', host, play.port, { binaryType: undefined });
    open('useSSL:true (old name)', host, play.port, { binaryType: 'arraybuffer', useSSL: true });
    open('useSecureTransport:true', host, play.port, { binaryType: 'arraybuffer', useSecureTransport: true });
    open('useSecureTransport:1', host, play.port, { binaryType: 'arraybuffer', useSecureTransport: 1 });
    bench.fact('TCPSocket() without new', attempt(() => bench.phone.TCPSocket(host, play.port)));

    const facts = await bench.server.facts();
    await each([
      ['events with port 0', host, 0], ['events with empty host', '', play.port], ["events with host 'a b'", 'a b', play.port],
      ['events with host [::1]', '[::1]', play.port], ['events with a closed port', host, facts.closed],
    ], async ([name, where, port]) => {
      const watched = bench.dial(port, BINARY, where);
      await watched.event('close', SILENCE);
      bench.fact(name, watched.log());
    });
    if (host === '127.0.0.1') { // the servers are on this machine
      const watched = bench.dial(play.port, BINARY, 'localhost');
      await watched.event('open');
      bench.fact('events with host localhost', watched.log());
      if (facts.six) {
        const six = bench.dial((await bench.play([['echo']], { family: 6 })).port, BINARY, '::1');
        await six.event('open');
        bench.fact('events with host ::1', six.log());
      }
    }
  },

  async event_basics(bench) {
    const play = await bench.play([['write', 'BANNER\n'], ['wait', 100], ['write', 'BYE'], ['fin']]);
    const watched = bench.dial(play.port);
    const { socket } = watched;
    let heard = '';
    socket.addEventListener('data', () => { heard = 'listener'; });
    let thisIs = null;
    const ondata = socket.ondata;
    socket.ondata = function (event) {
      thisIs = this;
      ondata(event);
    };
    await watched.event('close');
    const describe = (type) => {
      const { event } = watched.entries.filter((entry) => entry.type === type)[0];
      const data = event.data instanceof ArrayBuffer ? `ArrayBuffer(${event.data.byteLength})` : String(event.data);
      return Object.prototype.toString.call(event) + ' data=' + data;
    };
    bench.fact('server speaks first: event order', watched.log());
    ['open', 'data', 'close'].forEach((type) => bench.fact(type + ' event class / data', describe(type)));
    const { event } = watched.entries[1];
    bench.fact('event.target === socket', event.target === socket);
    bench.fact('this in handler === socket', thisIs === socket);
    bench.fact('isTrusted', event.isTrusted);
    bench.fact('bubbles cancelable', event.bubbles + ' ' + event.cancelable);
    bench.fact('data instanceof page ArrayBuffer', event.data instanceof ArrayBuffer);
    bench.fact('data.data same object each read', event.data === event.data);
    bench.fact('addEventListener also fires', heard);

    const refused = bench.dial((await bench.server.facts()).closed);
    await refused.event('close');
    const error = refused.entries[0].event;
    bench.fact('error event class', Object.prototype.toString.call(error));
    bench.fact('error event name, message, data', [error.name, error.message, error.data].join(', '));
    bench.fact('error event errorCode', error.errorCode === undefined ? 'undefined' : hex(error.errorCode));

    if (bench.environment.window) {
      const second = await bench.connect([['write', 'one'], ['wait', 100], ['write', 'two'], ['fin']]);
      const problem = nextError(bench.environment.window);
      let thrown = false;
      second.on.data = () => {
        if (thrown) return;
        thrown = true;
        throw new Error('handler boom');
      };
      await second.event('close');
      bench.fact('ondata throws: what comes later', second.words());
      bench.fact('ondata throws: window.onerror got', await problem);
    }
  },

  async handlers_set_late(bench) {
    const play = await bench.play([['write', 'BANNER\n'], ['gate']]);
    const open = () => {
      const socket = bench.phone.mozTCPSocket.open(bench.server.host, play.port, BINARY);
      bench.sockets.push(socket);
      return socket;
    };
    await each([
      ['handlers set 300 ms after open()', async () => {
        const socket = open();
        await wait(300);
        const watched = new Watched(socket);
        await wait(SOON);
        return socket.readyState + ' | ' + watched.log();
      }],
      ['ondata set in a microtask of onopen', async () => {
        const socket = open();
        let watched = null;
        socket.onopen = () => { Promise.resolve().then(() => { watched = new Watched(socket); }); };
        await wait(SILENCE);
        return watched.log();
      }],
      ['suspend() at once, ondata set 200 ms later, resume()', async () => {
        const socket = open();
        socket.suspend();
        await wait(200);
        const watched = new Watched(socket);
        const resumed = attempt(() => socket.resume());
        await wait(SOON);
        return resumed + ' | ' + watched.log();
      }],
    ], async ([name, run]) => bench.fact(name, await run()));
  },

  async echo_arraybuffer(bench) {
    const watched = await bench.connect([['echo']]);
    bench.fact('send returns', watched.socket.send(patterned(251)));
    await watched.bytes(251);
    watched.socket.close();
    await watched.event('close');
    const back = new Uint8Array(251);
    let filled = 0;
    watched.chunks.forEach((data) => {
      back.set(new Uint8Array(data), filled);
      filled += data.byteLength;
    });
    bench.fact('251 byte values back equal', back.every((value, i) => value === i));
    bench.fact('events', watched.log());
    bench.fact('server saw', (await watched.play.journal({ ended: 1 }))[0].end);
  },

  async string_mode(bench) {
    let all = '';
    for (let i = 0; i < 256; i++) all += String.fromCharCode(i);
    const in256 = bench.dial((await bench.play([['write', all], ['fin']])).port, { binaryType: 'string' });
    await in256.event('close');
    const text = in256.chunks.join('');
    bench.fact('server sends bytes 0..255: type and length', typeof in256.chunks[0] + ' ' + text.length);
    bench.fact('each charCode === byte', text === all);
    await each([
      ["send('abc')", 'abc'], ["send('\\x00\\x7f\\x80\\xff')", '\x00\x7f\x80\xff'], ["send('\\u0100')", '\u0100'],
      ["send('ab\\u20ac')", 'ab\u20ac'], ["send('')", ''], ['send(ArrayBuffer 010203)', new Uint8Array([1, 2, 3]).buffer],
      ['send(Uint8Array 010203)', new Uint8Array([1, 2, 3])],
    ], async ([name, value]) => {
      const watched = await bench.connect([['pause'], ['gate'], ['resume']], { binaryType: 'string' });
      bench.fact(name, await sent(watched, (socket) => socket.send(value)));
    });
  },

  async send_argument_types(bench) {
    const digits = bytesOf('0123456789');
    const view = new Uint8Array(digits);
    const memory = typeof WebAssembly === 'object' ? new WebAssembly.Memory({ initial: 1 }).buffer : new ArrayBuffer(65536);
    new Uint8Array(memory).set(new Uint8Array(bytesOf('wasm')));
    const detached = bytesOf('gone');
    new MessageChannel().port1.postMessage(detached, [detached]);
    const cases = [
      ['send(ArrayBuffer)', digits], ['send(ArrayBuffer, 2)', digits, 2], ['send(ArrayBuffer, 2, 3)', digits, 2, 3],
      ['send(ArrayBuffer, 0, 0)', digits, 0, 0], ['send(ArrayBuffer, 8, 100 (too long))', digits, 8, 100],
      ['send(ArrayBuffer, 0, 100 (too long))', digits, 0, 100], ['send(ArrayBuffer, 0, undefined)', digits, 0, undefined],
      ['send(ArrayBuffer, undefined, undefined)', digits, undefined, undefined],
      ['send(ArrayBuffer, 0, null)', digits, 0, null], ['send(ArrayBuffer, 10, 0 (offset at end))', digits, 10, 0],
      ["send(ArrayBuffer, '2', '3')", digits, '2', '3'],
      ['send(Uint8Array(whole))', view], ['send(Uint8Array.subarray(2,5))', view.subarray(2, 5)], ['send(Uint8Array, 0, 3)', view, 0, 3],
      ['send(DataView)', new DataView(digits)], ['send(empty ArrayBuffer)', new ArrayBuffer(0)],
      ['send(string in arraybuffer mode)', 'abc\xff'], ['send(string, 1)', 'abc', 1], ['send(empty string)', ''],
      ['send(number 42)', 42], ['send(null)', null], ['send(undefined)', undefined], ['send(no argument)'],
      ['send(plain array [1,2])', [1, 2]], ['send(object)', {}], ['send(Blob)', new Blob(['blob'])],
      ['send(wasm Memory.buffer, 0, 4)', memory, 0, 4], ['send(detached ArrayBuffer)', detached],
    ];
    if ('resizable' in ArrayBuffer.prototype) cases.push(['send(resizable ArrayBuffer)', new ArrayBuffer(4, { maxByteLength: 8 })]);
    await each(cases, async ([name, ...parameters]) => {
      const watched = await bench.connect([['pause'], ['gate'], ['resume']]);
      const result = await sent(watched, (socket) => {
        const returned = socket.send(...parameters);
        return returned + '; bufferedAmount after ' + socket.bufferedAmount;
      });
      bench.fact(name, result);
    });
  },

  async send_copies(bench) {
    const watched = await bench.connect([['pause'], ['gate'], ['resume']]);
    const buffer = patterned(1024 * 1024);
    watched.socket.send(buffer);
    bench.fact('buffer still attached after send', buffer.byteLength === 1024 * 1024);
    new Uint8Array(buffer).fill(255);
    watched.socket.close();
    await watched.play.go();
    const [entry] = await watched.play.journal({ ended: 1 });
    bench.fact('1 MiB sent, buffer overwritten right after: server saw the data at call time', entry.received === 1024 * 1024 && entry.pattern);
  },

  async send_when_not_open(bench) {
    const play = await bench.play([['echo']]);
    const watched = bench.dial(play.port);
    const { socket } = watched;
    bench.fact('send(ArrayBuffer) while connecting', attempt(() => socket.send(bytesOf('x'))));
    bench.fact('send(string) while connecting', attempt(() => socket.send('x')));
    bench.fact('upgradeToSecure() while connecting', attempt(() => socket.upgradeToSecure()));
    bench.fact('resume() without suspend while connecting', attempt(() => socket.resume()));
    let exception = {};
    try {
      socket.send('x');
    } catch (error) {
      exception = error;
    }
    bench.fact('what is thrown', [Object.prototype.toString.call(exception), exception.name, hex(exception.result),
      JSON.stringify(exception.message), 'Error: ' + (exception instanceof Error), 'DOMException: ' + (exception instanceof DOMException)].join(' '));
    await watched.event('open');
    socket.close();
    bench.fact('readyState right after close()', socket.readyState);
    bench.fact('send() right after close() (closing)', attempt(() => socket.send('x')));
    bench.fact('resume() right after close()', attempt(() => socket.resume()));
    await watched.event('close');
    bench.fact('send() after the close event', attempt(() => socket.send('x')));
    bench.fact('upgradeToSecure() after close', attempt(() => socket.upgradeToSecure()));
    bench.fact('suspend() after close', attempt(() => socket.suspend()));
    bench.fact('resume() after close', attempt(() => socket.resume()));
    bench.fact('resume() after close, again', attempt(() => socket.resume()));
    bench.fact('close() after close', attempt(() => socket.close()));
    bench.fact('events', watched.log());
    const refused = bench.dial((await bench.server.facts()).closed);
    await refused.event('close');
    bench.fact('send() after refused', attempt(() => refused.socket.send('x')));
  },

  async buffered_amount(bench) {
    await each([1, 65535, 65536, 65537, 131072, 1048576, 4194304], async (size) => {
      const watched = await bench.connect([]);
      const { socket } = watched;
      const returned = socket.send(patterned(size));
      const sync = socket.bufferedAmount;
      await Promise.resolve();
      const microtask = socket.bufferedAmount;
      await watched.play.journal({ received: size });
      await wait(SOON);
      bench.fact('one send of ' + size,
        `returns ${returned}; bufferedAmount sync ${sync}, microtask ${microtask}, settles ${socket.bufferedAmount}; drain events ${watched.count('drain')}`);
    });
    const six = await bench.connect([]);
    const turn = [0, 1, 2, 3, 4, 5].map(() => six.socket.send(patterned(20000)) + ':' + six.socket.bufferedAmount).join(' ');
    await six.play.journal({ received: 120000 });
    await wait(SOON);
    bench.fact('6 sends of 20000 in one turn: return:bufferedAmount', `${turn}; then ${six.socket.bufferedAmount}, drain events ${six.count('drain')}`);

    const apart = await bench.connect([]);
    const seen = [];
    for (let i = 1; i <= 6; i++) {
      seen.push(apart.socket.send(patterned(20000)) + ':' + apart.socket.bufferedAmount);
      await apart.play.journal({ received: i * 20000 });
      await wait(20);
    }
    bench.fact('6 sends of 20000, each after the last has arrived', `${seen.join(' ')}; drain events ${apart.count('drain')}`);

    const four = await bench.connect([]);
    let inside = null;
    four.on.drain = () => { inside = four.socket.bufferedAmount; };
    for (let i = 0; i < 4; i++) four.socket.send(patterned(262144));
    await four.event('drain');
    await four.play.journal({ received: 1048576 });
    await wait(SOON);
    bench.fact('drain events for 4 sends of 256 KiB in one turn', four.count('drain'));
    bench.fact('bufferedAmount seen inside ondrain', inside);

    // More than any kernel takes: the first is being copied, the others wait.
    const full = await bench.connect([['pause'], ['gate'], ['resume']]);
    const amounts = [0, 1, 2].map(() => full.socket.send(patterned(16 * 1048576)) + ':' + full.socket.bufferedAmount).join(' ');
    bench.fact('3 sends of 16 MiB, peer not reading', amounts);
    await wait(SILENCE);
    bench.fact('...later', full.socket.bufferedAmount);
    const small = full.socket.send(patterned(10)) + ':' + full.socket.bufferedAmount;
    bench.fact('...a send of 10 behind them', small);
    bench.fact('...drain events before the peer reads', full.count('drain'));
    await full.play.go();
    await full.event('drain', 20000);
    const [entry] = await full.play.journal({ received: 48 * 1048576 + 10 });
    bench.fact('...after it reads', `${full.log()}; bufferedAmount ${full.socket.bufferedAmount}; server got ${entry.received}`);

    const stopping = await bench.connect([['slow']]);
    const stops = [];
    for (let i = 0; i < 10; i++) {
      while (stopping.socket.send(patterned(32768)));
      stops.push(stopping.socket.bufferedAmount);
      const drains = stopping.count('drain');
      if (!await stopping.until(() => stopping.count('drain') > drains)) stops.push('no drain');
    }
    bench.fact('stop on false, go on at drain: bufferedAmount at each stop', stops.join());
  },

  async tiny_sends(bench) {
    const watched = await bench.connect([]);
    const bytes = new Uint8Array(patterned(20000));
    let falses = 0;
    for (let i = 0; i < bytes.length; i++) if (!watched.socket.send(bytes.buffer, i, 1)) falses++;
    const [entry] = await watched.play.journal({ received: bytes.length });
    bench.fact('20000 sends of 1 byte in one turn', `server got ${entry.received}, in order ${entry.pattern}; falses ${falses}; drain events ${watched.count('drain')}`);
  },

  async zero_length(bench) {
    const watched = await bench.connect([['echo']]);
    const empty = watched.socket.send(new ArrayBuffer(0));
    const amount = watched.socket.bufferedAmount;
    const one = watched.socket.send(bytesOf('x'));
    await watched.bytes(1);
    bench.fact('send(empty) then send(1 byte)', `${empty}, buf ${amount}, ${one}, echoed ${watched.received}`);
    watched.socket.close();
    await watched.event('close');
    bench.fact('events', watched.log());
  },

  async suspend_resume(bench) {
    const echo = await bench.connect([['echo']]);
    echo.socket.suspend();
    echo.socket.send(bytesOf('abc'));
    await wait(SOON);
    const before = echo.received;
    bench.fact('suspend, send to echo, resume', `bytes while suspended ${before}, resume() ${attempt(() => echo.socket.resume())}`);
    await echo.bytes(3);
    bench.fact('...after', echo.received);
    bench.fact('resume() with no suspend', attempt(() => echo.socket.resume()));
    echo.socket.send(bytesOf('d'));
    bench.fact('still works after that', await echo.bytes(4));
    echo.socket.suspend();
    echo.socket.suspend();
    echo.socket.send(bytesOf('e'));
    await wait(SOON);
    echo.socket.resume();
    await wait(SOON);
    const once = echo.received;
    echo.socket.resume();
    await echo.bytes(5);
    bench.fact('suspend x2 needs resume x2', `${once} then ${echo.received}`);

    await each([
      ['suspend() while connecting', async () => {
        const play = await bench.play([['write', 'BANNER\n'], ['gate'], ['write', 'BYE'], ['fin']]);
        const watched = bench.dial(play.port);
        watched.socket.suspend();
        await wait(SILENCE);
        const meanwhile = watched.log();
        const resumed = attempt(() => watched.socket.resume());
        await play.go();
        await watched.event('close');
        return `${meanwhile}; resume() ${resumed}; ${watched.log()}`;
      }],
      ['suspend(); resume() inside onopen', async () => {
        const watched = bench.dial((await bench.play([['write', 'BANNER\n']])).port);
        watched.on.open = () => {
          watched.socket.suspend();
          watched.socket.resume();
        };
        await watched.bytes(7);
        return watched.log();
      }],
      ['suspended in onopen, peer sends BYE + FIN', async () => {
        const watched = bench.dial((await bench.play([['wait', 300], ['write', 'BYE\r\n'], ['fin']])).port);
        watched.on.open = () => watched.socket.suspend();
        await wait(SILENCE);
        const meanwhile = `${watched.log()}; state ${watched.socket.readyState}; send() ${attempt(() => watched.socket.send('x'))}`;
        await wait(SOON); // with output pending the FIN would be a half-close, see remote_fin
        watched.socket.resume();
        await watched.event('close');
        return `${meanwhile}; after resume ${watched.words()}`;
      }],
      ['suspended, peer resets', async () => {
        const play = await bench.play([['gate'], ['rst']]);
        const watched = bench.dial(play.port);
        watched.on.open = () => watched.socket.suspend();
        await watched.event('open');
        await play.go();
        await wait(SILENCE);
        const meanwhile = watched.log();
        watched.socket.resume();
        await watched.event('close');
        return `${meanwhile}; after resume ${watched.log()}`;
      }],
      ['close() while suspended', async () => {
        const watched = await bench.connect([['echo']]);
        watched.socket.suspend();
        watched.socket.close();
        await wait(SILENCE);
        const meanwhile = watched.log() + ' state ' + watched.socket.readyState;
        const resumed = attempt(() => watched.socket.resume());
        await watched.event('close');
        return `${meanwhile}; resume() ${resumed}; after it ${watched.log()}`;
      }],
      ['suspend() inside the first ondata: data events after it', async () => {
        const watched = bench.dial((await bench.play([['flood', 4000000], ['fin']])).port);
        watched.on.data = () => {
          watched.on.data = null;
          watched.socket.suspend();
        };
        await watched.event('data');
        await wait(SILENCE);
        const more = watched.count('data') - 1;
        watched.socket.resume();
        await watched.event('close');
        return `${more}; after resume ${watched.received} bytes, close ${watched.count('close')}`;
      }],
    ], async ([name, run]) => bench.fact(name, await run()));

    const flooding = await bench.play([['flood', 40000000], ['fin']]);
    const flood = bench.dial(flooding.port);
    flood.on.open = () => flood.socket.suspend();
    await flood.event('open');
    await wait(SILENCE);
    const held = flood.received;
    const [entry] = await flooding.journal({});
    bench.fact('suspended, peer floods 40 MB', `events ${held === 0 ? 'none' : held}; peer could push ${entry.sent < 30000000 ? 'less than all' : entry.sent}`);
    flood.socket.resume();
    await flood.event('close', 20000);
    bench.fact('...all comes after resume', flood.received);
  },

  async early_end_races(bench) {
    const runs = async (name, steps, count, allowed) => {
      const play = await bench.play(steps);
      const strange = {};
      for (let i = 0; i < count; i++) {
        const watched = bench.dial(play.port);
        await watched.event('close');
        const words = watched.words();
        if (allowed.indexOf(words) < 0) strange[words] = (strange[words] || 0) + 1;
      }
      bench.fact(name, Object.keys(strange).length === 0 ? 'one of: ' + allowed.join(' | ') : JSON.stringify(strange));
    };
    const refused = 'error ConnectionRefusedError/Network 0x804B000D > close';
    const reset = 'error NetworkError/Network 0x804B0014 > close';
    await runs('BYE then FIN at once, 40 runs', [['write', 'BYE\r\n'], ['fin']], 40, ['open > data 5 > close', `open > ${refused}`]);
    await runs('FIN at once, 40 runs', [['fin']], 40, ['open > close', `open > ${refused}`]);
    await runs('RST at once, 40 runs', [['rst']], 40, [`open > ${reset}`, `open > ${refused}`, refused]);
    await runs('1 MiB then FIN, 10 runs', [['flood', 1048576], ['fin']], 10, ['open > data 1048576 > close']);
  },

  async close_semantics(bench) {
    const idle = await bench.connect([['echo']]);
    idle.socket.close();
    const closing = idle.socket.readyState;
    bench.fact('close event fires synchronously in close()', idle.saw('close'));
    await idle.event('close');
    bench.fact('close() idle', `state after call ${closing}; events ${idle.log()}; peer saw ${(await idle.play.journal({ ended: 1 }))[0].end}`);

    await each([
      ['send 4 MiB then close()', []], ['send 4 MiB to a slow peer then close()', [['slow']]],
    ], async ([name, steps]) => {
      const watched = await bench.connect(steps);
      watched.socket.send(patterned(4194304));
      watched.socket.close();
      const after = watched.socket.bufferedAmount;
      const [entry] = await watched.play.journal({ ended: 1 });
      await watched.event('close');
      bench.fact(name, `peer got ${entry.received} end=${entry.end}; bufferedAmount after close() ${after}; events ${watched.log()}`);
    });

    const stuck = await bench.connect([['pause'], ['gate'], ['resume']]);
    stuck.socket.send(patterned(16 * 1048576));
    stuck.socket.close();
    await wait(SILENCE);
    bench.fact('send 16 MiB, peer not reading, close()', `${stuck.log()} state ${stuck.socket.readyState}`);
    await stuck.play.go();
    await stuck.event('close', 20000);
    const [entry] = await stuck.play.journal({ ended: 1 });
    bench.fact('...then peer reads', `${entry.received} end=${entry.end}; ${stuck.log()}`);

    const facts = await bench.server.facts();
    await each([
      ['close() in the same turn as open()', async () => {
        const watched = bench.dial((await bench.play([['echo']])).port);
        watched.socket.close();
        const state = watched.socket.readyState;
        await wait(SILENCE);
        return `state ${state}; events ${watched.log()}; final state ${watched.socket.readyState}`;
      }],
      ['close() while SYN unanswered', async () => {
        const watched = bench.dial(facts.silent);
        await wait(SOON);
        const before = watched.socket.readyState;
        watched.socket.close();
        const sync = watched.socket.readyState;
        await watched.event('close');
        return `before ${before}; at once ${sync}; events ${watched.log()}`;
      }],
      ['close() while data is flowing in', async () => {
        const watched = await bench.connect([['flood', 40000000]]);
        await watched.event('data');
        const before = watched.received;
        watched.socket.close();
        await watched.event('close');
        const [{ end }] = await watched.play.journal({ ended: 1 });
        return `bytes after close() ${watched.received - before}; ${watched.words()}; peer saw ${end}`;
      }],
      ['close() inside ondata', async () => {
        const watched = await bench.connect([['echo']]);
        watched.socket.send('x');
        let state = '';
        watched.on.data = () => {
          watched.socket.close();
          state = watched.socket.readyState;
        };
        await watched.event('close');
        return `${state}; ${watched.log()}`;
      }],
      ['close() inside onopen', async () => {
        const watched = bench.dial((await bench.play([['echo']])).port);
        watched.on.open = () => watched.socket.close();
        await watched.event('close');
        return watched.log();
      }],
      ['inside onclose: state, send()', async () => {
        const watched = await bench.connect([['echo']]);
        let inside = '';
        watched.on.close = () => { inside = watched.socket.readyState + ' ' + attempt(() => watched.socket.send('x')); };
        watched.socket.close();
        await watched.event('close');
        return inside;
      }],
      ['close() twice: close events', async () => {
        const watched = await bench.connect([['echo']]);
        watched.socket.close();
        watched.socket.close();
        await watched.event('close');
        await wait(SOON);
        return watched.count('close');
      }],
      ['send(50000) twice and close() inside ondrain', async () => {
        const watched = await bench.connect([]);
        watched.on.drain = () => {
          watched.on.drain = null;
          watched.socket.send(patterned(50000));
          watched.socket.send(patterned(50000));
          watched.socket.close();
        };
        watched.socket.send(patterned(200000));
        await watched.event('close');
        const [{ received, end }] = await watched.play.journal({ ended: 1 });
        return `${received < 300000 ? 'loses data' : 'loses nothing'}; end=${end}; ${watched.words()}`;
      }],
      ['send(50000) twice and close() in a turn after ondrain', async () => {
        const watched = await bench.connect([]);
        watched.on.drain = () => {
          watched.on.drain = null;
          setTimeout(() => {
            watched.socket.send(patterned(50000));
            watched.socket.send(patterned(50000));
            watched.socket.close();
          }, 0);
        };
        watched.socket.send(patterned(200000));
        await watched.event('close');
        const [{ received, end }] = await watched.play.journal({ ended: 1 });
        return `peer got ${received} end=${end}`;
      }],
    ], async ([name, run]) => bench.fact(name, await run()));
  },

  async remote_fin(bench) {
    const ended = (name, steps) => async () => {
      const watched = await bench.connect(steps);
      await watched.event('close');
      bench.fact(name, watched.log());
    };
    await each([
      ended('BYE then FIN', [['wait', 300], ['write', 'BYE\r\n'], ['fin']]),
      ended('1 MiB then FIN', [['wait', 300], ['flood', 1048576], ['fin']]),
      ended('idle, then FIN', [['wait', 300], ['fin']]),
      async () => {
        const watched = await bench.connect([['wait', 300], ['fin'], ['gate']]);
        await watched.event('close');
        bench.fact('peer half-closes, we wait, then send', `${watched.log()}; send ${attempt(() => watched.socket.send('x'))}`);
      },
      async () => {
        const watched = await bench.connect([['pause'], ['wait', 300], ['fin'], ['gate'], ['resume']]);
        watched.socket.send(patterned(24 * 1048576));
        await wait(SILENCE);
        const meanwhile = `${watched.log()}, state ${watched.socket.readyState}, send() ${attempt(() => watched.socket.send('x'))}`;
        bench.fact('peer half-closes while 24 MiB of ours is unsent', meanwhile);
        await watched.play.go();
        const [entry] = await watched.play.journal({ received: 24 * 1048576 + 1 });
        await wait(SILENCE);
        bench.fact('...after the peer has read it', `peer got ${entry.received}; ${watched.log()}; state ${watched.socket.readyState}`);
        bench.fact('...a send then', attempt(() => watched.socket.send('y')));
        await wait(SOON);
        watched.socket.close();
        await wait(SILENCE);
        bench.fact('...close() then', `${watched.log()}; state ${watched.socket.readyState}`);
      },
    ], (run) => run());
  },

  async remote_rst(bench) {
    await each([
      ['idle, then RST', [['wait', 300], ['rst']]],
      ['ABC, 200 ms, RST', [['write', 'ABC'], ['wait', 200], ['rst']]],
    ], async ([name, steps]) => {
      const watched = await bench.connect(steps);
      await watched.event('close');
      bench.fact(name, `${watched.log()}; send ${attempt(() => watched.socket.send('x'))}`);
    });
    const writing = await bench.connect([['pause'], ['gate'], ['rst']]);
    writing.socket.send(patterned(16 * 1048576));
    await wait(SOON);
    await writing.play.go();
    await writing.event('close');
    bench.fact('RST while our 16 MiB is being written', `${writing.log()}; final bufferedAmount ${writing.socket.bufferedAmount}`);
    const cut = bench.dial((await bench.play([['flood', 200000], ['wait', 300], ['rst']])).port);
    await cut.event('close');
    bench.fact('200 kB, 300 ms, RST', cut.log());
  },

  async connect_failures(bench) {
    const facts = await bench.server.facts();
    await each([
      ['refused', bench.server.host, facts.closed], ['DNS: no-such-host.invalid', 'no-such-host.invalid', facts.closed],
      ['host 0.0.0.0', '0.0.0.0', facts.closed], ['SYN unanswered', bench.server.host, facts.silent],
    ], async ([name, host, port]) => {
      const watched = bench.dial(port, BINARY, host);
      await watched.event('close', port === facts.silent ? 2000 : EVENT_TIMEOUT);
      bench.fact(name, `${watched.log()}; state ${watched.socket.readyState}`);
    });
    const late = bench.dial(facts.closed);
    bench.fact('refused: events come asynchronously', !late.saw('error'));
    await late.event('close');
    bench.fact('refused, listeners see error before close', REFUSED.test(late.log()));
  },

  async tls(bench) {
    if (!bench.environment.trusts) return; // the authority is not this phone's
    const secure = (host) => ({ host, options: { binaryType: 'arraybuffer', useSecureTransport: true } });
    const name = bench.server.host === '127.0.0.1' ? 'localhost' : bench.server.host;
    const handshake = async (fact, steps, { host = name, send = 'aaaaa', until = 'close', timeout = EVENT_TIMEOUT } = {}) => {
      const play = await bench.play(steps);
      const watched = bench.dial(play.port, secure(host).options, host);
      let returned = '';
      watched.on.open = () => { if (send) returned = '; send in onopen ' + attempt(() => watched.socket.send(bytesOf(send))); };
      if (typeof until === 'number') await watched.bytes(until, timeout);
      else await watched.event(until, timeout);
      bench.fact(fact, `${watched.log()}${returned}; text ${JSON.stringify(watched.text())}; ssl=${watched.socket.ssl}`);
      return { play, watched };
    };
    const hello = (certificate) => [['tls', certificate], ['write', 'TLSHELLO\r\n'], ['echo']];
    await each([
      async () => {
        const { play } = await handshake('trusted CA, right name', hello('trusted'), { until: 15 });
        const [{ tls }] = await play.journal({ received: 5 });
        bench.fact('...server', `${tls.protocol} sni=${tls.sni} alpn=${tls.alpn}`);
      },
      () => bench.server.host === '127.0.0.1' && handshake('trusted CA, IP host in SAN', hello('trusted'), { host: '127.0.0.1', until: 15 }),
      () => handshake('self-signed', hello('self-signed')),
      () => handshake('self-signed, send nothing', hello('self-signed'), { send: '' }),
      () => handshake('wrong name', hello('wrong-name')),
      () => handshake('expired', hello('expired')),
      () => handshake('TLS 1.2 only', hello('tls-1.2'), { until: 15 }),
      () => handshake('TLS 1.1 only', hello('tls-1.1')),
      () => handshake("TLS to a plain-text server ('* OK')", [['write', '* OK IMAP ready\r\n']]),
      () => handshake("TLS to a plain-text server ('+OK')", [['write', '+OK POP3 ready\r\n']], { timeout: SILENCE }),
      () => handshake("TLS to a plain-text server (':irc')", [['write', ':irc.test NOTICE AUTH :***\r\n']]),
      () => handshake('TLS to a plain-text server (HTTP)', [['read', 1], ['write', 'HTTP/1.1 400 Bad Request\r\n\r\n'], ['fin']]),
      () => handshake('server drops in handshake', [['read', 1], ['fin']]),
      () => handshake('server resets in handshake', [['read', 1], ['rst']]),
      () => handshake('server silent, we send', [], { timeout: SILENCE }),
      async () => {
        const { play } = await handshake('server with ALPN list imap,h2', hello('alpn'), { until: 15 });
        const [{ tls }] = await play.journal({ received: 5 });
        bench.fact('...server (ALPN)', `sni=${tls.sni} alpn=${tls.alpn}`);
      },
      () => handshake('FIN with no close_notify, nothing unread', [['tls', 'trusted'], ['read', 5], ['write', 'TLSHELLO\r\n'], ['wait', 200], ['close']]),
      () => handshake('close_notify then FIN', [['tls', 'trusted'], ['read', 5], ['write', 'TLSHELLO\r\n'], ['fin']]),
      async () => {
        const play = await bench.play([['tls', 'trusted'], ['echo']]);
        const watched = bench.dial(play.port, secure(name).options, name);
        await watched.event('open');
        watched.socket.send(patterned(300000));
        await watched.bytes(300000);
        const [entry] = await play.journal({});
        bench.fact('300 kB echo over TLS', `${watched.received}, in order ${entry.pattern}`);
      },
    ], (run) => run());
  },

  async starttls(bench) {
    if (!bench.environment.trusts) return;
    const name = bench.server.host === '127.0.0.1' ? 'localhost' : bench.server.host;
    const upgrade = async (fact, certificate, run) => {
      const play = await bench.play([['read', 10], ['write', 'OK\n'], ['tls', certificate], ['write', 'TLSHELLO\r\n'], ['read', 14], ['wait', 50]]);
      const watched = bench.dial(play.port, BINARY, name);
      await watched.event('open');
      watched.socket.send(bytesOf('STARTTLS\r\n'));
      await watched.bytes(3);
      const words = [];
      words.push('upgradeToSecure() ' + attempt(() => watched.socket.upgradeToSecure()));
      words.push('ssl=' + watched.socket.ssl + ' state=' + watched.socket.readyState);
      await run(watched, words);
      const [entry] = await play.journal({});
      const text = JSON.stringify(watched.text());
      bench.fact(fact, [...words, 'text ' + text, watched.words(), 'server received ' + entry.received].join('; '));
    };
    await each([
      () => upgrade('upgrade, then send at once', 'trusted', async (watched, words) => {
        words.push('send ' + attempt(() => watched.socket.send(bytesOf('ping'))));
        await watched.bytes(13);
        await wait(SOON);
      }),
      () => upgrade('upgrade, then wait, then send', 'trusted', async (watched, words) => {
        await watched.bytes(13);
        words.push('send ' + attempt(() => watched.socket.send(bytesOf('ping'))));
        await wait(SOON);
      }),
      () => upgrade('upgrade twice', 'trusted', async (watched, words) => {
        words.push('again ' + attempt(() => watched.socket.upgradeToSecure()));
        await watched.bytes(13);
      }),
      () => upgrade('upgrade, self-signed', 'self-signed', async (watched, words) => {
        words.push('send ' + attempt(() => watched.socket.send(bytesOf('ping'))));
        await watched.event('close');
      }),
    ], (run) => run());
  },

  async chunks(bench) {
    await each(['arraybuffer', 'string'], async (binaryType) => {
      const watched = bench.dial((await bench.play([['flood', 20000000], ['fin']])).port, { binaryType });
      await watched.event('close', 20000);
      const largest = Math.max.apply(null, watched.entries.map(({ length }) => length));
      bench.fact(`20 MB flood, ${binaryType}`, `${watched.received} bytes; none is longer than the pipe: ${largest <= 786432}`);
    });
    const apart = [];
    for (let i = 0; i < 20; i++) apart.push(['write', 'abc'], ['wait', 20]);
    const watched = bench.dial((await bench.play(apart)).port);
    await watched.bytes(60);
    bench.fact('20 writes of 3 bytes, 20 ms apart: data events', within(watched.count('data'), 10, 20));
  },

  async latency(bench) {
    const watched = await bench.connect([['echo']]);
    const trip = async (pieces) => {
      const times = [];
      for (let i = 0; i < 20; i++) {
        const begun = Date.now();
        const expected = watched.received + pieces;
        for (let n = 0; n < pieces; n++) watched.socket.send(bytesOf('x'));
        await watched.bytes(expected);
        times.push(Date.now() - begun);
      }
      return times.sort((a, b) => a - b)[10];
    };
    bench.fact('1-byte echo round trip p50 under 30 ms', await trip(1) < 30);
    bench.fact('two 1-byte sends p50 under 30 ms (no Nagle)', await trip(2) < 30);
  },

  async many_sockets(bench) {
    const play = await bench.play([['echo']]);
    const all = [];
    for (let i = 0; i < 100; i++) all.push(bench.dial(play.port));
    await each(all, async (watched) => {
      if (!await watched.event('open')) return;
      watched.socket.send(bytesOf('x'));
      await watched.bytes(1);
    });
    bench.fact('100 sockets at once: opened / echoed', `${all.filter((w) => w.saw('open')).length} / ${all.filter((w) => w.received === 1).length}`);
  },

  async gc_unreferenced(bench) {
    if (!bench.environment.collectGarbage) return;
    const play = await bench.play([['gate'], ['fin']]);
    let opens = 0;
    let closes = 0;
    const allOpen = new Promise((resolve) => {
      for (let i = 0; i < 20; i++) {
        const socket = bench.phone.mozTCPSocket.open(bench.server.host, play.port, BINARY);
        socket.onopen = () => { if (++opens === 20) resolve(); };
        socket.onclose = () => { closes++; };
      }
    });
    await Promise.race([allOpen, wait(EVENT_TIMEOUT)]);
    await bench.environment.collectGarbage();
    await play.go();
    await play.journal({ ended: 20 });
    await wait(SOON);
    bench.fact('20 sockets with handlers but no reference, GC forced: open events / close events', `${opens} / ${closes}`);
  },

  async server_socket(bench) {
    const { mozTCPSocket, TCPServerSocket } = bench.phone;
    const { own } = await bench.server.facts();
    bench.fact('listen() no args', attempt(() => mozTCPSocket.listen()));
    bench.fact('new TCPServerSocket() no args', attempt(() => new TCPServerSocket()));
    bench.fact("listen() binaryType 'blob'", attempt(() => mozTCPSocket.listen(0, { binaryType: 'blob' })));
    const listeners = [];
    const listen = (...parameters) => {
      const listener = mozTCPSocket.listen(...parameters);
      listeners.push(listener);
      return listener;
    };
    const any = listen(0);
    bench.fact('listen(0): class, localPort', `${Object.prototype.toString.call(any)} ${any.localPort === 0 ? 0 : 'nonzero'}`);
    any.close();
    const listener = listen(own, BINARY, 8);
    bench.fact('listen(port): localPort', listener.localPort === own);
    const members = [];
    for (const name in listener) if (!(name in EventTarget.prototype)) members.push(name);
    bench.fact('members', members.sort().join());
    bench.fact('onconnect before set', listener.onconnect);
    try {
      await wait(SOON); // a child process is not told when its listener listens
      // The next connection that comes in, and what its socket says; late is when it gets its handlers.
      const accept = (to, late) => new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no connect event')), EVENT_TIMEOUT);
        to.onconnect = (event) => {
          clearTimeout(timer);
          to.onconnect = null;
          bench.sockets.push(event.socket);
          const found = { event, socket: event.socket, state: event.socket.readyState, watched: late ? null : new Watched(event.socket) };
          if (!late) resolve(found);
          else setTimeout(() => resolve(Object.assign(found, { watched: new Watched(event.socket) })), late);
        };
      });
      const dial = async (steps) => {
        const play = await bench.server.dial({ port: own, steps });
        bench.plays.push(play);
        return play;
      };

      let accepting = accept(listener);
      const talker = await dial([['write', 'hello'], ['read', 5], ['wait', 200], ['fin']]);
      const { event, socket, state, watched } = await accepting;
      bench.fact('connect event class', Object.prototype.toString.call(event));
      bench.fact('connect event target', event.target === listener);
      bench.fact('accepted socket: class, state, ssl, binaryType',
        [Object.prototype.toString.call(socket), state, socket.ssl, socket.binaryType].join(' '));
      bench.fact('accepted socket: host is the peer, port', `${socket.host === bench.server.host} ${socket.port > 0 && socket.port !== own}`);
      await watched.bytes(5);
      socket.send('HELLO');
      await watched.event('close');
      bench.fact('accepted socket: events', watched.log());
      const [spoken] = await talker.journal({ ended: 1 });
      bench.fact('dialler got back', spoken.text);

      accepting = accept(listener, 300);
      await dial([['write', 'hello'], ['wait', 600], ['fin']]);
      const late = await accepting;
      await late.watched.event('close');
      bench.fact('handlers put on the accepted socket 300 ms later', late.watched.log());

      accepting = accept(listener);
      await dial([['write', 'a'], ['wait', 200], ['rst']]);
      const reset = await accepting;
      await reset.watched.event('close');
      bench.fact('peer of an accepted socket resets', reset.watched.log());

      accepting = accept(listener);
      const kept = await dial([['echo']]);
      const open = await accepting;
      bench.fact('listen on a port in use', attempt(() => listen(own)));
      bench.fact('close() returns', listener.close());
      bench.fact('close() twice', attempt(() => listener.close()));
      bench.fact('localPort after close()', listener.localPort === own ? 'unchanged' : listener.localPort);
      open.socket.send('still');
      await open.watched.bytes(5);
      bench.fact('server close(): accepted socket', `${open.socket.readyState}, echoed ${open.watched.received}`);
      open.socket.close();
      await kept.journal({ ended: 1 });
      const [refused] = await (await dial([])).journal({ ended: 1 });
      bench.fact('dial after close()', refused.end);

      const strings = listen(own);
      await wait(SOON);
      accepting = accept(strings);
      const self = bench.dial(own, BINARY, '127.0.0.1');
      const mine = await accepting;
      await self.event('open');
      self.socket.send('abc');
      await mine.watched.bytes(3);
      bench.fact('page dials its own listener', `${self.log()}; accepted ${mine.watched.log()}; default binaryType ${mine.socket.binaryType}`);
      self.socket.close();
      await mine.watched.event('close');
      strings.close();
      await wait(SOON); // nothing says when the port is free

      const crowded = listen(own, BINARY, 1);
      await wait(SOON);
      let connects = 0;
      // Not at once: whom a kernel with SYN cookies finds no place for, it lets believe to be connected, and forgets.
      for (let i = 0; i < 5; i++) {
        const next = accept(crowded);
        bench.dial(own, BINARY, '127.0.0.1');
        await next.then(() => connects++, () => {});
      }
      bench.fact('listen on the same port again; backlog 1, 5 dials one after another: connect events', connects);
    } finally {
      listeners.forEach((one) => one.close());
    }
  },

  async udp(bench) {
    const { UDPSocket } = bench.phone;
    bench.fact('typeof UDPSocket', typeof UDPSocket);
    if (typeof UDPSocket !== 'function') return;
    const { host } = bench.server;
    const facts = await bench.server.facts();
    const made = [];
    const make = (options) => {
      const socket = new UDPSocket(options);
      made.push(socket);
      socket.received = [];
      socket.looks = [];
      socket.onmessage = (event) => {
        socket.received.push(event);
        socket.looks.slice().forEach((look) => look());
      };
      // Nobody may wait for them.
      socket.opened.catch(() => {});
      socket.closed.catch(() => {});
      return socket;
    };
    const messages = (socket, count, timeout) => new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), timeout || SILENCE);
      const look = () => {
        if (socket.received.length < count) return;
        clearTimeout(timer);
        resolve(true);
      };
      socket.looks.push(look);
      look();
    });
    const settled = (promise) => Promise.race([
      promise.then((value) => 'resolves ' + value, (error) => 'rejects ' + error.name), wait(SILENCE).then(() => 'pending'),
    ]);
    const service = async (echo) => {
      const play = await bench.server.datagrams({ echo });
      bench.plays.push(play);
      return play;
    };
    try {
      const describe = (options) => attempt(() => {
        const s = make(options);
        const remote = s.remotePort === facts.closed ? 'N' : s.remotePort;
        return `${s.readyState} ${s.localAddress} ${s.localPort} ${s.remoteAddress} ${remote} ${s.addressReuse} ${s.loopback}`;
      });
      [
        ['new UDPSocket()', undefined], ['new UDPSocket({})', {}], ['new UDPSocket(null)', null], ['new UDPSocket({localPort:0})', { localPort: 0 }],
        ['new UDPSocket({remotePort:0})', { remotePort: 0 }], ["new UDPSocket({localAddress:'localhost'})", { localAddress: 'localhost' }],
        ["new UDPSocket({localAddress:'127.0.0.1'})", { localAddress: '127.0.0.1' }],
        ["new UDPSocket({remoteAddress:'localhost',remotePort})", { remoteAddress: 'localhost', remotePort: facts.closed }],
        ['new UDPSocket({addressReuse:false,loopback:true})', { addressReuse: false, loopback: true }],
      ].forEach(([name, options]) => bench.fact(name, describe(options)));

      const echo = await service(true);
      const socket = make({ remoteAddress: host, remotePort: echo.port });
      const members = [];
      for (const name in socket) if (!(name in EventTarget.prototype) && name !== 'received' && name !== 'looks') members.push(name);
      bench.fact('members', members.sort().join());
      bench.fact('send() before opened', attempt(() => socket.send('x')));
      bench.fact('opened is the same promise each read', socket.opened === socket.opened);
      bench.fact('opened', await settled(socket.opened));
      bench.fact('after opened: readyState localAddress localPort', [socket.readyState, socket.localAddress, socket.localPort > 0].join(' '));

      const digits = new Uint8Array([9, 8, 7, 6]);
      const big = (length) => new Uint8Array(length).fill(97);
      for (const [name, ...parameters] of [
        ["send('abc')", 'abc'], ["send('\u00e9\u20ac')", 'é€'], ['send(ArrayBuffer)', new Uint8Array([1, 2, 255]).buffer],
        ['send(Uint8Array)', digits], ['send(subarray(1,3))', digits.subarray(1, 3)], ['send(DataView)', new DataView(digits.buffer, 2)],
        ['send(Blob)', new Blob(['blob'])], ['send(number)', 42], ["send('')", ''], ['send(empty ArrayBuffer)', new ArrayBuffer(0)],
        ['send(1400 bytes)', big(1400)], ['send(explicit address, port)', 'xy', host, echo.port],
        ['send(explicit name)', 'xz', host === '127.0.0.1' ? 'localhost' : host, echo.port],
        ['send(bad name)', 'x', 'no-such-host.invalid', echo.port], ['send(port 0)', 'x', host, 0], ['send(null port)', 'q', host, null],
        ['send(undefined address and port)', 'r', undefined, undefined],
      ]) {
        const before = socket.received.length;
        const returned = attempt(() => socket.send(...parameters));
        await messages(socket, before + 1, 500);
        const back = socket.received.slice(before).map((event) => {
          const bytes = new Uint8Array(event.data);
          const from = event.remoteAddress === host && event.remotePort === echo.port ? 'from the server' : 'from elsewhere';
          return `${bytes.length} bytes ${Array.from(bytes.subarray(0, 6)).join()} ${from}`;
        });
        bench.fact(name + ', echoed', `${returned}; ${back.join(' + ') || 'nothing back'}`);
      }
      const { event } = { event: socket.received[0] };
      bench.fact('message event class; data class; target', [Object.prototype.toString.call(event), Object.prototype.toString.call(event.data),
        event.target === socket].join(' '));
      bench.fact('send() no args', attempt(() => socket.send()));

      const free = make();
      await settled(free.opened);
      bench.fact('send with no remote set and none given', attempt(() => free.send('x')));
      bench.fact('send with address but no port', attempt(() => free.send('x', host)));
      const dead = make({ remoteAddress: host, remotePort: facts.closed });
      await settled(dead.opened);
      dead.send('x');
      await wait(SOON);
      bench.fact('send to a closed port (ICMP): state', dead.readyState);

      // What arrives where more is sent than one datagram takes.
      const counter = await service(false);
      let sent = 0;
      for (const [length, pieces] of [[1400, 1], [1401, 2], [1472, 2], [2800, 2], [9000, 7], [65508, 47], [0, 0]]) {
        free.send(big(length), host, counter.port);
        if (length === 0) await wait(SOON);
        const sizes = (await counter.journal({ received: sent + pieces })).slice(sent);
        sent += sizes.length;
        bench.fact(`send(${length} bytes): datagrams the peer got`, sizes.length > 3 ? `${sizes.length}, last ${sizes[sizes.length - 1]}` : sizes.join('+'));
      }
      for (const length of [0, 1400, 1472, 9000, 9216, 9217, 20000, 65507]) {
        const before = free.received.length;
        await counter.send({ port: free.localPort, sizes: [length] });
        await messages(free, before + 1);
        bench.fact(`receive a datagram of ${length}`, free.received.slice(before).map(({ data }) => data.byteLength).join() || 'nothing');
      }
      const before = socket.received.length;
      await echo.send({ port: socket.localPort, sizes: [5], stranger: true });
      await messages(socket, before + 1);
      bench.fact('datagram from a stranger to a socket with remote set', socket.received.length > before ? 'delivered' : 'filtered');
      const sizes = Array.from({ length: 50 }, () => 100);
      const start = free.received.length;
      await counter.send({ port: free.localPort, sizes });
      await messages(free, start + 50);
      const numbers = free.received.slice(start).map(({ data }) => new DataView(data).getUint16(0));
      bench.fact('burst of 50 x 100 bytes in, in order', numbers.length === 50 && numbers.every((number, i) => number === i));

      const returned = socket.close();
      bench.fact('close() returns closed', returned === socket.closed);
      bench.fact('readyState after close()', socket.readyState);
      bench.fact('closed', await settled(socket.closed));
      bench.fact('send after close()', attempt(() => socket.send('x')));
      bench.fact('close() again', socket.close() === socket.closed);
      bench.fact('joinMulticastGroup after close', attempt(() => socket.joinMulticastGroup('224.0.0.251')));
      const early = make();
      early.close();
      bench.fact('close() before opened: opened, closed', `${await settled(early.opened)}, ${await settled(early.closed)}`);

      const holder = make({ localPort: facts.own, addressReuse: false });
      bench.fact('bind to a given port: opened', await settled(holder.opened));
      bench.fact('...localAddress, localPort', `${holder.localAddress} ${holder.localPort === facts.own}`);
      for (const [name, options] of [
        ['bind to a port in use, addressReuse:false', { localPort: facts.own, addressReuse: false }],
        ['bind to a port in use, default addressReuse', { localPort: facts.own }],
        ['bind to an address we lack', { localAddress: '192.0.2.1' }],
      ]) {
        const failed = make(options);
        bench.fact(name, `opened ${await settled(failed.opened)}, closed ${await settled(failed.closed)}, ${failed.readyState}`);
      }
      bench.fact("joinMulticastGroup('224.0.0.251')", attempt(() => free.joinMulticastGroup('224.0.0.251')));
      bench.fact("leaveMulticastGroup('224.0.0.251')", attempt(() => free.leaveMulticastGroup('224.0.0.251')));
      bench.fact("joinMulticastGroup('bad')", attempt(() => free.joinMulticastGroup('bad')));
    } finally {
      made.forEach((socket) => socket.close());
    }
  },

  async page_unload(bench) {
    if (!bench.environment.frame) return;
    const play = await bench.play([['echo']]);
    const frame = await bench.environment.frame();
    const watched = new Watched(frame.mozTCPSocket.open(bench.server.host, play.port, BINARY));
    await watched.event('open');
    watched.socket.send('ab');
    await watched.bytes(2);
    frame.remove();
    const [entry] = await play.journal({ ended: 1 });
    bench.fact('iframe removed with an open socket: peer saw', `${entry.received} bytes, then ${entry.end}`);
  },

  async offline(bench) {
    if (!bench.environment.setOffline || bench.server.host !== '127.0.0.1') return;
    const idle = await bench.connect([['echo']]);
    const echo = await bench.play([['echo']]);
    await bench.environment.setOffline(true);
    try {
      await wait(SOON);
      bench.fact('open idle loopback socket', idle.log());
      idle.socket.send('x');
      bench.fact('...echoes afterwards', await idle.bytes(1));
      await each([
        ['open() while offline (loopback IP)', '127.0.0.1'], ['open() while offline (localhost)', 'localhost'],
        ['open() while offline (remote name)', 'example.com'],
      ], async ([name, host]) => {
        const watched = bench.dial(echo.port, BINARY, host);
        await watched.until(() => watched.saw('open') || watched.saw('close'));
        bench.fact(name, watched.log());
      });
    } finally {
      await bench.environment.setOffline(false);
    }
    const back = bench.dial(echo.port);
    await back.event('open');
    bench.fact('back online: open()', back.log());
  },
};

/** Resolves with the message of the next uncaught error, which is then none any more. */
function nextError(window) {
  return new Promise((resolve) => {
    const heard = (event) => {
      window.removeEventListener('error', heard);
      event.preventDefault();
      resolve(event.message);
    };
    window.addEventListener('error', heard);
  });
}

/** What a send did, as its caller and the server saw it. The server reads only after the call, so that nothing moves meanwhile. */
async function sent(watched, send) {
  const returned = attempt(() => send(watched.socket));
  watched.socket.close();
  await watched.play.go();
  const [{ received, text }] = await watched.play.journal({ ended: 1 });
  return `${returned}; server got ${received} bytes ${JSON.stringify(text)}`;
}

/**
 * Runs the script.
 *
 * environment:
 *   phone           { navigator, mozTCPSocket, TCPSocket, TCPServerSocket, UDPSocket }: what there is of it
 *   server          URL of servers.mjs
 *   window          the page, where the script runs in one
 *   trusts          whether the phone trusts the servers' authority
 *   collectGarbage  forces a garbage collection
 *   setOffline      takes the machine's network away, or gives it back
 *   frame           makes an iframe that has the same sockets: { mozTCPSocket, remove() }
 * All but phone and server may be absent: what needs them is left out.
 *
 * @param {object} environment
 * @param {{only?: string[], progress?: (group: string, done: number, of: number) => void}} [options]
 * @returns {Promise<Record<string, Record<string, string>>>} group → fact → what was seen
 */
export async function run(environment, { only, progress = () => {} } = {}) {
  const control = await server(environment.server);
  const names = Object.keys(GROUPS).filter((name) => !only || only.indexOf(name) >= 0);
  const report = {};
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    progress(name, i, names.length);
    const facts = report[name] = {};
    const bench = new Bench(Object.assign({}, environment, { server: control }), facts);
    let timer = 0;
    const late = new Promise((resolve) => { timer = setTimeout(() => resolve('hung'), GROUP_TIMEOUT); });
    const failure = await Promise.race([late, GROUPS[name](bench).then(() => null, (error) => `failed: ${error.name} ${error.message}`)]);
    clearTimeout(timer);
    if (failure) facts['the group'] = failure;
    await bench.finish();
  }
  progress('', names.length, names.length);
  return report;
}
