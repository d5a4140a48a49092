/* One message, and what is attached to it. */

/* global el, line, notice, View, MenuView, Views, BACK, Platform, ComposeView, people, longDate, seen, steps */
/* exported MessageView, octets */

/** Octets of a text that are shown; who wants more has a computer. */
const TEXT_LIMIT = 64 * 1024;
/** Octets of a file that a phone takes into memory. */
const FILE_LIMIT = 8 * 1024 * 1024;

class MessageView extends View {
  constructor(inbox, { uid }) {
    super('Message', 'mail');
    this.inbox = inbox;
    this.session = inbox.session;
    this.uid = uid;
    this.left = false;
    this.at = -1; // the attachment that has the focus
    this.files = [];
  }

  get status() { return this.inbox.status; }

  enter() {
    if (this.message) this.rest();
    else this.load();
  }

  leave() { this.left = true; }

  /** The keys scroll down to the attachments, go through them, and back. */
  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step) return false;
    const { element } = this;
    const next = this.files[this.at + step];
    const near = next && next.offsetTop + next.offsetHeight <= element.scrollTop + element.clientHeight + 66;
    if (step > 0 ? near : this.at >= 0) this.focusOn(this.at + step);
    else element.scrollTop += step * 66;
    return true;
  }

  focusOn(at) {
    this.at = at;
    this.files.forEach((file, i) => file.classList.toggle('focused', i === at));
    if (this.files[at]) this.reveal(this.files[at]);
    this.keys();
  }

  keys() {
    const file = this.message.attachments[this.at];
    this.setKeys(BACK, file ? ['Open', () => Views.open(new AttachmentView(file))] : null, ['Options', () => this.menu()]);
  }

  load() {
    return steps(this, function* () {
      this.left = false;
      this.wait('Opening…');
      try {
        yield this.inbox.connected();
        this.message = yield this.session.open(this.uid, { maxText: TEXT_LIMIT });
        this.show();
        const listed = this.listed();
        if (listed && !seen(listed)) yield this.mark('add');
      } catch (error) {
        this.fail('This message cannot be shown', error, () => this.load());
      }
    });
  }

  /** The message in the list, which may be gone by now. */
  listed() { return this.inbox.messages.find(({ uid }) => uid === this.uid); }

  show() {
    const { subject, from, to, date, attachments, warnings } = this.message;
    const heading = el('h2', 'subject', subject || 'No subject');
    const body = el('div', 'body', this.text() + (warnings.includes('text') ? '\n\n[The rest of this message is not shown.]' : ''));
    heading.dir = body.dir = 'auto';
    const parts = [heading, line('field', `From: ${people(from)}`)];
    if (to.length) parts.push(line('field', `To: ${people(to)}`));
    if (date) parts.push(line('field', longDate(new Date(date))));
    this.files = attachments.map(({ filename, type, size }) =>
      el('li', '', line('main', filename || type), el('span', 'aside', octets(size))));
    parts.push(body);
    if (this.files.length) parts.push(el('ul', 'attachments', ...this.files));
    this.fill(el('article', 'message', ...parts));
    this.element.scrollTop = 0;
    this.keys();
    this.rest();
  }

  text() {
    const { text, html } = this.message;
    return (text || plain(html)).trim() || 'This message has no text.';
  }

  menu() {
    Views.open(new MenuView('Message', 'mail', [
      ['Reply', () => Views.open(new ComposeView(this.inbox, this.message, this.text()))],
      ['Mark as unread', () => this.act(() => this.mark('remove'))],
      ['Delete', () => this.act(() => this.remove())],
    ]));
  }

  /** Does something to the message, after which the list is shown. */
  act(change) {
    return steps(this, function* () {
      try {
        yield change();
        if (this.shown) Views.back();
      } catch (error) {
        this.fail('That did not work', error, () => this.act(change));
      }
    });
  }

  mark(action) {
    return steps(this, function* () {
      yield this.session.store(this.uid, action, ['\\Seen'], { uid: true });
      const listed = this.listed();
      if (listed) listed.flags = listed.flags.filter((flag) => flag !== '\\Seen').concat(action === 'add' ? ['\\Seen'] : []);
      // The person may have gone back to the list before the server has answered.
      if (this.inbox.shown && this.inbox.session === this.session) this.inbox.show();
    });
  }

  remove() {
    return steps(this, function* () {
      const trash = (yield this.session.list('', '*', { specialUse: true })).find(({ specialUse }) => specialUse === '\\Trash');
      if (trash && trash.name !== this.inbox.mailbox) {
        yield this.session.move(this.uid, trash.name, { uid: true });
      } else {
        yield this.session.store(this.uid, 'add', ['\\Deleted'], { uid: true });
        yield this.session.expunge({ uids: this.uid });
      }
    });
  }
}

