/* How much of the mail is new. The module is in memory only while it asks. */

/* global kaiwire, Accounts, Widget */

let asking = false;

async function unseen({ imap }) {
  const wire = await kaiwire.load({ modules: ['imap'], worker: true });
  try {
    const session = await wire.imap.connect(Object.assign({ mailbox: null }, imap));
    return (await session.status('INBOX', { unseen: true })).unseen;
  } finally {
    wire.close();
  }
}

Widget.whenShown(async () => {
  const account = Accounts.get('mail');
  if (!account) Widget.show('', Widget.words.nobody);
  if (asking || !account) return;
  asking = true;
  Widget.show('', Widget.words.wait);
  try {
    const count = await unseen(account);
    Widget.show(String(count), Widget.words.unread(count));
  } catch (error) {
    Widget.show('', `${Widget.words.failed}: ${error.message}`);
  } finally {
    asking = false;
  }
});
