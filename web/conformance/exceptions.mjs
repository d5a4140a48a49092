/**
 * Where the mock may differ from Gecko's parent process, and why. Each has to
 * be seen to differ in just this way: one that does not is stale, and counts
 * as a difference. `mock` and `gecko` match what was seen; without one of them
 * there must have been nothing to see.
 */
export const EXCEPTIONS = [
  {
    group: 'api_shape', fact: 'socket members',
    mock: /^(?!.*(closeImmediately|transport))/, gecko: /closeImmediately.*transport/,
    reason: 'both are for Gecko itself: no app sees them',
  },
  {
    group: 'event_basics', fact: 'isTrusted', mock: /^false$/, gecko: /^true$/,
    reason: 'no script can make a trusted event',
  },
  {
    group: 'tls', fact: "TLS to a plain-text server ('+OK')",
    mock: /error SecurityError\/SecurityProtocol 0x805A2FE7 .* > close/, gecko: /^open \[open\];/,
    reason: 'Gecko waits for more bytes of what it takes for a record; the relay’s OpenSSL knows at once that it is none',
  },
  {
    group: 'gc_unreferenced', fact: '20 sockets with handlers but no reference, GC forced: open events / close events',
    gecko: /^20 \/ 20$/,
    reason: 'an ordinary page cannot force a collection',
  },
];
