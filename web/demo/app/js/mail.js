/* Mail: the messages of a mailbox, as many as there are, and its menu. */

/* global el, line, notice, View, LongList, MenuView, Views, BACK, Platform, Accounts, Wires, MailSetupView, MessageView, ComposeView, steps */
/* exported MailView, person, people, shortDate, longDate, seen */

const PAGE = 30;

class MailView extends View {
  constructor() {
    super('Mail', 'mail');
    this.list = new LongList(this, messageRow, () => this.more());
    this.session = null;
    this.messages = []; // the newest first
    this.updates = null; // the last of a chain, so that messages arrive in order
    this.away = null; // while the session has no connection
    addEventListener('online', () => { if (this.session) this.session.retry().catch(() => {}); }); // it says itself what comes of that
  }

  /** What is wrong meanwhile, in words. */
  get status() {
    if (!this.away) return '';
    return Platform.online ? `${this.away.error.message} Trying again…` : 'There is no network. It goes on when there is one again.';
  }

  enter() {
    if (!Accounts.get('mail')) Views.replace(new MailSetupView((session) => this.begin(session)));
    else if (!this.session && !this.connecting) this.connect();
    else if (this.session && !this.connecting) this.show();
  }

  key(event) { return this.list.space.parentNode ? this.list.key(event) : false; }

  /** With the session of a new account, which has no mailbox yet. */
  begin(session) {
    this.connecting = true;
    Views.replace(this);
    this.connect(session);
  }

  connect(given) {
    return steps(this, function* () {
      this.connecting = true;
      this.wait('Connecting to the mail server…');
      try {
        const wire = yield Wires.get('mail');
        const session = given || (yield wire.imap.connect(Object.assign({ mailbox: null, reconnect: true }, Accounts.get('mail').imap)));
        this.follow(session);
        yield this.open(this.mailbox || 'INBOX');
        yield session.idle();
      } catch (error) {
        this.lost(error);
      } finally {
        this.connecting = false;
      }
    });
  }

