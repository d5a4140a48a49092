// The page that is watched for an hour: two people who talk to each other in a
// busy IRC channel, and questions to a name server, each over sockets that live
// as long as the page does but for a few that are closed and opened anew.
// run.mjs is its director.
import { load } from '/dist/kaiwire.js';
import { install, Tunnel } from '/dist/kaiwire-mock.js';

/** One in which the demo's server has bots that talk. */
const CHANNEL = '#kaios';
/** Between the arrival of a text and the next, and between two questions, in milliseconds. */
const PAUSE = 10;
/** After so many messages one of the two leaves and comes back, and after so many questions the resolver is another. */
const RENEW = { messages: 100, queries: 5000 };
/** How long a text may be under way, in milliseconds. */
const PATIENCE = 30_000;

const WORDS = ['namaste', 'नमस्ते', 'मित्र', 'kaise', '🙏🏽', 'привет', 'سلام', 'ok', 'a', 'ভালো'];

const pause = () => new Promise((resolve) => { setTimeout(resolve, PAUSE); });

/** A text that is another for each number, of one word to some twenty. */
function textOf(number) {
  const words = [String(number)];
  for (let i = 0; i < (number * 7) % 20; i++) words.push(WORDS[(number + i * i) % WORDS.length]);
  return words.join(' ').trim();
}

class Soak {
  constructor(wire, phone, options) {
    this.wire = wire;
    this.phone = phone;
    this.options = options;
    this.counts = { messages: 0, heard: 0, queries: 0, connections: 0 };
    this.failure = null;
    this.over = false;
  }

  async connect(nick) {
    const { host, port, security } = this.options.irc;
    const session = await this.wire.irc.connect({ host, port, security, nick, altNicks: [nick + '_', nick + '__'] });
    this.counts.connections++;
    session.on('message', () => { this.counts.heard++; });
    await session.join(CHANNEL);
    return session;
  }

  /** Resolves with the text of the next message to the channel that `from` sends, as `to` hears it. */
  heard(to, from) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no message within ${PATIENCE} ms`)), PATIENCE);
      const listen = (message) => {
        if (message.nick !== from.nick) return;
        clearTimeout(timer);
        to.off('message', listen);
        resolve(message.text);
      };
      to.on('message', listen);
    });
  }

  async talk() {
    const { name } = this.options;
    let anna = await this.connect(`anna-${name}`);
    let ben = await this.connect(`ben-${name}`);
    // The session's own flood control sets the pace.
    while (!this.over) {
      const number = this.counts.messages;
      const text = textOf(number);
      const arrives = this.heard(ben, anna);
      await anna.send(CHANNEL, text);
      const got = await arrives;
      if (got !== text) throw new Error(`message ${number} was sent as ${JSON.stringify(text)} and came as ${JSON.stringify(got)}`);
      this.counts.messages++;
      [anna, ben] = [ben, anna];
      if (this.counts.messages % RENEW.messages === 0) {
        await ben.quit('back soon');
        ben = await this.connect(`${number % 2 ? 'ben' : 'carla'}-${name}`);
      }
      await pause();
    }
    await anna.quit();
    await ben.quit();
  }

  async ask() {
    const { host, port } = this.options.dns;
    const { questions } = this.options;
    let resolver = null;
    while (!this.over) {
      const number = this.counts.queries;
      if (number % RENEW.queries === 0) {
        if (resolver) await resolver.close();
        resolver = await this.wire.dns.resolver({ servers: [`${host}:${port}`] });
      }
      const { name, type, expected } = questions[number % questions.length];
      const { rcode, answers } = await resolver.query(name, type);
      const got = `${rcode} ${answers.length}`;
      if (got !== expected) throw new Error(`query ${number}, ${name} ${type}: ${got}, not ${expected}`);
      this.counts.queries++;
      await pause();
    }
    await resolver.close();
  }

  run() {
    this.ended = Promise.all([this.talk(), this.ask()]).catch((error) => {
      this.failure = String(error.stack ? `${error}\n${error.stack}` : error);
      this.over = true;
    });
  }

  /** Bytes of linear memory by module; of a worker's the page knows nothing. */
  memory() {
    const { modules } = this.wire._client.engine;
    if (!modules) return null;
    let bytes = 0;
    modules.forEach(({ host }) => { bytes += host.buffer.byteLength; });
    return bytes;
  }
}

let soak = null;

window.soak = {
  async begin(options) {
    const phone = install(window, { profile: 'kaios3', network: new Tunnel(options.relay) });
    const wire = await load({ modules: ['irc', 'dns'], worker: options.worker, engine: options.engine, base: '/dist/' });
    soak = new Soak(wire, phone, options);
    soak.run();
  },
  sample: () => ({ ...soak.counts, memory: soak.memory(), sockets: soak.phone.sockets.size, failure: soak.failure }),
  /** Ends the traffic in good order; resolves with what sample() does. */
  async end() {
    soak.over = true;
    await soak.ended;
    await soak.wire.close();
    return { ...soak.counts, failure: soak.failure };
  },
};
document.title = 'ready';
