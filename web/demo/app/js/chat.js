/* Chat: the channels, and what is said in one of them. */

/* global el, line, notice, View, List, MenuView, FormView, Views, BACK, Accounts, Mentions, Wires, ChatSetupView, steps */
/* exported ChatView */

const LINES_KEPT = 200;
/** How much of what was said before we came is fetched. */
const HISTORY = 30;
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
    if (!Accounts.get('chat')) Views.replace(new ChatSetupView(() => Views.replace(this)));
    else if (!this.session && !this.connecting) this.connect();
    else if (this.session && !this.connecting) this.show();
  }

  key(event) { return this.list.key(event); }

  connect() {
    return steps(this, function* () {
      this.connecting = true;
      this.wait('Connecting to the chat…');
      try {
        const { server, channels } = Accounts.get('chat');
        const wire = yield Wires.get('chat');
        this.follow(yield wire.irc.connect(Object.assign({ reconnect: true }, server)));
        yield Promise.all(channels.map((name) => this.join(name)));
        this.rooms.sort((a, b) => channels.indexOf(a.title) - channels.indexOf(b.title));
        this.show();
      } catch (error) {
        this.lost(error);
      } finally {
        this.connecting = false;
      }
    });
  }

  follow(session) {
    this.session = session;
    this.note = session.nick;
    session.on('message', (message) => this.heard(message));
    session.on('topic', ({ channel, topic }) => this.change(channel, (room) => { room.topic = topic; }));
    session.on('join', ({ nick, channel, own }) => { if (!own) this.told(channel, `${nick} has come in`); });
    session.on('part', ({ nick, channel, own }) => { if (!own) this.told(channel, `${nick} has left`); });
    session.on('kick', ({ nick, channel, by }) => this.told(channel, `${nick} was thrown out by ${by}`));
    session.on('disconnect', ({ error }) => this.interrupted(session, 'waiting', error.message));
    session.on('reconnect', ({ nick }) => this.interrupted(session, nick, 'Connected again'));
    session.on('close', ({ error }) => {
      if (error && this.session === session) this.lost(error);
    });
  }

  /** The session goes on by itself; the person is told. */
  interrupted(session, note, text) {
    if (this.session !== session) return;
    this.note = note;
    for (let room of this.rooms) {
      room.note = note === 'waiting' ? note : '';
      room.say(el('p', 'event', text));
      room.refresh();
    }
    this.refresh();
  }

  lost(error) {
    const { session } = this;
    this.session = null;
    if (session) session.close();
    if (error.code === 'EPANIC') Wires.close('chat');
    this.note = '';
    for (let room of this.rooms) room.say(el('p', 'event', error.message));
    this.fail('Chat does not work now', error, () => this.connect(), ['Options', () => this.menu()]);
  }

  /** Goes into a channel, and shows what was said there before, where the server keeps it. */
  join(name) {
    return steps(this, function* () {
      const { channel, topic } = yield this.session.join(name);
      const room = this.room(channel);
      room.topic = topic;
      if (this.session.isupport.CHATHISTORY === undefined) return;
      const past = yield this.session.history(channel, { limit: HISTORY }).catch(() => []); // not every channel has one
      room.before(past.filter(({ event }) => event === 'message'));
    });
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

  heard(message) {
    const { nick, target, text, own } = message;
    // What is said to us alone has a room of the one who says it.
    const name = message.channel || own ? target : nick;
    if (!this.find(name) && this.rooms.length >= MOST_ROOMS) return;
    const room = this.room(name);
    if (!room.speak(message)) return;
    if (!room.shown && !own) {
      room.unread++;
      if (room.title === nick || message.mention) Mentions.add(room.title, nick, text);
    }
    this.change(room.title, () => {});
  }

  show() {
    const focused = this.list.current && this.list.current.room;
    const rows = this.rooms.map((room) => {
      const badge = room.unread ? [el('span', 'badge', room.unread > 99 ? '99+' : String(room.unread))] : [];
      const row = el('div', 'row', el('div', 'top', line('main', room.title), ...badge), line('sub', room.topic || 'No topic'));
      row.tabIndex = -1;
      row.room = room;
      return row;
    });
    this.setKeys(BACK, rows.length ? ['Open', () => Views.open(this.list.current.room)] : null, ['Options', () => this.menu()]);
    this.fill(...(rows.length ? rows : [notice('', 'You are in no channel.')]));
    this.list.set(rows, rows.find(({ room }) => room === focused));
  }

  menu() {
    const room = this.list.current && this.list.current.room;
    Views.open(new MenuView('Chat', 'chat', [
      ...(this.session ? [['Join a channel', () => Views.open(this.asking())]] : []),
      ...(this.session && room ? [[`Leave ${room.title}`, () => this.part(room)]] : []),
      ...(this.note === 'waiting' ? [['Connect now', () => this.session.retry()]] : []),
      ['Remove the account', () => this.leaveAccount()],
    ]));
  }

  asking() {
    return new FormView('Join a channel', 'chat', {
      fields: [{ name: 'channel', label: 'Channel', value: '#' }],
      action: 'Join',
      done: ({ channel }, form) => steps(this, function* () {
        yield this.join(channel);
        this.keepChannels();
        if (form.shown) Views.back();
      }),
    });
  }

  part(room) {
    return steps(this, function* () {
      // Of a conversation with one person the server knows nothing; what it refuses is over all the same. Until it has
      // answered, more may be said.
      if (/^[#&+!]/.test(room.title)) yield this.session.part(room.title).catch(() => {});
      this.rooms = this.rooms.filter((other) => other !== room);
      this.keepChannels();
      if (this.shown && this.session) this.show();
    });
  }

  keepChannels() {
    const channels = this.rooms.map(({ title }) => title).filter((title) => /^[#&+!]/.test(title));
    Accounts.keep('chat', Object.assign(Accounts.get('chat'), { channels }));
  }

  leaveAccount() {
    const { session } = this;
    this.session = null;
    this.rooms = [];
    this.list.items = [];
    if (session) session.close();
    Accounts.forget('chat');
    Wires.close('chat');
    Views.back();
  }
}

class RoomView extends View {
  constructor(chat, name) {
    super(name, 'chat');
    this.chat = chat;
    this.topic = '';
    this.unread = 0;
    this.ids = [];
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
    log.appendChild(paragraph);
    while (log.children.length > LINES_KEPT) log.firstChild.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  /** Adds what somebody says, unless it is there already. */
  speak(message) {
    if (this.known(message)) return false;
    this.say(spoken(message));
    return true;
  }

  /** What was said before: it stands above what has come meanwhile. */
  before(messages) {
    const first = this.log.firstChild;
    for (let message of messages) {
      if (!this.known(message)) this.log.insertBefore(spoken(message), first);
    }
    this.log.scrollTop = this.log.scrollHeight;
  }

  known({ id }) {
    if (!id) return false;
    if (this.ids.includes(id)) return true;
    this.ids = this.ids.concat(id).slice(-LINES_KEPT);
    return false;
  }

  send() {
    return steps(this, function* () {
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
        const { id, time } = action ? yield session.action(this.title, action[1]) : yield session.send(this.title, text);
        this.speak({ id, time, nick: session.nick, text: action ? action[1] : text, action: !!action });
        this.log.scrollTop = this.log.scrollHeight;
      } catch (error) {
        if (!this.input.value) this.input.value = text;
        this.say(el('p', 'event', `Not sent: ${error.message}`));
      }
    });
  }
}

/** The same for a nick at any time. */
function colour(nick) {
  let sum = 0;
  for (let character of nick.toLowerCase()) sum = (sum * 31 + character.codePointAt(0)) % 65521;
  return NICK_COLOURS[sum % NICK_COLOURS.length];
}

/** A line of talk, with when it was said. */
function spoken({ nick, text, action, time }) {
  const name = el('span', 'nick', action ? `* ${nick}` : nick);
  name.style.color = colour(nick);
  const paragraph = el('p', '', name, ` ${text} `, el('span', 'time', new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })));
  paragraph.dir = 'auto';
  return paragraph;
}
