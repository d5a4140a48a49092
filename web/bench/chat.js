// A busy channel and a large one, from the same server and bytes: kaiwire's, in
// page and worker, beside irc-framework's.
import { connect as connectIrcFramework } from '/bench/out/irc-framework.js';
import { Checksum } from './mailbox.js';
import { compare, loadWires, moduleMemory } from './measure.js';

const MIB = 1024 * 1024;
/** Where it is. */
export const ROOM = { host: 'irc.example', port: 6667 };
const CHANNEL = '#bench';
/** The size of a segment of the pipe between a phone's network and its apps. */
const CHUNK = 16 * 1024;
const TIMEOUT = 60_000;
const CAPABILITIES = 'account-tag batch extended-join message-tags multi-prefix server-time userhost-in-names';

/** What is said in each ten lines, as bytes: tags on all, three in a batch; and the checksum of the texts. */
function makeTalk(lines) {
  const texts = new Checksum();
  const out = [];
  for (let i = 0; out.length < lines; i++) {
    const tags = (n) => `@time=2026-11-22T09:${String(i % 60).padStart(2, '0')}:0${n}.123Z;account=user${i % 50};msgid=m${i}x${n}`;
    const nick = `nick${i % 200}`;
    const say = (n, text) => {
      texts.add(text);
      out.push(`${tags(n)} :${nick}!user@host.example PRIVMSG ${CHANNEL} :${text}`);
    };
    for (let n = 0; n < 5; n++) say(n, `Message ${i} of this conversation, the ${n}th of its part, ça va?`);
    out.push(`${tags(5)} :guest${i}!user@host.example JOIN ${CHANNEL} * :Guest ${i}`);
    out.push(`:${nick}!user@host.example MODE ${CHANNEL} ${i % 2 ? '-' : '+'}t`);
    out.push(`:irc.example BATCH +b${i} example.com/part`);
    out.push(`@batch=b${i} :guest${i}!user@host.example PART ${CHANNEL} :bye`);
    out.push(`:irc.example BATCH -b${i}`);
  }
  out.push(`:end!user@host.example PRIVMSG ${CHANNEL} :that is all`);
  return { bytes: new TextEncoder().encode(out.join('\r\n') + '\r\n'), texts: String(texts), count: out.length };
}

/** The answers to NAMES and WHO, of so many members. */
function makeMembers(count, nick) {
  const names = [];
  const who = [];
  for (let i = 0; i < count; i += 10) {
    const list = [];
    for (let n = i; n < i + 10; n++) {
      list.push(`${n % 100 ? '' : '@'}member${n}!user${n}@host${n}.example`);
      who.push(`:irc.example 354 ${nick} @ ${CHANNEL} user${n} host${n}.example member${n} H account${n} :Member ${n}\r\n`);
    }
    names.push(`:irc.example 353 ${nick} = ${CHANNEL} :${list.join(' ')}\r\n`);
  }
  return {
    names: `${names.join('')}:irc.example 366 ${nick} ${CHANNEL} :End\r\n`,
    who: `${who.join('')}:irc.example 315 ${nick} ${CHANNEL} :End\r\n`,
  };
}

function serve(peer, talk, members) {
  const decoder = new TextDecoder();
  let pending = '';
  let nick = '*';
  const answer = (line) => {
    const [verb, first, ...rest] = line.split(' ');
    switch (verb) {
      case 'NICK': nick = first; break;
      case 'CAP':
        if (first === 'LS') peer.write(`:irc.example CAP * LS :${CAPABILITIES}\r\n`);
        if (first === 'REQ') peer.write(`:irc.example CAP * ACK ${rest.join(' ')}\r\n`);
        if (first === 'END') {
          peer.write(`:irc.example 001 ${nick} :Welcome ${nick}!user@host.example\r\n:irc.example 005 ${nick} WHOX CHANTYPES=# `
            + `PREFIX=(ov)@+ CHANMODES=b,k,l,nt CASEMAPPING=ascii :are supported\r\n:irc.example 376 ${nick} :End\r\n`);
        }
        break;
      case 'PING': peer.write(`:irc.example PONG irc.example ${first}\r\n`); break;
      case 'JOIN':
        peer.write(`:${nick}!user@host.example JOIN ${CHANNEL} * :Me\r\n:irc.example 353 ${nick} = ${CHANNEL} :${nick}\r\n`
          + `:irc.example 366 ${nick} ${CHANNEL} :End\r\n`);
        break;
      case 'MODE': peer.write(`:irc.example 324 ${nick} ${CHANNEL} +n\r\n`); break;
      case 'NAMES': peer.write(members(nick).names); break;
      // Whose fields and token are each client's own: these are by the letters.
      case 'WHO': peer.write(fields(members(nick).who, rest.join(' '))); break;
      case 'TALK': peer.write(talk.bytes); break;
      case 'QUIT': peer.end(); break;
    }
  };
  peer.ondata = (bytes) => {
    const lines = (pending + decoder.decode(bytes, { stream: true })).split('\r\n');
    pending = lines.pop();
    lines.forEach(answer);
  };
  peer.onend = () => peer.end();
}

