/* What was said to us in the chat and not read yet, kept where the widget finds it. */

/* exported Mentions */

const Mentions = {
  KEY: 'mentions',
  MOST: 20,

  /** {room, nick, text}, the newest last. */
  all() {
    return JSON.parse(localStorage.getItem(this.KEY) || '[]');
  },

  keep(mentions) {
    localStorage.setItem(this.KEY, JSON.stringify(mentions.slice(-this.MOST)));
  },

  add(room, nick, text) {
    this.keep(this.all().concat({ room, nick, text }));
  },

  /** A room has been read. */
  clear(room) {
    this.keep(this.all().filter((mention) => mention.room !== room));
  },
};
