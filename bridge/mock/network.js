/**
 * What the mock's sockets stand on. A network has one method:
 *
 *     connect({ host, port, tls }) → Link
 *
 * It never throws and never calls back before it returns. A Link is one TCP
 * connection as a kernel shows it: non-blocking, with a bounded buffer each way.
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

/** `host:port`, with brackets around an IPv6 address. */
export function addressOf(host, port) {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
