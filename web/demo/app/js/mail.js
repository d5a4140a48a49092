/* Mail: the newest messages of the inbox, and one of them. */

/* global config, el, line, View, List, Views, BACK, Mime, Wires */
/* exported MailView */

const NEWEST = 20;
/** Octets of a text that are shown; who wants more has a computer. */
const TEXT_LIMIT = 64 * 1024;

class MailView extends View {
  constructor() {
    super('Mail', 'mail');
    this.list = new List(this);
    this.session = null;
    this.messages = []; // the newest first
    this.updates = null; // the last of a chain, so that messages arrive in order
  }

  enter() {
    if (!this.session && !this.connecting) this.connect();
    else if (this.session) this.show();
  }

  key(event) { return this.list.key(event); }

  async connect() {
    this.connecting = true;
    this.wait('Connecting to the mail server…');
    try {
      const wire = await Wires.get('imap');
      this.follow(await wire.imap.connect(config.mail));
      await this.load();
      await this.session.idle();
    } catch (error) {
      this.lost(error);
    } finally {
      this.connecting = false;
    }
  }

  follow(session) {
    this.session = session;
    this.messages = [];
    this.updates = Promise.resolve();
    session.on('exists', () => this.later(() => this.arrived()));
    session.on('expunge', ({ seq }) => this.later(() => this.expunged(seq)));
    session.on('flags', ({ seq, flags }) => this.later(() => this.flagged(seq, flags)));
    session.on('close', ({ error }) => {
      if (this.session !== session) return;
      if (error) {
        this.lost(error);
      } else {
        this.session = null;
        if (this.shown) this.connect();
      }
    });
  }

  lost(error) {
    const { session } = this;
    this.session = null;
    if (session) session.close();
    Wires.drop('imap', error);
    this.note = '';
    this.refresh();
    this.fail('Mail does not work now', error, () => this.connect());
  }

  later(update) {
    const { session } = this;
    this.updates = this.updates.then(() => this.session === session && update())
      .catch((error) => { if (this.session === session) this.lost(error); });
  }

  /** Reads the inbox anew. */
  async load() {
    const { exists } = this.session.mailbox;
    const first = Math.max(1, exists - NEWEST + 1);
    this.messages = exists ? await this.fetch(`${first}:*`) : [];
    this.show();
  }

  async fetch(set, options) {
    const query = Object.assign({ envelope: true, flags: true, bodyStructure: true, internalDate: true }, options);
    const messages = await this.session.fetch(set, query);
    return messages.sort((a, b) => b.seq - a.seq);
  }

  async arrived() {
    const last = this.messages.length ? this.messages[0].uid : 0;
    // "n:*" always has the last message, also if its number is less than n (RFC 3501, 6.4.8).
    const fresh = (await this.fetch(`${last + 1}:*`, { uid: true })).filter(({ uid }) => uid > last);
    this.messages = fresh.concat(this.messages).slice(0, NEWEST);
    this.show();
  }

  expunged(seq) {
    this.messages = this.messages.filter((message) => message.seq !== seq);
    for (const message of this.messages) if (message.seq > seq) message.seq--;
    this.show();
  }

  flagged(seq, flags) {
    const message = this.messages.find((candidate) => candidate.seq === seq);
    if (message) message.flags = flags;
    this.show();
  }

  show() {
    const unread = this.messages.filter((message) => !seen(message)).length;
    this.note = unread ? `${unread} new` : '';
    if (this.messages.length === 0) {
      this.setKeys(BACK, null, null);
      this.fill(el('div', 'notice', el('p', '', 'There is no mail.')));
      this.rest();
      return;
    }
    const focused = this.list.current && this.list.current.message;
    const rows = this.messages.map(messageRow);
    this.setKeys(BACK, ['Open', () => Views.open(new MessageView(this, this.list.current.message))], null);
    this.fill(...rows);
    this.list.set(rows, rows.find((candidate) => focused && candidate.message.uid === focused.uid));
  }
}

