// The phone of the shell's programs, whose network and servers are in memory.
import { hostOver } from '../../../bridge/hosts/sockets.js';
import { MemoryNetwork } from '../../../bridge/mock/memory.js';

export const network = new MemoryNetwork();

/** kaiwire, as its classic script gives it, with one module and without UDP; on a network of its own if there is one. */
export function load(module, { base, engine, tls, network: other = network }) {
  const sockets = Object.assign(hostOver(other, { name: 'memory', tls: true }), { bind: undefined });
  return kaiwire.load({ modules: [module], base, engine, tls, sockets });
}

/** An IRC server: `answer(command, parameters, say, peer)` is called for each line, and say(line) sends one. */
export function serveLines(address, answer) {
  network.listen(address, (peer) => {
    const decoder = new TextDecoder();
    let rest = '';
    const say = (line) => peer.write(line + '\r\n');
    peer.ondata = (bytes) => {
      const lines = (rest + decoder.decode(bytes)).split('\r\n');
      rest = lines.pop();
      for (const line of lines) {
        const [, command, middle, , trailing] = /^(\S+)((?: [^: ]\S*)*)( :(.*))?$/.exec(line);
        const parameters = middle.split(' ').slice(1).concat(trailing === undefined ? [] : trailing);
        answer(command, parameters, say, peer);
      }
    };
  });
}
