// A chat server in the page's own network, or a shell's, that says many lines at once when it is asked to.

/** What a client gives to connect(). */
export const IRC = { host: 'irc.example', port: 6667, security: 'none', nick: 'ada' };
const CHANNEL = '#bench';
/** The size of a segment of the pipe between a phone's network and its apps. */
export const CHUNK = 16 * 1024;

const utf8 = new TextEncoder();
const text = new TextDecoder();

/** Lets the next module of that name come from its file, as at an app's start: a script, other than WebAssembly, stays for ever. */
export function forget(module) {
  if (self.kaiwireModules) delete self.kaiwireModules[module];
}

/** Listens on `network`, whose `chunks`, if it has any, say how much one event carries. */
export function serve(network, lines) {
  const all = linesOf(lines);
  if (network.chunks) network.chunks.set(IRC.host, CHUNK);
  network.listen(`${IRC.host}:${IRC.port}`, (peer) => serveIrc(peer, all));
}

/** Says the same lines whenever the client sends SAY; what it says first is what it takes to register. */
function serveIrc(peer, lines) {
  let rest = '';
  peer.ondata = (bytes) => {
    const received = (rest + text.decode(bytes)).split('\r\n');
    rest = received.pop();
    for (const line of received) {
      const [command, ...parameters] = line.split(' ');
      if (command === 'USER') {
        peer.write(utf8.encode(`:${IRC.host} 001 ada :Welcome\r\n:${IRC.host} 005 ada CASEMAPPING=ascii :are supported\r\n`
          + `:${IRC.host} 422 ada :No message of the day\r\n`));
      } else if (command === 'CAP' && parameters[0] === 'LS') {
        peer.write(utf8.encode(`:${IRC.host} CAP * LS :message-tags server-time\r\n`));
      } else if (command === 'CAP' && parameters[0] === 'REQ') {
        peer.write(utf8.encode(`:${IRC.host} CAP ada ACK ${parameters.slice(1).join(' ')}\r\n`));
      } else if (command === 'SAY') {
        peer.write(lines);
      } else if (command === 'PING') {
        peer.write(utf8.encode(`:${IRC.host} PONG ${IRC.host} ${parameters[0]}\r\n`));
      } else if (command === 'QUIT') {
        peer.end();
      }
    }
  };
  peer.onend = () => peer.end();
}

function linesOf(count) {
  const lines = [];
  for (let i = 0; i < count; i++) {
    lines.push(`@time=2026-01-0${1 + i % 9}T12:00:00.000Z;msgid=m${i} :nick${i % 97}!user@host.example PRIVMSG ${CHANNEL} `
      + `:message number ${i}, as long as those that people write\r\n`);
  }
  return utf8.encode(lines.join(''));
}

/** Has the server say all its lines; resolves when the session has told of the last. */
export function hear(session, lines) {
  return new Promise((resolve, reject) => {
    let count = 0;
    const listen = () => {
      if (++count < lines) return;
      session.off('message', listen);
      resolve();
    };
    session.on('message', listen);
    session.raw('SAY').catch(reject);
  });
}
