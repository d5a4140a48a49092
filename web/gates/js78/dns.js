// A name server that knows one name, asked for that, in parallel too, and for another.
import { load, network } from './phone.js';

const NXDOMAIN = 3;

export async function main(options) {
  network.listen('ns.test:53', (peer) => {
    let rest = new Uint8Array(0);
    peer.ondata = (bytes) => {
      const all = new Uint8Array(rest.length + bytes.length);
      all.set(rest);
      all.set(bytes, rest.length);
      rest = all;
      // Over TCP each message has its length before it.
      for (let length; rest.length >= 2 && rest.length >= 2 + (length = rest[0] * 256 + rest[1]);) {
        peer.write(answerTo(rest.slice(2, 2 + length)));
        rest = rest.slice(2 + length);
      }
    };
  });

  function answerTo(query) {
    const end = query.indexOf(0, 12) + 5; // the name, its type and its class
    // Of which case a question's letters are is the client's affair.
    const name = String.fromCharCode(...query.slice(12, end - 5)).toLowerCase().replace(/[^a-z]/g, '.');
    const known = name === '.kai.test';
    const record = known ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, ...options.address] : [];
    const flags = known ? 0 : NXDOMAIN;
    const message = [...query.slice(0, 2), 0x84, flags, 0, 1, 0, record.length > 0 ? 1 : 0, 0, 0, 0, 0, ...query.slice(12, end), ...record];
    return Uint8Array.of(message.length >> 8, message.length & 255, ...message);
  }

  const wire = await load('dns', options);
  const resolver = await wire.dns.resolver({ servers: ['ns.test'] });
  const one = await resolver.resolve4('kai.test');
  const many = await Promise.all(Array.from({ length: 20 }, () => resolver.resolve4('kai.test')));
  const unknown = await resolver.resolve4('nobody.test').then(() => null, ({ code, response }) => ({ code, response }));
  const { answers: [{ ttl }] } = await resolver.query('kai.test', 'A');
  await resolver.close();
  await wire.close();
  return { one, many: many.every(([address]) => address === one[0]), unknown, ttl };
}
