/* Writing: a message or an answer, with files, sent by SMTP, with a copy among those sent. What was begun is kept until it is sent. */

/* global el, line, Accounts, FormView, Platform, Views, Wires, BACK, octets, people, longDate, steps */
/* exported ComposeView */

const DRAFT = 'draft';
/** Octets up to which the copy of a message has its files too: it is in memory whole when it is put among those sent. */
const COPY_LIMIT = 256 * 1024;

class ComposeView extends FormView {
  /** An answer to a message with that text, if there is one. */
  constructor(inbox, message, text) {
    const kept = JSON.parse(localStorage.getItem(DRAFT)) || {};
    const begun = message ? answer(message, text) : kept;
    super(message ? 'Reply' : 'Write', 'mail', {
      fields: [
        { name: 'to', label: 'To', value: begun.to, type: 'email' },
        { name: 'subject', label: 'Subject', value: begun.subject },
        { name: 'text', label: 'Message', value: begun.text, lines: 6 },
      ],
      action: 'Send',
      done: (values) => this.send(values),
    });
    this.inbox = inbox;
    this.answered = message;
    this.files = message ? [] : ComposeView.begun;
    this.limit = 0; // octets that the server takes; 0: it has not said
    this.attempt = null; // the sending that goes on
    this.rows = el('ul', 'attachments');
    this.sum = el('p', '');
    this.form.appendChild(this.rows);
    this.form.appendChild(this.sum);
    const input = this.inputs[begun.to ? 2 : 0];
    this.drawFiles(input);
    if (this.files.length) this.askLimit();
    if (input.setSelectionRange && message) input.setSelectionRange(0, 0);
  }

  leave() {
    const { text } = this.values;
    if (!this.answered && !this.sent && text) localStorage.setItem(DRAFT, JSON.stringify(this.values));
  }

  key(event) {
    if (this.attempt && event.key === 'Backspace') {
      this.stop();
      return true;
    }
    return super.key(event);
  }

  focused(item) {
    if (item.parentNode !== this.rows) {
      super.focused(item);
      this.setKeys(BACK, null, this.action);
      return;
    }
    const { file } = item;
    if (!file) this.reveal(this.sum);
    this.reveal(item);
    this.setKeys(BACK, file ? ['Remove', () => this.remove(file)] : ['Attach', () => this.attach()], this.action);
  }

  /** The files, the row that adds one, and what they come to. */
  drawFiles(focused) {
    this.rows.textContent = '';
    const rows = this.files.map(({ name, blob }) => el('li', '', line('main', name), el('span', 'aside', octets(blob.size))))
      .concat(el('li', '', line('main', 'Attach a file')));
    rows.forEach((row, i) => {
      row.tabIndex = -1;
      row.file = this.files[i];
      this.rows.appendChild(row);
    });
    this.tellSum();
    this.list.set(this.inputs.concat(rows), focused);
  }

  tellSum() {
    const { excess } = this;
    const takes = this.limit ? ` The server takes ${octets(this.limit)}.` : '';
    this.sum.textContent = excess || (this.files.length ? `By mail that is ${octets(this.weight)}.${takes}` : '');
    this.sum.className = excess ? 'problem' : '';
  }

  /** Octets of the files as mail has them: lines of base64 (RFC 2045, 6.8), 57 octets each. */
  get weight() { return this.files.reduce((sum, { blob }) => sum + Math.ceil(blob.size / 57) * 78, 0); }

  /** In words, why the server will not take that much; empty where it may. */
  get excess() {
    if (!this.limit || this.weight <= this.limit) return '';
    return `By mail that is ${octets(this.weight)}, and the server takes ${octets(this.limit)}. Remove ${this.files.length > 1 ? 'a file' : 'the file'}.`;
  }

  attach() {
    return steps(this, function* () {
      try {
        const picked = yield Platform.pick();
        if (!picked.length) return;
        this.files.push(...picked);
        this.drawFiles();
        if (!this.limit) yield this.askLimit();
      } catch (error) {
        this.edit(error);
      }
    });
  }

  remove(file) {
    this.files.splice(this.files.indexOf(file), 1);
    this.drawFiles();
  }

  /** Before the person has written it all: how much the server takes. Who sends hears of it in any case. */
  askLimit() {
    return steps(this, function* () {
      const { smtp } = Accounts.get('mail');
      if (!smtp) return;
      try {
        const wire = yield Wires.get('mail');
        const post = yield wire.smtp.connect(smtp);
        this.limit = post.maxSize || 0;
        post.close();
        this.tellSum();
      } catch (error) {
        this.limit = 0; // sending will say why
      }
    });
  }

