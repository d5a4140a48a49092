// dns-packet as a page has it, and the least that a client adds to it: it is a codec, without sockets.
import { Buffer } from 'buffer/';
import { decode, encode, RECURSION_DESIRED, streamDecode, streamEncode } from 'dns-packet';

const LENGTH = 2;

/** A client: question(name) resolves with the first address. `send` takes what is to be sent. */
class Client {
  constructor() {
    this.waiting = new Map();
  }

  question(name) {
    let id;
    do id = Math.floor(Math.random() * 0x10000); while (this.waiting.has(id));
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { name, resolve, reject });
      this.send({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type: 'A', name }],
        additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] }] });
    });
  }

  answer(message) {
    const call = this.waiting.get(message.id);
    if (!call || message.type !== 'response' || message.questions[0].name.toLowerCase() !== call.name) return;
    this.waiting.delete(message.id);
    call.resolve(message.answers[0].data);
  }
}

export class UdpClient extends Client {
  async open(host, port) {
    this.host = host;
    this.port = port;
    this.socket = new UDPSocket({});
    await this.socket.opened;
    this.socket.onmessage = ({ data, remoteAddress, remotePort }) => {
      if (remoteAddress === host && remotePort === port) this.answer(decode(Buffer.from(data)));
    };
  }

  send(message) {
    const bytes = encode(message);
    this.socket.send(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), this.host, this.port);
  }

  close() { return this.socket.close(); }
}

export class TcpClient extends Client {
  open(host, port) {
    this.rest = Buffer.alloc(0);
    this.socket = navigator.mozTCPSocket.open(host, port, { binaryType: 'arraybuffer' });
    this.socket.ondata = ({ data }) => this.read(Buffer.from(data));
    return new Promise((resolve, reject) => {
      this.socket.onopen = resolve;
      this.socket.onerror = reject;
    });
  }

  read(bytes) {
    let all = this.rest.length > 0 ? Buffer.concat([this.rest, bytes]) : bytes;
    while (all.length >= LENGTH && all.length >= LENGTH + all.readUInt16BE(0)) {
      const end = LENGTH + all.readUInt16BE(0);
      this.answer(streamDecode(all.slice(0, end)));
      all = all.slice(end);
    }
    this.rest = all;
  }

  send(message) {
    const bytes = streamEncode(message);
    this.socket.send(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length), 0, bytes.length);
  }

  close() { this.socket.close(); }
}
