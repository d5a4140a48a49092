/**
 * What the mock's sockets stand on. A network has three methods:
 *
 *     connect({ host, port, tls }) → Link
 *     listen({ port, backlog, now }) → Listener
 *     bind({ address, port, reuse, loopback }) → Datagrams
 *
 * They never throw and never call back before they return. Port 0 asks listen
 * and bind for one that is free.
 */

/**
 * One TCP connection as a kernel shows it: non-blocking, with a bounded buffer each way.
 *
 * Callbacks, set by the owner as soon as it has the link:
 *
 *     onconnect()            the dial was answered; with tls, before the handshake
 *     ondata(bytes)          a Uint8Array that now belongs to the owner; not while paused
 *     onwritable()           there is room again after a write that was not taken whole
 *     onend()                the peer's FIN, after all data; not while paused
 *     onerror(kind, code)    the link is dead; pause does not hold it back, and what had arrived
 *                            was handed on before. `kind` is one of ERRORS, `code` an nsresult
 *                            where the network knows a finer one
 *
 * Methods:
 *
 *     write(bytes) → number  takes as many bytes as there is room for and says how many. The link
 *                            keeps a reference: the caller must not change them afterwards
 *     pause(), resume()      the owner reads or does not; unread bytes wait within the bounded buffer
 *     startTLS()             from here on both ways are encrypted
 *     end()                  close(2): what was taken is still delivered, then FIN; nothing is read any
 *                            more, and unread bytes make it a reset
 *     destroy()              the link is gone at once; the peer sees a reset
 *
 * After end, destroy or onerror no callback comes.
 */
export class Link {
  onconnect() {}
  ondata() {}
  onwritable() {}
  onend() {}
  onerror() {}

  /** The most bytes that one `data` event may carry, below the profile's own limit. */
  chunk = Infinity;

  write(bytes) { return bytes.length; }
  pause() {}
  resume() {}
  startTLS() {}
  end() {}
  destroy() {}
}

/**
 * A TCP port that is listened on, on every IPv4 address, with a queue of
 * `backlog` connections that wait to be accepted; `now` asks for an answer before
 * listen returns, as far as the network can give one.
 *
 *     port      the real one; 0 until it is known
 *     failed    the port could not be had, or is no longer listened on
 *
 * Callbacks, set by the owner as soon as it has the listener:
 *
 *     onlisten()               the port is known now, if it was not when listen returned
 *     onconnect(link, peer)    a connection from { host, port }. The link is open: its owner sets the
 *                              callbacks before it returns, and `onconnect` of the link does not come
 *     onerror()                it has failed, if it had not when listen returned
 *
 * Methods:
 *
 *     close()                  nobody is accepted any more, and who waits in the queue is reset; links
 *                              that were handed on live on
 *
 * After close or onerror no callback comes.
 */
export class Listener {
  onlisten() {}
  onconnect() {}
  onerror() {}

  port = 0;
  failed = false;

  close() {}
}

/**
 * A UDP port. `address` is an IP literal to bind, or null for every IPv4
 * address; `reuse` shares the port with others that want that too; `loopback`
 * brings this machine what it sends to a group that it has joined.
 *
 * Callbacks, set by the owner as soon as it has the object:
 *
 *     onbound(address, port)            it is bound, to these
 *     onmessage(bytes, address, port)   a datagram of 0 to 65507 bytes, which now belong to the owner,
 *                                       and where it came from
 *     onerror()                         it could not be bound, or has died
 *
 * Methods:
 *
 *     send(bytes, host, port)           one datagram; whether it arrives is not known. The bytes must
 *                                       not be changed afterwards
 *     join(group), leave(group)         multicast, by IP literal; failures are not known either
 *     close()
 *
 * After close or onerror no callback comes.
 */
export class Datagrams {
  onbound() {}
  onmessage() {}
  onerror() {}

  send() {}
  join() {}
  leave() {}
  close() {}
}

/** The kinds of failure, with the words and the nsresult that Gecko has for each. */
export const ERRORS = Object.freeze({
  refused: { name: 'ConnectionRefusedError', message: 'Network', errorCode: 0x804b000d },
  reset: { name: 'NetworkError', message: 'Network', errorCode: 0x804b0014 },
  offline: { name: 'NetworkError', message: 'Network', errorCode: 0x804b0010 },
  timeout: { name: 'NetworkTimeoutError', message: 'Network', errorCode: 0x804b000e },
  interrupted: { name: 'NetworkInterruptError', message: 'Network', errorCode: 0x804b0047 },
  certificate: { name: 'SecurityError', message: 'SecurityCertificate', errorCode: 0x805a1ff3 },
  protocol: { name: 'SecurityError', message: 'SecurityProtocol', errorCode: 0x805a2fe7 },
});

/** The most bytes that a datagram can carry over IPv4. */
export const DATAGRAM = 65507;

/** An IP address as text: no name, no brackets. */
export function isAddress(text) {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (parts) return parts.slice(1).every((part) => part < 256);
  return /^[\da-f:]*:[\da-f:.]*$/i.test(text) && URL.canParse(`http://[${text}]/`);
}

/** An IP address that stands for many hosts. */
export const isMulticast = (address) => /^(22[4-9]|23\d)\.|^ff/i.test(address);

/** This machine, whichever it is. */
export const isLoopback = (host) => /^(localhost|127(\.\d+){1,3}|::1)$/i.test(host);

/** `host:port`, with brackets around an IPv6 address. */
export function addressOf(host, port) {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
