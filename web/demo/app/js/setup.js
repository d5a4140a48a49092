/* Accounts: what the person types is an address; where the servers are, the domain says itself (RFC 6186, RFC 8314). */

/* global config, Accounts, FormView, Views, Wires, steps */
/* exported MailSetupView, ChatSetupView, discover */

/** Asks the name servers, and gives the module's memory back. */
function discover(method, domain) {
  return steps(null, function* () {
    const wire = yield Wires.get('names');
    try {
      const resolver = yield wire.dns.resolver({ servers: config.nameServers });
      return (yield resolver[method](domain)).services.filter(({ security }) => security !== 'none');
    } finally {
      Wires.close('names');
    }
  });
}

class MailSetupView extends FormView {
  /** `ready` is called once there is an account. */
  constructor(ready) {
    super('Mail account', 'mail', {
      words: 'Your servers are looked up by your address.',
      fields: [
        { name: 'address', label: 'Address', value: config.suggest.address, type: 'email' },
        { name: 'pass', label: 'Password', value: config.suggest.password, type: 'password' },
      ],
      action: 'Sign in',
      done: (values) => this.find(values),
    });
    this.ready = ready;
  }

  find({ address, pass }) {
    return steps(this, function* () {
      const domain = address.split('@')[1];
      if (!domain || !pass) throw new Error('Enter your address, such as name@example.org, and your password.');
      this.wait(`Asking ${domain} for its servers…`);
      const services = yield discover('discoverMail', domain).catch((error) => {
        if (/^E(NOTFOUND|NODATA)$/.test(error.code)) return [];
        throw error;
      });
      const imap = services.find(({ name }) => name === 'imap');
      const smtp = services.find(({ name }) => name === 'submission');
      const auth = { user: address, pass };
      if (!imap) {
        Views.replace(new MailServersView(address, auth, domain, this.ready));
        return;
      }
      yield signIn(this, { address, imap: login(imap, auth), smtp: smtp ? login(smtp, auth) : null }, this.ready);
    });
  }
}

/** For a domain that does not say where its servers are. */
class MailServersView extends FormView {
  constructor(address, auth, domain, ready) {
    super('Mail servers', 'mail', {
      words: `${domain} does not say where its servers are.`,
      fields: [
        { name: 'imap', label: 'For reading (IMAP, TLS)', value: `imap.${domain}`, type: 'url' },
        { name: 'smtp', label: 'For sending (SMTP, TLS)', value: `smtp.${domain}`, type: 'url' },
      ],
      action: 'Sign in',
      done: ({ imap, smtp }) => signIn(this, {
        address,
        imap: login({ host: imap, port: 993, security: 'tls' }, auth),
        smtp: smtp ? login({ host: smtp, port: 465, security: 'tls' }, auth) : null,
      }, ready),
    });
  }
}

const login = ({ host, port, security }, auth) => ({ host, port, security, auth });

/** An account is kept once its server has let us in. */
function signIn(view, account, ready) {
  return steps(null, function* () {
    view.wait(`Signing in at ${account.imap.host}…`);
    const wire = yield Wires.get('mail');
    const session = yield wire.imap.connect(Object.assign({ mailbox: null, reconnect: true }, account.imap));
    Accounts.keep('mail', account);
    if (view.shown) ready(session);
    else session.close();
  });
}

class ChatSetupView extends FormView {
  constructor(ready) {
    super('Chat account', 'chat', {
      fields: [
        { name: 'network', label: 'Network', value: config.suggest.network, type: 'url' },
        { name: 'nick', label: 'Your name there', value: config.suggest.nick },
      ],
      action: 'Connect',
      done: (values) => this.find(values),
    });
    this.ready = ready;
  }

  find({ network, nick }) {
    return steps(this, function* () {
      if (!network || !nick) throw new Error('Enter a network, such as irc.example.org, and a name of your choice.');
      this.wait(`Asking ${network} for its servers…`);
      const services = yield discover('discoverChat', network).catch(() => []);
      const { host, port, security } = services[0] || { host: network, port: 6697, security: 'tls' };
      Accounts.keep('chat', {
        server: { host, port, security, nick, altNicks: [1, 2, 3].map((n) => nick + '_'.repeat(n)) },
        channels: config.suggest.channels,
      });
      if (this.shown) this.ready();
    });
  }
}
