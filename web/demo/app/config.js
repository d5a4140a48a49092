/* The servers that the app speaks to. Put your own here before packaging. */
var config = {
  mail: {
    host: 'imap.example.org',
    port: 993,
    security: 'tls',
    auth: { user: 'me@example.org', pass: 'an app password' },
  },
  chat: {
    host: 'irc.example.org',
    port: 6697,
    security: 'tls',
    nick: 'kaiwire',
    altNicks: ['kaiwire_', 'kaiwire__'],
    channels: ['#kaios'],
  },
  lookup: {
    servers: ['9.9.9.9', '149.112.112.112'],
    name: 'example.org',
  },
};