  follow(session) {
    this.session = session;
    this.updates = Promise.resolve();
    session.on('exists', () => this.later(() => this.arrived()));
    session.on('expunge', ({ seq }) => this.later(() => this.expunged(seq)));
    session.on('flags', ({ seq, flags }) => this.later(() => this.flagged(seq, flags)));
    session.on('disconnect', ({ error }) => { if (this.session === session) this.interrupted(error); });
    session.on('reconnect', ({ mailbox }) => { if (this.session === session) this.later(() => this.resume(mailbox)); });
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

  /** The session makes another connection by itself; what is in the list can be read on. */
  interrupted(error) {
    if (this.away) {
      this.away.error = error;
    } else {
      const away = this.away = { error };
      away.over = new Promise((resolve) => { away.end = resolve; });
    }
    this.tell();
  }

  /** Resolves when there is a connection, or none will come by itself. */
  connected() { return this.away ? this.away.over : Promise.resolve(); }

  /** Puts the status on the display, or takes it away; the list has another height then. */
  tell() {
    Views.render();
    if (this.shown && this.list.space.parentNode) this.list.show();
  }

  comeBack() {
    if (!this.away) return;
    this.away.end();
    this.away = null;
    this.tell();
  }

  /** After a time without a connection: anything may have happened to the mailbox, of which the part that was looked at is fetched. */
  resume(mailbox) {
    return steps(this, function* () {
      if (mailbox && mailbox.name === this.mailbox) {
        const { exists } = this.session.mailbox;
        this.messages = exists ? yield this.fetch(`${Math.max(1, exists - this.list.at - PAGE + 1)}:*`) : [];
        this.show();
      } else {
        yield this.open(mailbox ? this.mailbox : 'INBOX'); // which is always there
      }
      this.comeBack();
    });
  }

  lost(error) {
    const { session } = this;
    this.session = null;
    this.comeBack();
    if (session) session.close();
    if (error.code === 'EPANIC') Wires.close('mail');
    this.note = '';
    this.fail('Mail does not work now', error, () => this.connect(), ['Options', () => this.menu()]);
  }

  /** Another mailbox, from its newest messages on. */
  open(name) {
    return steps(this, function* () {
      const before = this.mailbox;
      this.mailbox = name;
      const { exists } = yield this.session.select(name).catch((error) => {
        if (error.code !== 'ECONNRESET') this.mailbox = before; // else it is opened with the next connection
        throw error;
      });
      this.title = name === 'INBOX' ? 'Mail' : name;
      this.messages = exists ? yield this.fetch(`${Math.max(1, exists - PAGE + 1)}:*`) : [];
      this.list.at = 0;
      this.list.items = [];
      this.element.scrollTop = 0;
      this.show();
    });
  }

  /** One after the other. What a lost connection has cut short is made good for when there is another. */
  later(update) {
    const { session } = this;
    this.updates = this.updates.then(() => this.session === session && update())
      .catch((error) => { if (this.session === session && error.code !== 'ECONNRESET') this.lost(error); });
    return this.updates;
  }

  fetch(set, options) {
    return steps(this, function* () {
      const messages = yield this.session.fetch(set, Object.assign({ envelope: true, flags: true, internalDate: true }, options));
      return messages.sort((a, b) => b.seq - a.seq);
    });
  }

  arrived() {
    return steps(this, function* () {
      const last = this.messages.length ? this.messages[0].uid : 0;
      // "n:*" always has the last message, also if its number is less than n (RFC 3501, 6.4.8).
      const fresh = (yield this.fetch(`${last + 1}:*`, { uid: true })).filter(({ uid }) => uid > last);
      this.messages = fresh.concat(this.messages);
      this.show();
    });
  }

  /** The next page of older ones, once the focus comes near. */
  more() {
    if (this.loading || !this.session || !this.messages.length || this.messages[this.messages.length - 1].seq === 1) return;
    this.loading = true;
    this.later(() => steps(this, function* () {
      const { seq, uid } = this.messages[this.messages.length - 1];
      const older = seq > 1 ? yield this.fetch(`${Math.max(1, seq - PAGE)}:${seq - 1}`) : [];
      this.messages = this.messages.concat(older.filter((message) => message.uid < uid));
      this.loading = false;
      this.show();
    })).then(() => { this.loading = false; });
  }

  expunged(seq) {
    this.messages = this.messages.filter((message) => message.seq !== seq);
    for (let message of this.messages) if (message.seq > seq) message.seq--;
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
    const options = ['Options', () => this.menu()];
    if (this.messages.length === 0) {
      this.setKeys(BACK, null, options);
      this.fill(notice('', 'There is no mail.'));
      this.rest();
      return;
    }
    this.setKeys(BACK, ['Open', () => Views.open(new MessageView(this, this.list.current))], options);
    if (!this.list.space.parentNode) this.fill(this.list.space);
    this.list.set(this.messages, (a, b) => a.uid === b.uid);
  }

  menu() {
    Views.open(new MenuView('Mail', 'mail', [
      ...(this.session ? [
        ['Write', () => Views.open(new ComposeView(this))],
        ['Mailboxes', () => this.choose()],
      ] : []),
      ...(this.away ? [['Connect now', () => this.session.retry().catch(() => {})]] : []),
      ['Remove the account', () => this.leaveAccount()],
    ]));
  }

  choose() {
    return steps(this, function* () {
      this.wait('Asking for the mailboxes…');
      try {
        const mailboxes = (yield this.session.list()).filter(({ flags }) => !flags.some((flag) => /^\\(noselect|nonexistent)$/i.test(flag)));
        if (!this.shown) return;
        this.show();
        Views.open(new MenuView('Mailboxes', 'mail', mailboxes.map(({ name }) => [name, () => this.change(name)])));
      } catch (error) {
        if (error.code === 'ECONNRESET') this.show();
        else if (this.session) this.lost(error);
      }
    });
  }

  change(name) {
    this.wait('Opening…');
    this.later(() => this.open(name));
  }

  leaveAccount() {
    const { session } = this;
    this.session = null;
    this.comeBack();
    this.mailbox = '';
    if (session) session.close();
    Accounts.forget('mail');
    Wires.close('mail');
    Views.back();
  }
}

function messageRow(message) {
  const { envelope } = message;
  const top = el('div', 'top', line('main', people(envelope.from)), el('span', 'aside', shortDate(new Date(envelope.date || message.internalDate))));
  return el('div', seen(message) ? 'row' : 'row unread', top, line('sub', envelope.subject || 'No subject'));
}

function seen({ flags }) { return flags.some((flag) => flag.toLowerCase() === '\\seen'); }

function person({ name, address }) { return name || address; }

function people(list) { return list.map(person).join(', ') || 'Nobody'; }

function shortDate(date) {
  if (isNaN(date)) return '';
  const now = new Date();
  if (date.toDateString() === now.toDateString()) return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return date.toLocaleDateString([], date.getFullYear() === now.getFullYear() ? { day: 'numeric', month: 'short' } : { month: 'short', year: 'numeric' });
}

function longDate(date) {
  return isNaN(date) ? '' : date.toLocaleString([], { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
}
