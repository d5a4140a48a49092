/* Your mail server. For real use ask the person for it, and keep no password in the package. */
var config = {
  host: 'imap.example.org',
  port: 993,
  security: 'tls',
  auth: { user: 'me@example.org', pass: 'an app password' },
};
