/* Chat: the channels, and what is said in one of them. */

/* global config, el, line, View, List, Views, BACK, Mentions, Wires */
/* exported ChatView */

const LINES_KEPT = 200;
/** Anybody may speak to us, which makes a room; this many are enough. */
const MOST_ROOMS = 50;
/** All of them readable on white. */
const NICK_COLOURS = ['#b3261e', '#8a4b00', '#5f6300', '#14693f', '#00639b', '#4a4fc4', '#8e3a9d', '#a3195b'];

class ChatView extends View {
  constructor() {
    super('Chat', 'chat');
    this.list = new List(this);
    this.session = null;
    this.rooms = [];
  }

  enter() {
    if (!this.session && !this.connecting) this.connect();
    else if (this.session && !this.connecting) this.show();
  }

  key(event) { return this.list.key(event); }

  async connect() {
    this.connecting = true;
    this.wait('Connecting to the chat…');
    try {
      const { channels } = config.chat;
      const wire = await Wires.get('irc');
      this.follow(await wire.irc.connect(config.chat));
      await Promise.all(channels.map((name) => this.join(name)));
      this.rooms.sort((a, b) => channels.indexOf(a.title) - channels.indexOf(b.title));
      this.show();
    } catch (error) {
      this.lost(error);
    } finally {
      this.connecting = false;
    }
  }

  follow(session) {
    this.session = session;
    this.note = session.nick;
    session.on('message', (message) => this.heard(message));
    session.on('topic', ({ channel, topic }) => this.change(channel, (room) => { room.topic = topic; }));
    session.on('join', ({ nick, channel }) => this.told(channel, `${nick} has come in`));
    session.on('part', ({ nick, channel }) => this.told(channel, `${nick} has left`));
    session.on('kick', ({ nick, channel, by }) => this.told(channel, `${nick} was thrown out by ${by}`));
    session.on('close', ({ error }) => {
      if (error && this.session === session) this.lost(error);
    });
  }

  lost(error) {
    const { session } = this;
    this.session = null;
    if (session) session.close();
    Wires.drop('irc', error);
    this.note = '';
    this.refresh();
    for (const room of this.rooms) room.say(el('p', 'event', error.message));
    this.fail('Chat does not work now', error, () => this.connect());
  }

  async join(name) {
    const { channel, topic } = await this.session.join(name);
    this.room(channel).topic = topic;
  }

  /** The room of that name, with what has been said in it before. */
  room(name) {
    let room = this.find(name);
    if (!room) {
      room = new RoomView(this, name);
      this.rooms.push(room);
    }
    return room;
  }

  find(name) {
    return this.rooms.find(({ title }) => title.toLowerCase() === name.toLowerCase());
  }

  change(name, change) {
    const room = this.find(name);
    if (room) change(room);
    if (this.shown && this.session && !this.connecting) this.show();
  }

  told(channel, text) {
    this.change(channel, (room) => room.say(el('p', 'event', text)));
  }

  heard({ nick, target, text, action }) {
    // What is said to us alone has a room of the one who says it.
    const name = target === this.session.nick ? nick : target;
    if (!this.find(name) && this.rooms.length >= MOST_ROOMS) return;
    const room = this.room(name);
    if (!room.shown) {
      room.unread++;
      if (room.title === nick || Mentions.names(this.session.nick, text)) Mentions.add(room.title, nick, text);
    }
    this.change(room.title, () => room.speak(nick, text, action));
  }

  show() {
    const focused = this.list.current && this.list.current.room;
    const rows = this.rooms.map((room) => {
      const top = el('div', 'top', line('main', room.title));
      if (room.unread) top.append(el('span', 'badge', room.unread > 99 ? '99+' : String(room.unread)));
      const row = el('div', 'row', top, line('sub', room.topic || 'No topic'));
      row.tabIndex = -1;
      row.room = room;
      return row;
    });
    this.setKeys(BACK, ['Open', () => Views.open(this.list.current.room)], null);
    this.fill(...rows);
    this.list.set(rows, rows.find(({ room }) => room === focused));
  }
}

class RoomView extends View {
  constructor(chat, name) {
    super(name, 'chat');
    this.chat = chat;
    this.topic = '';
    this.unread = 0;
    this.log = el('div', 'log');
    this.input = el('input', 'focused');
    this.input.placeholder = 'Message';
    this.input.maxLength = 400;
    this.element.classList.add('room');
    this.fill(this.log, this.input);
    this.softkeys = [BACK, ['Send', () => this.send()], null];
  }

  enter() {
    this.unread = 0;
    Mentions.clear(this.title);
    this.log.scrollTop = this.log.scrollHeight;
    this.input.focus();
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) this.log.scrollTop += step * 40;
    return !!step;
  }

  /** Adds a line; who reads the end goes on reading the end. */
  say(paragraph) {
    const { log } = this;
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 24;
    paragraph.dir = 'auto';
    log.append(paragraph);
    while (log.children.length > LINES_KEPT) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  speak(nick, text, action) {
    const name = el('span', 'nick', action ? `* ${nick}` : nick);
    name.style.color = colour(nick);
    this.say(el('p', '', name, ` ${plain(text)}`));
  }

  async send() {
    const text = this.input.value.trim();
    const { session } = this.chat;
    if (!text) return;
    if (!session) {
      this.say(el('p', 'event', 'Not sent: there is no connection. Go back to connect again.'));
      return;
    }
    this.input.value = '';
    const action = /^\/me\s+(.+)/.exec(text);
    try {
      if (action) await session.action(this.title, action[1]);
      else await session.send(this.title, text);
      this.speak(session.nick, action ? action[1] : text, !!action);
      this.log.scrollTop = this.log.scrollHeight;
    } catch (error) {
      if (!this.input.value) this.input.value = text;
      this.say(el('p', 'event', `Not sent: ${error.message}`));
    }
  }
}

/** The same for a nick at any time. */
function colour(nick) {
  let sum = 0;
  for (const character of nick.toLowerCase()) sum = (sum * 31 + character.codePointAt(0)) % 65521;
  return NICK_COLOURS[sum % NICK_COLOURS.length];
}

/** Without the control characters that colour and embolden. */
function plain(text) {
  return text.replace(/\x03(\d{1,2}(,\d{1,2})?)?|\x04([0-9a-f]{6}(,[0-9a-f]{6})?)?|[\x00-\x1f]/gi, '');
}