  send({ to, subject, text }) {
    return steps(this, function* () {
      if (!to) throw new Error('Enter whom it is for.');
      const { address, smtp } = Accounts.get('mail');
      if (!smtp) throw new Error('This account has no server for sending.');
      if (this.excess) throw new Error(this.excess);
      const attempt = this.attempt = { post: null, whole: false };
      this.wait('Sending…');
      this.setKeys(['Stop', () => this.stop()], null, null);
      const files = this.files.slice();
      const { messageId, references = [] } = this.answered || {};
      const letter = {
        from: address, to, subject, text, date: new Date(),
        inReplyTo: messageId || undefined, references: messageId ? references.concat(messageId) : undefined,
      };
      let rejected;
      let composed;
      try {
        const wire = yield Wires.get('mail');
        composed = yield wire.mime.compose(Object.assign({ attachments: attached(files) }, letter));
        attempt.post = yield wire.smtp.connect(smtp);
        this.limit = attempt.post.maxSize || 0;
        if (attempt !== this.attempt) return;
        const { envelope, size } = composed;
        // Read as it is sent: no more of a file is in memory than a piece.
        ({ rejectedErrors: rejected } = yield attempt.post.send({ envelope, raw: composed, size, onProgress: ({ sent }) => {
          attempt.whole = sent >= size;
          if (attempt === this.attempt) this.progress(`Sending… ${Math.min(100, Math.floor(100 * sent / size))} %`);
        } }));
        if (attempt !== this.attempt) return;
        // From here on nothing can be stopped any more.
        this.attempt = null;
        this.sent = true;
        localStorage.removeItem(DRAFT);
        if (!rejected.length) this.files.length = 0;
        this.wait('Sent. Keeping a copy…');
        yield this.keepCopy(wire, Object.assign(letter, { messageId: composed.messageId }), files, size);
      } catch (error) {
        if (attempt !== this.attempt) return; // it was stopped, which was said
        this.attempt = null;
        throw error;
      } finally {
        if (attempt.post) attempt.post.close();
        if (composed) composed.close();
      }
      // Who sends again sends to the others.
      if (rejected.length) {
        this.inputs[0].value = rejected.map(({ recipient }) => recipient).join(', ');
        throw new Error(`Sent, but not to all. ${rejected.map(({ recipient, message }) => `${recipient}: ${message}`).join(' ')}`);
      }
      if (this.shown) Views.back();
    });
  }

  stop() {
    const { post, whole } = this.attempt;
    this.attempt = null;
    if (post) post.close();
    this.edit(new Error(whole ? 'Stopped. It may have been sent all the same.' : 'Stopped: it was not sent.'));
  }

  /** Among those sent; where that is refused it has been sent all the same. Of one that is large its text, which says what came with it. */
  keepCopy(wire, letter, files, size) {
    return steps(this, function* () {
      const { session } = this.inbox;
      try {
        const sent = (yield session.list('', '*', { specialUse: true })).find(({ specialUse }) => specialUse === '\\Sent');
        if (!sent) return;
        const names = files.map(({ name, blob }) => `${name}, ${octets(blob.size)}`);
        const copy = size > COPY_LIMIT && names.length
          ? Object.assign({}, letter, { text: `${letter.text}\n\n[Sent with ${names.join('; ')}]` })
          : Object.assign({ attachments: attached(files) }, letter);
        const composed = yield wire.mime.compose(copy);
        yield session.append(sent.name, yield composed.bytes(), { flags: ['\\Seen'] });
      } catch (error) {
        this.inbox.note = 'no copy kept';
      }
    });
  }
}
/** The files of a message that was begun and not sent; text alone outlives the app. */
ComposeView.begun = [];

function attached(files) {
  return files.map(({ name, blob }) => ({ filename: name, content: blob, contentType: blob.type || undefined }));
}

function answer({ subject, from, replyTo, date }, text) {
  const quoted = text.split('\n').slice(0, 40).map((words) => `> ${words}`).join('\n');
  return {
    to: (replyTo.length ? replyTo : from).map(({ address }) => address).join(', '),
    subject: /^re:/i.test(subject) ? subject : `Re: ${subject}`,
    text: `\n\n${date ? `${longDate(new Date(date))}, ` : ''}${people(from)}:\n${quoted}`,
  };
}
