/* How much of the mail is new. The module is in memory only while it asks. */

/* global kaiwire, Accounts, Widget, steps */

let asking = false;

function unseen({ imap }) {
  return steps(null, function* () {
    const wire = yield kaiwire.load({ modules: ['imap'], worker: true });
    try {
      const session = yield wire.imap.connect(Object.assign({ mailbox: null }, imap));
      return (yield session.status('INBOX', { unseen: true })).unseen;
    } finally {
      wire.close();
    }
  });
}

Widget.whenShown(() => steps(null, function* () {
  const account = Accounts.get('mail');
  if (!account) Widget.show('', Widget.words.nobody);
  if (asking || !account) return;
  asking = true;
  Widget.show('', Widget.words.wait);
  try {
    const count = yield unseen(account);
    Widget.show(String(count), Widget.words.unread(count));
  } catch (error) {
    Widget.show('', `${Widget.words.failed}: ${error.message}`);
  } finally {
    asking = false;
  }
}));
