/* Writing: a message or an answer, sent by SMTP, with a copy among those sent. What was begun is kept until it is sent. */

/* global Accounts, FormView, Views, Wires, people, longDate, steps */
/* exported ComposeView */

const DRAFT = 'draft';

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
    const input = this.inputs[begun.to ? 2 : 0];
    this.list.set(this.inputs, input);
    if (input.setSelectionRange && message) input.setSelectionRange(0, 0);
  }

  leave() {
    const { text } = this.values;
    if (!this.answered && !this.sent && text) localStorage.setItem(DRAFT, JSON.stringify(this.values));
  }

  send({ to, subject, text }) {
    return steps(this, function* () {
      if (!to) throw new Error('Enter whom it is for.');
      const { address, smtp } = Accounts.get('mail');
      if (!smtp) throw new Error('This account has no server for sending.');
      this.wait('Sending…');
      const wire = yield Wires.get('mail');
      const { messageId, references = [] } = this.answered || {};
      const composed = yield wire.mime.compose({
        from: address, to, subject, text,
        inReplyTo: messageId || undefined, references: messageId ? references.concat(messageId) : undefined,
      });
      const { envelope } = composed;
      const raw = yield composed.bytes();
      const post = yield wire.smtp.connect(smtp);
      let rejected;
      try {
        ({ rejectedErrors: rejected } = yield post.send({ envelope, raw }));
      } finally {
        post.close();
      }
      this.sent = true;
      localStorage.removeItem(DRAFT);
      yield this.keepCopy(raw);
      // Who sends again sends to the others.
      if (rejected.length) {
        this.inputs[0].value = rejected.map(({ recipient }) => recipient).join(', ');
        throw new Error(`Sent, but not to all. ${rejected.map(({ recipient, message }) => `${recipient}: ${message}`).join(' ')}`);
      }
      if (this.shown) Views.back();
    });
  }

  /** Among those sent; where that is refused it has been sent all the same. */
  keepCopy(raw) {
    return steps(this, function* () {
      const { session } = this.inbox;
      try {
        const sent = (yield session.list('', '*', { specialUse: true })).find(({ specialUse }) => specialUse === '\\Sent');
        if (sent) yield session.append(sent.name, raw, { flags: ['\\Seen'] });
      } catch (error) {
        this.inbox.note = 'no copy kept';
      }
    });
  }
}

function answer({ subject, from, replyTo, date }, text) {
  const quoted = text.split('\n').slice(0, 40).map((words) => `> ${words}`).join('\n');
  return {
    to: (replyTo.length ? replyTo : from).map(({ address }) => address).join(', '),
    subject: /^re:/i.test(subject) ? subject : `Re: ${subject}`,
    text: `\n\n${date ? `${longDate(new Date(date))}, ` : ''}${people(from)}:\n${quoted}`,
  };
}
