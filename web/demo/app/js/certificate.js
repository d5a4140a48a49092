/* Certificates: whether this phone trusts a server, whether our own TLS does, and what is wrong. */

/* global kaiwire, config, el, FormView, View, BACK, Views, Wires, longDate, steps */
/* exported CertificateView */

const CAUSES = {
  expired: 'Its certificate has run out.',
  'not-yet-valid': 'Its certificate is not valid yet.',
  'wrong-host': 'Its certificate is for other names.',
  'self-signed': 'It vouches for itself; nobody else does.',
  'unknown-root': 'An authority vouches for it that is not trusted.',
  'expired-root': 'The authority’s own certificate has run out.',
  'incomplete-chain': 'It does not send its authority’s certificate along.',
  invalid: 'Its certificates break a rule.',
  clock: 'The date of this phone is wrong.',
  'old-protocol': 'One side is too old for the other.',
  'not-tls': 'It does not speak TLS on this port.',
};
const PHONE = {
  accepted: 'It trusts this server.',
  certificate: 'It refuses the certificate.',
  protocol: 'It cannot agree on how to encrypt.',
  refused: 'It gets no connection.',
  timeout: 'It gets no answer.',
  unavailable: 'It has no sockets for this app.',
};

class CertificateView extends FormView {
  constructor() {
    super('Certificates', 'trust', {
      words: 'Who is behind an address, and does this phone trust it?',
      fields: [
        { name: 'host', label: 'Server', value: config.suggest.server, type: 'url' },
        { name: 'port', label: 'Port', value: '443', type: 'tel' },
      ],
      action: 'Check',
      done: (values) => this.check(values),
    });
  }

  check({ host, port }) {
    return steps(this, function* () {
      if (!host) throw new Error('Enter a server, such as mail.example.org.');
      this.wait('Asking, by the phone’s TLS and by our own…');
      const wire = yield Wires.get('trust');
      try {
        const report = yield wire.trust.check(host, Number(port));
        if (!this.shown) return;
        this.edit();
        Views.open(new ReportView(host, report));
      } finally {
        Wires.close('trust'); // the largest module of all
      }
    });
  }
}

class ReportView extends View {
  constructor(host, { phone, own, cause, cure, certificate, protocol }) {
    super(host, 'trust');
    this.softkeys = [BACK, null, null];
    const part = (title, text, name = '') => el('section', name, el('h2', 'field', title), el('p', '', text));
    const parts = [
      part('This phone', PHONE[phone], phone === 'accepted' ? 'right' : 'wrong'),
      part('Our own TLS', own === 'accepted' ? `It trusts this server${protocol ? `, by ${protocol.replace('TLSv', 'TLS ')}` : ''}.` : cause ? 'It does not trust this server.' : `It does not: ${own}.`,
        own === 'accepted' ? 'right' : 'wrong'),
    ];
    if (cause) parts.push(part('Why', CAUSES[cause] || cause));
    if (cure) parts.push(part('Cure', 'An app that brings its own TLS can use this server.'));
    if (certificate) {
      const { names, issuer, notAfter, fingerprint } = certificate;
      parts.push(part('For', names.slice(0, 5).join(', ')), part('By', issuer), part('Until', longDate(new Date(notAfter))), part('SHA-256', fingerprint));
    }
    this.fill(el('article', 'message report', ...parts));
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) this.element.scrollTop += step * 66;
    return !!step;
  }
}
