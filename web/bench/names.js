// Names resolved a second, to the app's callback: dns-packet with the least that makes a client of it, and kaiwire with
// all that a resolver does, by UDP and by TCP; and names that kaiwire has kept.
import { TcpClient, UdpClient } from './out/dnspacket.js';
import { compare, loadWires } from './measure.js';

/** Of the phones that offer UDP to apps. */
export const profile = 'kaios25';

const HOST = '10.0.0.53';
const PORT = 53;
const ADDRESS = '192.0.2.1';
const OPT = 41;
const COOKIE = 10;

/** A server's answer: the question, an address of it, and of a question with EDNS its OPT record with the cookie. */
function answer(query) {
  let end = 12;
  while (query[end] !== 0) end += 1 + query[end];
  end += 5;
  const opt = (query[end + 1] << 8 | query[end + 2]) === OPT ? query.slice(end) : new Uint8Array(0);
  if (opt.length > 11 && (opt[11] << 8 | opt[12]) !== COOKIE) throw new Error('not an option of a client');
  const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1];
  const message = new Uint8Array(end + record.length + opt.length);
  message.set(query.subarray(0, end));
  message.set([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, opt.length > 0 ? 1 : 0], 2);
  message.set(record, end);
  message.set(opt, end + record.length);
  return message;
}

function serve(network) {
  const socket = network.host(HOST).bind({ port: PORT, address: null, reuse: false, loopback: false });
  socket.onmessage = (bytes, address, port) => socket.send(answer(new Uint8Array(bytes)), address, port);
  network.listen(`${HOST}:${PORT}`, (peer) => {
    let rest = new Uint8Array(0);
    peer.ondata = (bytes) => {
      const all = new Uint8Array(rest.length + bytes.length);
      all.set(rest);
      all.set(bytes, rest.length);
      let at = 0;
      while (at + 2 <= all.length && at + 2 + (all[at] << 8 | all[at + 1]) <= all.length) {
        const length = all[at] << 8 | all[at + 1];
        const message = answer(all.subarray(at + 2, at + 2 + length));
        const frame = new Uint8Array(2 + message.length);
        frame.set([message.length >> 8, message.length & 0xff]);
        frame.set(message, 2);
        peer.write(frame);
        at += 2 + length;
      }
      rest = all.slice(at);
    };
    peer.onend = () => peer.end();
  });
  return socket;
}

/**
 * What the sockets alone take, and the server: a question that is written already, and an answer of which nothing but the
 * number is read. No client of DNS can be quicker.
 */
class Bare {
  constructor(transport) {
    this.transport = transport;
    this.waiting = new Map();
    this.last = 0;
    const labels = 'host1234.some.example'.split('.').flatMap((label) => [label.length, ...Array.from(label, (c) => c.charCodeAt(0))]);
    const message = [0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, 1, 0, 1];
    this.at = transport === 'tcp' ? 2 : 0;
    this.written = Uint8Array.from(this.at ? [0, message.length, ...message] : message);
  }

  async open() {
    if (this.transport === 'udp') {
      this.socket = new UDPSocket({});
      await this.socket.opened;
      this.socket.onmessage = ({ data }) => this.read(new Uint8Array(data));
      return;
    }
    this.socket = navigator.mozTCPSocket.open(HOST, PORT, { binaryType: 'arraybuffer' });
    this.socket.ondata = ({ data }) => {
      const bytes = new Uint8Array(data);
      // The server's frames come whole.
      for (let at = 0; at < bytes.length; at += 2 + (bytes[at] << 8 | bytes[at + 1])) this.read(bytes.subarray(at + 2));
    };
    await new Promise((resolve) => { this.socket.onopen = resolve; });
  }

  read(bytes) {
    const id = bytes[0] << 8 | bytes[1];
    this.waiting.get(id)(ADDRESS);
    this.waiting.delete(id);
  }

  question() {
    const id = this.last = this.last + 1 & 0xffff;
    const bytes = this.written.slice();
    bytes[this.at] = id >> 8;
    bytes[this.at + 1] = id;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      if (this.at) this.socket.send(bytes.buffer, 0, bytes.length);
      else this.socket.send(bytes.buffer, HOST, PORT);
    });
  }

  close() { return this.socket.close(); }
}

/** `count` questions, so many at a time; a second has that many. */
async function rate(resolve, count, atATime) {
  let next = 0;
  const begun = performance.now();
  const ask = async () => {
    while (next < count) {
      const address = await resolve(`host${next++}.some.example`);
      if (address !== ADDRESS) throw new Error(`got ${address}`);
    }
  };
  await Promise.all(Array.from({ length: atATime }, ask));
  return count / ((performance.now() - begun) / 1000);
}

export async function run({ network, ...notes }, { count, flights, engines, ...options }) {
  const server = serve(network);
  const wires = await loadWires('dns', '/dist/', engines);
  for (const [transport, Client] of [['udp', UdpClient], ['tcp', TcpClient]]) {
    const client = new Client();
    await client.open(HOST, PORT);
    const bare = new Bare(transport);
    await bare.open();
    const resolvers = {};
    for (const [mode, wire] of Object.entries(wires)) {
      resolvers[mode] = await wire.dns.resolver({ servers: [`${transport}://${HOST}`], cache: false });
    }
    for (const flight of flights) {
      const sides = {
        [`names/js/${transport}/${flight}`]: () => rate((name) => client.question(name), count, flight),
        [`names/bare/${transport}/${flight}`]: () => rate(() => bare.question(), count, flight),
      };
      for (const [mode, resolver] of Object.entries(resolvers)) {
        sides[`names/${mode}/${transport}/${flight}`] = () =>
          rate(async (name) => (await resolver.resolve4(name))[0], count, flight);
      }
      await compare(notes, 'queries/s', sides, options);
    }
    await client.close();
    await bare.close();
    for (const resolver of Object.values(resolvers)) await resolver.close();
  }
  // Beside asking by UDP, one at a time, what it is to have the answer.
  const client = new UdpClient();
  await client.open(HOST, PORT);
  const kept = { 'names/js/udp/again': () => rate((name) => client.question(name), count, 1) };
  for (const [mode, wire] of Object.entries(wires)) {
    const resolver = await wire.dns.resolver({ servers: [`udp://${HOST}`], cache: { maxSize: 4 << 20 } });
    kept[`names/${mode}/kept`] = () => rate(async (name) => (await resolver.resolve4(name))[0], count, 1);
  }
  await compare(notes, 'lookups/s', kept, options);
  await client.close();
  for (const wire of Object.values(wires)) await wire.close();
  server.close();
}
