// Two talk to a scripted IRC server: registration with capabilities, a
// channel, a message each way, and the end.
import { load, serveLines } from './phone.js';

export async function main(options) {
  const said = [];
  serveLines('irc.test:6667', (command, parameters, say, peer) => {
    said.push([command, ...parameters].join(' '));
    switch (command) {
      case 'CAP':
        if (parameters[0] === 'LS') say(':irc.test CAP * LS :server-time multi-prefix');
        if (parameters[0] === 'REQ') say(`:irc.test CAP * ACK :${parameters[1]}`);
        break;
      case 'USER':
        say(':irc.test 001 anna :Welcome');
        say(':irc.test 422 anna :No MOTD');
        break;
      case 'PING':
        say(`:irc.test PONG irc.test :${parameters[0]}`);
        break;
      case 'JOIN':
        say(`:anna!a@test JOIN ${parameters[0]}`);
        say(`:irc.test 353 anna = ${parameters[0]} :anna @ben`);
        say(`:irc.test 366 anna ${parameters[0]} :End`);
        break;
      case 'PRIVMSG':
        say(`@time=2020-02-02T20:20:20.000Z :ben!b@test PRIVMSG ${parameters[0]} :${options.answer} ${parameters[1]}`);
        break;
      case 'QUIT':
        say('ERROR :bye');
        peer.end();
        break;
    }
  });

  const wire = await load('irc', options);
  const session = await wire.irc.connect({ host: 'irc.test', security: 'none', nick: 'anna', realname: 'Anna' });
  const { names } = await session.join('#kai');
  const heard = new Promise((resolve) => session.once('message', resolve));
  await session.send('#kai', 'namaste 🙏');
  const { nick, target, text, time } = await heard;
  const elapsed = await session.ping();
  await session.quit('good night');
  await wire.close();
  return { said, names, heard: { nick, target, text, time }, pinged: elapsed >= 0 };
}
