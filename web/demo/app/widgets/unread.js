/* How much of the mail is new. The module is in memory only while it asks. */

/* global kaiwire, config, Widget */

let asking = false;

async function unseen() {
  const wire = await kaiwire.load({ modules: ['imap'], worker: true });
  try {
    const session = await wire.imap.connect(config.mail);
    return (await session.status('INBOX', { unseen: true })).unseen;
  } finally {
    wire.close();
  }
}

Widget.whenShown(async () => {
  if (asking) return;
  asking = true;
  Widget.show('', Widget.words.wait);
  try {
    const count = await unseen();
    Widget.show(String(count), Widget.words.unread(count));
  } catch (error) {
    Widget.show('', `${Widget.words.failed}: ${error.message}`);
  } finally {
    asking = false;
  }
});
