const child = {
  process: 'child',
  initialState: 'connecting',
  badHost: 'refused',
  errorCode: false,
  pipe: 16384 * 24,
  countsUnclamped: true,
  udp: false,
  emptyDatagram: 'delivered',
};

/**
 * The phones that the mock can be: an app on KaiOS 2.5, one on KaiOS 3, and a
 * page of current Gecko's parent process. Plain data: a test may pass its own, such as
 * `{ ...PROFILES.kaios3, pipe: 4096 }`.
 *
 * process        `child`: the socket lives in another process, as an app's does, and every call and
 *                event is a message; `parent`: it lives in the page's own process.
 * initialState   readyState right after the constructor. `closed` lasts until the proxy is looked up,
 *                and close() does nothing in it.
 * badHost        What becomes of a host that no resolver takes ("", "a b", "[::1]"): `refused`, or
 *                `silent`, no event ever.
 * errorCode      Error events carry the nsresult.
 * pipe           Bytes that wait between network and page, hence the largest `data` event
 *                (network.buffer.cache.size × network.buffer.cache.count).
 * countsUnclamped  bufferedAmount grows by the byteLength asked for, or by the whole buffer where none
 *                is given, even if less is sent. In the child process only.
 * backlog        What listen() without one, or with 0, asks the kernel for.
 * udp            There is a UDPSocket, for those with the permission.
 * emptyDatagram  What becomes of one that arrives: `delivered`, or `closes` the socket.
 */
export const PROFILES = Object.freeze({
  kaios25: Object.freeze({ ...child, backlog: 0, udp: true, emptyDatagram: 'closes' }),
  kaios3: Object.freeze({ ...child, backlog: 5 }),
  gecko: Object.freeze({
    process: 'parent',
    initialState: 'closed',
    badHost: 'silent',
    errorCode: true,
    pipe: 32768 * 24,
    countsUnclamped: false,
    backlog: 0,
    udp: true,
    emptyDatagram: 'delivered',
  }),
});
