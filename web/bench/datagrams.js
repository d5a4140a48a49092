// Datagrams a second, either way. UDP has no back-pressure: whoever sends waits
// after each batch, so that none is lost and both sides have the same to do.
import { Clock, loadConn } from './conn.js';
import { compare } from './measure.js';

/** Of the phones that offer UDP to apps. */
export const profile = 'kaios25';

const HOST = '10.0.0.2';
const PORT = 9;
const BATCH = 32;
/** Bytes in each, as in an answer of DNS. */
const LENGTH = 512;
const ACKNOWLEDGEMENT = new Uint8Array([1]);

/** A server's socket with the given handler: what it returns sends back to the last client. */
function bind(network, received) {
  const socket = network.host(HOST).bind({ port: PORT, address: null, reuse: false, loopback: false });
  socket.onmessage = (bytes, address, port) => received((answer) => socket.send(answer, address, port));
  return socket;
}

/** Answers each datagram by a batch, until `count` have been sent; one more acknowledges the last batch. */
function source(network, clock, count) {
  const datagram = new Uint8Array(LENGTH);
  let sent = 0;
  let run = null;
  return bind(network, (answer) => {
    if (sent === 0) run = clock.start();
    if (sent === count) {
      sent = 0;
      run.over();
      return;
    }
    for (let i = 0; i < BATCH; i++) answer(datagram);
    sent += BATCH;
  });
}

/** Acknowledges each batch. */
function sink(network, clock, count) {
  let received = 0;
  let run = null;
  return bind(network, (answer) => {
    if (received === 0) run = clock.start();
    received++;
    if (received % BATCH === 0) answer(ACKNOWLEDGEMENT);
    if (received === count) {
      received = 0;
      run.over();
    }
  });
}

/** Opens a bare socket; `body(send, done)` returns what is called for each datagram. */
async function bare(body) {
  const socket = new UDPSocket({});
  await socket.opened;
  await new Promise((resolve) => {
    socket.onmessage = body((bytes) => socket.send(bytes, HOST, PORT), resolve);
  });
  await socket.close();
}

const clients = {
  receive: (count) => bare((send, done) => {
    let received = 0;
    send(ACKNOWLEDGEMENT);
    return () => {
      received++;
      if (received % BATCH === 0) send(ACKNOWLEDGEMENT);
      if (received === count) done();
    };
  }),
  send: (count) => bare((send, done) => {
    const datagram = new Uint8Array(LENGTH);
    let left = count;
    const next = () => {
      if (left === 0) {
        done();
        return;
      }
      for (let i = 0; i < BATCH; i++) send(datagram);
      left -= BATCH;
    };
    next();
    return next;
  }),
};

const ways = {
  receive: { serve: source, method: 'receiveDatagrams' },
  send: { serve: sink, method: 'sendDatagrams' },
};

export async function run({ network, ...notes }, { batches, ...options }) {
  const count = batches * BATCH;
  const modes = await loadConn();
  for (const [way, { serve, method }] of Object.entries(ways)) {
    const clock = new Clock();
    const server = serve(network, clock, count);
    const timed = (run) => async () => count / (await clock.measured(run) / 1000);
    const sides = { [`datagrams/js/${way}`]: timed(() => clients[way](count)) };
    for (const [mode, conn] of Object.entries(modes)) {
      sides[`datagrams/${mode}/${way}`] = timed(() =>
        conn.call(method, { host: HOST, port: PORT, count, batch: BATCH, length: LENGTH }));
    }
    await compare(notes, 'datagrams/s', sides, options);
    server.close();
  }
  for (const conn of Object.values(modes)) await conn.close();
}
