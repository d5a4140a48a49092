/* Lookup: a name, a type, what a name server says, and whether the owner of the name has signed that. */

/* global kaiwire, config, el, notice, View, List, BACK, Wires, steps */
/* exported LookupView */

const TYPES = ['A', 'AAAA', 'MX', 'TXT', 'NS', 'CNAME', 'SOA', 'SRV', 'PTR', 'HTTPS'];
const RCODES = {
  NOERROR: 'This name has no records of this type.',
  NXDOMAIN: 'There is no such name.',
  SERVFAIL: 'The server could not find out.',
  REFUSED: 'The server does not answer such questions.',
};
/** What a verdict means for who asks. */
const VERDICTS = {
  secure: 'Signed, and right',
  insecure: 'Not signed',
  bogus: 'Wrong: do not use it',
  indeterminate: 'Not known whether signed',
};
const REASONS = {
  unsigned: 'the zone has no signatures',
  'no-signature': 'its signature is missing',
  'wrong-signature': 'the signature is of something else',
  'wrong-key': 'the key is not the owner’s',
  'no-key': 'there is no key',
  'no-proof': 'nothing proves it',
  expired: 'the signature has run out, or the date of this phone is wrong',
  'not-yet-valid': 'the signature is of later, or the date of this phone is wrong',
  unreachable: 'the keys are not to be had',
};
const IP_ADDRESS = /^[0-9a-f]*:[0-9a-f:.]*$|^\d+\.\d+\.\d+\.\d+$/i;

class LookupView extends View {
  constructor() {
    super('Lookup', 'lookup');
    this.asked = 0; // only the last question's answer is shown
    this.input = el('input');
    this.input.value = config.suggest.name;
    this.input.setAttribute('inputmode', 'url');
    this.type = el('div', 'type', el('span', 'value', TYPES[0]));
    this.type.tabIndex = -1;
    this.ask = el('div', 'ask', this.input, this.type);
    this.list = new List(this, (item) => { if (item === this.input) this.element.scrollTop = 0; });
    this.softkeys = [BACK, ['Look up', () => this.look()], null];
    this.results();
  }

  enter() { this.list.show(); }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && this.list.current !== this.input) {
      const value = this.type.querySelector('.value');
      value.textContent = TYPES[(TYPES.indexOf(value.textContent) + step + TYPES.length) % TYPES.length];
      return true;
    }
    return this.list.key(event);
  }

  look() {
    return steps(this, function* () {
      const name = this.input.value.trim();
      const type = this.type.querySelector('.value').textContent;
      if (!name) return;
      const number = ++this.asked;
      this.note = '';
      this.results(el('div', 'notice', el('div', 'spinner'), el('p', '', 'Asking…')));
      let nodes;
      try {
        nodes = yield this.answer(name, type);
      } catch (error) {
        if (number === this.asked) this.failed(error);
        return;
      }
      if (number === this.asked) this.results(...nodes);
    });
  }

  answer(name, type) {
    return steps(this, function* () {
      const resolver = yield this.resolver();
      if (type === 'PTR' && IP_ADDRESS.test(name)) {
        return (yield resolver.reverse(name)).map((found) => recordRow(found, type));
      }
      const answer = yield resolver.validate(name, type);
      const { rcode, elapsed } = answer;
      // Of signatures there is the verdict.
      const answers = answer.answers.filter((record) => record.type !== 'RRSIG' || type === 'RRSIG');
      this.note = `${Math.round(elapsed)} ms`;
      const verdict = [verdictRow(answer)];
      if (answers.length) return verdict.concat(answers.map((record) => recordRow(record.text, record.type, lifetime(record.ttl))));
      return verdict.concat(notice('', RCODES[rcode] || `The server says ${rcode}.`));
    });
  }

  resolver() {
    return steps(this, function* () {
      if (!this.open || this.open.closed) {
        const wire = yield Wires.get('signatures');
        // Who asks wants to know what the server says now.
        this.open = yield wire.dnssec.resolver({ servers: config.nameServers, anchors: config.anchors, cache: false });
      }
      return this.open;
    });
  }

  failed(error) {
    this.results(el('div', 'notice', el('p', '', error.message), el('p', 'code', error.code || '')));
    this.setKeys(BACK, ['Retry', () => this.look()], null);
  }

  results(...nodes) {
    this.setKeys(BACK, ['Look up', () => this.look()], null);
    this.fill(this.ask, ...nodes);
    const rows = nodes.filter((node) => node.classList.contains('row'));
    this.list.set([this.input, this.type, ...rows], this.list.current);
  }
}

function recordRow(text, type, aside = '') {
  const row = el('div', 'row answer', el('div', '', text), el('div', 'sub', aside ? `${type}, ${aside}` : type));
  row.tabIndex = -1;
  return row;
}

function verdictRow({ status, reason }) {
  const row = el('div', `row answer ${status}`, el('div', '', VERDICTS[status]), el('div', 'sub', reason ? `DNSSEC: ${REASONS[reason] || reason}` : 'DNSSEC'));
  row.tabIndex = -1;
  return row;
}

function lifetime(seconds) {
  if (seconds < 120) return `for ${seconds} s`;
  if (seconds < 7200) return `for ${Math.round(seconds / 60)} min`;
  return `for ${Math.round(seconds / 3600)} h`;
}