/** A file: shown here if that is easy, by another app, or kept. */
class AttachmentView extends View {
  constructor(file) {
    super(file.filename || file.type, 'mail');
    this.file = file;
    this.blob = null;
    this.url = '';
  }

  enter() {
    if (this.blob) this.rest();
    else this.load();
  }

  leave() {
    this.left = true;
    if (this.url) URL.revokeObjectURL(this.url);
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) this.element.scrollTop += step * 66;
    return !!step;
  }

  load() {
    return steps(this, function* () {
      this.left = false;
      this.wait('Fetching…');
      try {
        const pieces = yield this.pieces();
        if (this.left) return;
        this.blob = new Blob(pieces, { type: this.file.type });
        yield this.show();
      } catch (error) {
        this.fail('This file cannot be fetched', error, () => this.load());
      }
    });
  }

  pieces() {
    return steps(this, function* () {
      const download = yield this.file.download();
      const pieces = [];
      try {
        let arrived = 0;
        for (let piece; !this.left && (piece = yield download.read());) {
          arrived += piece.length;
          if (arrived > FILE_LIMIT) throw new Error('It is larger than what this phone has memory for.');
          pieces.push(piece);
          if (download.size) this.progress(`Fetching… ${Math.min(100, Math.floor(100 * download.received / download.size))} %`);
        }
      } finally {
        download.close();
      }
      return pieces;
    });
  }

  show() {
    return steps(this, function* () {
      const { type } = this.file;
      this.setKeys(BACK, Platform.opens ? ['Open', () => this.does(Platform.open(this.blob, this.title))] : null,
        ['Save', () => this.does(Platform.save(this.blob, this.title), (path) => `Saved as ${path}`)]);
      if (/^image\/(png|jpeg|gif|bmp)$/.test(type)) {
        this.url = URL.createObjectURL(this.blob);
        const image = el('img', 'picture');
        image.alt = this.title;
        image.src = this.url;
        this.fill(image);
      } else if (type === 'text/plain') {
        const body = el('div', 'body', yield textOf(this.blob, this.file.parameters.charset));
        body.dir = 'auto';
        this.fill(el('article', 'message', body));
      } else {
        this.fill(notice(this.title, type, octets(this.blob.size)));
      }
      this.rest();
    });
  }

  does(promise, words) {
    return steps(this, function* () {
      let said;
      try {
        const result = yield promise;
        said = words ? words(result) : '';
      } catch (error) {
        said = error.message;
      }
      this.note = '';
      if (said) Views.open(new SaidView(this.title, said));
    });
  }
}

/** One sentence, until the person goes back. */
class SaidView extends View {
  constructor(title, text) {
    super(title, 'mail');
    this.softkeys = [null, ['OK', () => Views.back()], null];
    this.fill(notice('', text));
  }
}

function octets(count) {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${Math.round(count / 1e3)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

function textOf(blob, charset) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsText(blob, charset || 'utf-8');
  });
}

/** HTML's text. A document made this way runs nothing and loads nothing. */
function plain(html) {
  const { body } = new DOMParser().parseFromString(html.replace(/<(br|\/p|\/div|\/tr|\/li|\/h\d)\b/gi, '\n<$1'), 'text/html');
  for (let element of Array.from(body.querySelectorAll('script, style'))) element.remove();
  return body.textContent.replace(/[ \t]+/g, ' ').replace(/ ?\n ?/g, '\n').replace(/\n{3,}/g, '\n\n').trim();
}
