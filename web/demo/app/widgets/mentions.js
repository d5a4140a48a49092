/* Who has asked for us in the chat, as the app has kept it. */

/* global Mentions, Widget */

function show() {
  const kept = Mentions.all();
  const last = kept[kept.length - 1];
  Widget.show(String(kept.length), last ? `${last.nick}: ${last.text}` : Widget.words.mentions(0));
}

addEventListener('storage', show);
Widget.whenShown(show);