function messageRow(message) {
  const { envelope } = message;
  const top = el('div', 'top', line('main', sender(envelope)), el('span', 'aside', shortDate(dateOf(message))));
  const element = el('div', 'row', top, line('sub', subject(envelope)));
  element.tabIndex = -1;
  element.message = message;
  if (!seen(message)) element.classList.add('unread');
  return element;
}

function seen(message) { return message.flags.some((flag) => flag.toLowerCase() === '\\seen'); }

function person({ name, address }) { return Mime.words(name) || address; }

function sender({ from }) { return from.length ? person(from[0]) : 'Nobody'; }

function subject({ subject: text }) { return Mime.words(text) || 'No subject'; }

function dateOf({ envelope, internalDate }) { return new Date(envelope.date || internalDate); }

function shortDate(date) {
  if (isNaN(date)) return '';
  const today = date.toDateString() === new Date().toDateString();
  return today
    ? date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    : date.toLocaleDateString([], { day: 'numeric', month: 'short' });
}

function longDate(date) {
  return isNaN(date) ? '' : date.toLocaleString([], { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
}

class MessageView extends View {
  constructor(inbox, message) {
    super('Message', 'mail');
    this.inbox = inbox;
    this.session = inbox.session;
    this.message = message;
    this.left = false;
  }

  enter() { this.load(); }

  leave() { this.left = true; }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) this.element.scrollTop += step * 66;
    return !!step;
  }

  async load() {
    this.wait('Opening…');
    try {
      const text = await this.text();
      if (this.left) return;
      this.show(text);
      if (!seen(this.message)) await this.mark('add');
    } catch (error) {
      this.fail('This message cannot be shown', error, () => this.load());
    }
  }

  async text() {
    const leaf = Mime.textPart(this.message.bodyStructure);
    if (!leaf) return 'This message has no text.';
    const download = await this.session.download(this.message.uid, leaf.part || '1', { uid: true });
    const bytes = new Uint8Array(TEXT_LIMIT);
    let arrived = 0;
    let more = 0;
    let chunk;
    while (!this.left && !more && (chunk = await download.read())) {
      more = Math.max(0, arrived + chunk.length - TEXT_LIMIT);
      bytes.set(chunk.subarray(0, chunk.length - more), arrived);
      arrived += chunk.length - more;
      if (download.size > TEXT_LIMIT) this.progress(`Opening… ${Math.floor(100 * arrived / TEXT_LIMIT)} %`);
    }
    download.close();
    return Mime.text(leaf, bytes.subarray(0, arrived)) + (more ? '\n\n[The rest of this message is not shown.]' : '');
  }

  show(text) {
    const { envelope, bodyStructure } = this.message;
    const heading = el('h2', 'subject', subject(envelope));
    const body = el('div', 'body', text);
    heading.dir = body.dir = 'auto';
    const parts = [heading, line('field', `From: ${sender(envelope)}`)];
    if (envelope.to.length) parts.push(line('field', `To: ${envelope.to.map(person).join(', ')}`));
    parts.push(line('field', longDate(dateOf(this.message))), body);
    const files = Mime.attachments(bodyStructure);
    if (files.length) {
      parts.push(el('ul', 'attachments', ...files.map(({ name, size }) =>
        el('li', '', line('main', name), el('span', 'aside', size)))));
    }
    this.fill(el('article', 'message', ...parts));
    this.element.scrollTop = 0;
    this.setKeys(BACK, null, ['Unread', () => this.unread()]);
    this.rest();
  }

  async mark(action) {
    const { uid, flags } = this.message;
    await this.session.store(uid, action, ['\\Seen'], { uid: true });
    this.message.flags = flags.filter((flag) => flag !== '\\Seen').concat(action === 'add' ? ['\\Seen'] : []);
    // The person may have gone back to the list before the server has answered.
    if (this.inbox.session === this.session) this.inbox.show();
  }

  async unread() {
    try {
      await this.mark('remove');
      if (this.shown) Views.back();
    } catch (error) {
      this.fail('This message cannot be marked', error, () => this.unread());
    }
  }
}