/** The lines of `who` with the token and in the order of fields that a WHOX asks for. */
function fields(who, query) {
  const [letters, token] = query.replace(/^%/, '').split(',');
  return who.replace(/ 354 (\S+) @ (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) :(.*)/g, (_, nick, c, u, h, n, f, a, r) => {
    const values = { t: token, c, u, h, s: 'irc.example', n, f, d: '0', l: '0', a, o: 'n/a', r: `:${r}` };
    return ` 354 ${nick} ${Array.from('tcuihsnfdlaor').filter((x) => letters.includes(x)).map((x) => values[x]).join(' ')}`;
  });
}

/** Puts the server up; resolves with what it says: {bytes, texts, count}. */
export function listen(network, lines, size = 0) {
  const talk = makeTalk(lines);
  const made = new Map();
  const members = (nick) => made.get(nick) || made.set(nick, makeMembers(size, nick)).get(nick);
  network.chunks.set(ROOM.host, CHUNK);
  network.listen(`${ROOM.host}:${ROOM.port}`, (peer) => serve(peer, talk, members));
  return talk;
}

/** Has the server talk, and calls `each` with every text until that returns true. */
function hear(session, theirs, each) {
  return new Promise((resolve) => {
    const [event, field] = theirs ? ['privmsg', 'message'] : ['message', 'text'];
    const listener = (said) => {
      if (!each(said[field])) return;
      session.off(event, listener);
      resolve();
    };
    session.on(event, listener);
    session.raw('TALK');
  });
}

const isLast = (text) => text === 'that is all';

/** A session, irc-framework's if it is `theirs`, joins the channel and hears all that is said. */
export async function talkOnce(session, theirs) {
  await session.join(CHANNEL);
  await hear(session, theirs, isLast);
}

export async function run({ network, ...notes }, { lines, members: size, engines, ...options }) {
  const talk = listen(network, lines, size);

  /** Runs a talk, which calls its argument with each text until the last: lines per second. */
  const timed = (hear) => async () => {
    const texts = new Checksum();
    const begun = performance.now();
    await hear((text) => {
      if (isLast(text)) return true;
      texts.add(text);
      return false;
    });
    const elapsed = performance.now() - begun;
    if (String(texts) !== talk.texts) throw new Error(`the texts are ${texts}, and not ${talk.texts}`);
    return talk.count / (elapsed / 1000);
  };
  const counted = (list) => async () => {
    const begun = performance.now();
    for (const found of await list()) {
      if (found !== size) throw new Error(`there are ${found} members, and not ${size}`);
    }
    return 2 * size / ((performance.now() - begun) / 1000);
  };

  const wires = await loadWires('irc', '/irc/', engines);
  const sessions = {};
  for (const mode of Object.keys(wires)) {
    sessions[mode] = await wires[mode].irc.connect({ ...ROOM, security: 'none', nick: mode, floodBurst: 100 });
    await sessions[mode].join(CHANNEL);
  }
  const peer = await connectIrcFramework({ ...ROOM, nick: 'framework' });
  peer.join(CHANNEL);

  const ours = (mode) => timed((each) => hear(sessions[mode], false, each));
  await compare(notes, 'lines/s', {
    'chat/irc-framework': timed((each) => hear(peer, true, each)),
    ...Object.fromEntries(Object.keys(wires).map((mode) => [`chat/${mode}`, ours(mode)])),
  }, options);

  const list = (mode) => counted(async () => [
    (await sessions[mode].names(CHANNEL, { timeout: TIMEOUT })).length, (await sessions[mode].who(CHANNEL, { timeout: TIMEOUT })).length]);
  const once = (event) => new Promise((resolve) => { peer.once(event, ({ users }) => resolve(users.length)); });
  await compare(notes, 'members/s', {
    'members/irc-framework': counted(async () => {
      const names = once('userlist');
      peer.raw('NAMES', CHANNEL);
      const found = [await names];
      const who = once('wholist');
      peer.who(CHANNEL);
      return found.concat(await who);
    }),
    ...Object.fromEntries(Object.keys(wires).map((mode) => [`members/${mode}`, list(mode)])),
  }, options);

  for (const mode of Object.keys(wires)) {
    if (mode !== 'page-tinygo') notes.figure(`chat/${mode}/memory`, 'MiB', [await moduleMemory(wires[mode]) / MIB]);
    await sessions[mode].quit();
    await wires[mode].close();
  }
  peer.quit();
}
