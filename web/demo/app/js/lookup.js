/* Lookup: a name, a type, and what a DNS server says. */

/* global config, el, View, List, BACK, Wires */
/* exported LookupView */

const TYPES = ['A', 'AAAA', 'MX', 'TXT', 'NS', 'CNAME', 'SOA', 'SRV', 'PTR', 'HTTPS'];
const RCODES = {
  NOERROR: 'This name has no records of this type.',
  NXDOMAIN: 'There is no such name.',
  SERVFAIL: 'The server could not find out.',
  REFUSED: 'The server does not answer such questions.',
};
const IP_ADDRESS = /^[0-9a-f]*:[0-9a-f:.]*$|^\d+\.\d+\.\d+\.\d+$/i;

class LookupView extends View {
  constructor() {
    super('Lookup', 'lookup');
    this.asked = 0; // only the last question's answer is shown
    this.input = el('input');
    this.input.value = config.lookup.name;
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

  async look() {
    const name = this.input.value.trim();
    const type = this.type.querySelector('.value').textContent;
    if (!name) return;
    const number = ++this.asked;
    this.note = '';
    this.results(el('div', 'notice', el('div', 'spinner'), el('p', '', 'Asking…')));
    let nodes;
    try {
      nodes = await this.answer(name, type);
    } catch (error) {
      if (number === this.asked) this.failed(error);
      return;
    }
    if (number === this.asked) this.results(...nodes);
  }

  async answer(name, type) {
    const resolver = await this.resolver();
    if (type === 'PTR' && IP_ADDRESS.test(name)) {
      return (await resolver.reverse(name)).map((found) => recordRow(found, type));
    }
    const { rcode, answers, elapsed } = await resolver.query(name, type);
    this.note = `${Math.round(elapsed)} ms`;
    if (answers.length) return answers.map((record) => recordRow(data(record), record.type, lifetime(record.ttl)));
    return [el('div', 'notice', el('p', '', RCODES[rcode] || `The server says ${rcode}.`))];
  }

  async resolver() {
    if (!this.open || this.open.closed) {
      const wire = await Wires.get('dns');
      // Who asks wants to know what the server says now.
      this.open = await wire.dns.resolver({ servers: config.lookup.servers, cache: false });
    }
    return this.open;
  }

  failed(error) {
    Wires.drop('dns', error);
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

/** What a record says, in the order of its fields. */
function data(record) {
  return Object.keys(record).filter((field) => !/^(name|type|ttl)$/.test(field))
    .map((field) => [].concat(record[field]).join(field === 'entries' ? '' : ' ')).join(' ');
}

function lifetime(seconds) {
  if (seconds < 120) return `for ${seconds} s`;
  if (seconds < 7200) return `for ${Math.round(seconds / 60)} min`;
  return `for ${Math.round(seconds / 3600)} h`;
}
