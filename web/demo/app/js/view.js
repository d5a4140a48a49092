/* Views, the keys that they get, and the three labels above the soft keys. */

/* global Platform, steps */
/* exported el, line, notice, View, List, LongList, MenuView, FormView, Views, BACK */

/** An element with a class, and its children: nodes or text. */
function el(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  put(element, children);
  return element;
}

/** Gecko 48 has no append(). */
function put(element, children) {
  for (let child of children) element.appendChild(typeof child === 'string' ? document.createTextNode(child) : child);
}

/** Text on one line, written in whichever direction its first letter has. */
function line(className, text) {
  const element = el('div', `line ${className}`, text);
  element.dir = 'auto';
  return element;
}

/** What there is to say in place of content: a title, which may be empty, and sentences. */
function notice(title, ...sentences) {
  return el('div', 'notice', ...(title ? [el('p', 'title', title)] : []), ...sentences.map((text) => el('p', '', text)));
}

/**
 * What fills the display: `title`, `theme` (a class of the body), `note` beside the title, `softkeys`
 * as [left, centre, right], each [label, action] or null, and `element`.
 */
class View {
  constructor(title, theme) {
    this.title = title;
    this.theme = theme;
    this.note = '';
    this.softkeys = [null, null, null];
    this.element = el('div', 'screen');
    this.element.tabIndex = -1;
    this.again = null;
  }

  /** Is shown, for the first time or again. */
  enter() {}

  /** Is covered or gone. */
  leave() {}

  /** What goes on besides, in a sentence; empty where all is well. */
  get status() { return ''; }

  /** A key that is no soft key; true if it has been used up. */
  key() { return false; }

  /** Replaces what the screen shows. */
  fill(...nodes) {
    const { scrollTop } = this.element;
    this.element.textContent = '';
    put(this.element, nodes);
    this.element.scrollTop = scrollTop;
    this.again = null;
  }

  get shown() { return Views.current === this; }

  /** Puts labels, title and note on the display again. */
  refresh() {
    if (this.shown) Views.render();
  }

  setKeys(left, centre, right) {
    this.softkeys = [left, centre, right];
    this.refresh();
  }

  wait(text) {
    this.setKeys(BACK, null, null);
    this.fill(el('div', 'notice', el('div', 'spinner'), el('p', '', text)));
    this.rest();
  }

  /** Says more of what is being waited for. */
  progress(text) {
    const paragraph = this.element.querySelector('.notice p');
    if (paragraph) paragraph.textContent = text;
  }

  /**
   * Shows why something did not work, in words. `retry` does it again, if that can help; without a network it is done
   * again when there is one.
   */
  fail(title, error, retry, right = null) {
    this.setKeys(BACK, error.retry === 'never' ? null : ['Retry', retry], right);
    const words = Platform.online ? error.message : 'There is no network. It goes on when there is one again.';
    this.fill(el('div', 'notice', el('p', 'title', title), el('p', '', words), el('p', 'code', error.code || '')));
    if (!Platform.online) this.again = retry;
    this.rest();
  }

  /** Takes the focus from what is no longer there, so that keys still arrive. */
  rest() {
    if (this.shown) this.element.focus();
  }

  /** Scrolls as little as it takes to see an element. */
  reveal({ offsetTop, offsetHeight }) {
    const { element } = this;
    if (offsetTop < element.scrollTop) element.scrollTop = offsetTop;
    else element.scrollTop = Math.max(element.scrollTop, offsetTop + offsetHeight - element.clientHeight);
  }
}

const BACK = ['Back', () => Views.back()];

/** A column of things one of which has the focus: rows, fields. */
class List {
  /** `onfocus` is called with the item that the focus has come to. */
  constructor(view, onfocus) {
    this.view = view;
    this.items = [];
    this.at = 0;
    this.onfocus = onfocus || (() => {});
  }

  /** Replaces the items; the focus stays where it was, or with the item that was given. */
  set(items, focused) {
    this.items = items;
    const at = items.indexOf(focused);
    this.at = Math.max(0, Math.min(at < 0 ? this.at : at, items.length - 1));
    this.show();
  }

  get current() { return this.items[this.at]; }

  show() {
    this.items.forEach((item, i) => item.classList.toggle('focused', i === this.at));
    const item = this.current;
    if (!item || !this.view.shown) return;
    item.focus();
    this.view.reveal(item);
    this.onfocus(item);
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!step || this.items.length === 0) return false;
    this.at = (this.at + step + this.items.length) % this.items.length;
    this.show();
    return true;
  }
}

/** A column of any number of rows of one height, of which only those near the display are elements. */
class LongList {
  /** `make` makes the row of an item; `onnear` is called when the focus comes near the end. */
  constructor(view, make, onnear) {
    this.view = view;
    this.make = make;
    this.onnear = onnear;
    this.items = [];
    this.at = 0;
    this.rows = new Map();
    this.space = el('div', 'space');
    view.element.addEventListener('scroll', () => this.draw());
  }

  get current() { return this.items[this.at]; }

  /** Replaces the items. The focus stays with the item that is `same` as the one that had it. */
  set(items, same) {
    const before = this.current;
    this.items = items;
    const at = before === undefined ? 0 : items.findIndex((item) => same(item, before));
    this.at = Math.max(0, at < 0 ? Math.min(this.at, items.length - 1) : at);
    this.rows.clear();
    this.space.textContent = '';
    this.show();
  }

  show() {
    const { element } = this.view;
    this.space.style.height = `${this.items.length * LongList.HEIGHT}px`;
    if (!this.space.parentNode) this.view.fill(this.space);
    const top = this.at * LongList.HEIGHT;
    if (top < element.scrollTop) element.scrollTop = top;
    else element.scrollTop = Math.max(element.scrollTop, top + LongList.HEIGHT - element.clientHeight);
    this.draw();
    const row = this.rows.get(this.at);
    if (row && this.view.shown) row.focus();
    if (this.items.length - this.at < LongList.NEAR) this.onnear();
  }

  /** Makes the rows that are near the display, and forgets the others. */
  draw() {
    if (!this.space.parentNode) return;
    const { scrollTop, clientHeight } = this.view.element;
    const first = Math.max(0, Math.floor(scrollTop / LongList.HEIGHT) - LongList.BEYOND);
    const end = Math.min(this.items.length, Math.ceil((scrollTop + clientHeight) / LongList.HEIGHT) + LongList.BEYOND);
    this.rows.forEach((row, at) => {
      if (at >= first && at < end) return;
      row.parentNode.removeChild(row);
      this.rows.delete(at);
    });
    for (let at = first; at < end; at++) {
      let row = this.rows.get(at);
      if (!row) {
        row = this.make(this.items[at]);
        row.tabIndex = -1;
        row.style.top = `${at * LongList.HEIGHT}px`;
        this.rows.set(at, row);
        this.space.appendChild(row);
      }
      row.classList.toggle('focused', at === this.at);
    }
  }

  key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const at = this.at + step;
    if (!step || at < 0 || at >= this.items.length) return !!step;
    this.at = at;
    this.show();
    return true;
  }
}
LongList.HEIGHT = 53; // as in style.css
LongList.BEYOND = 3;
LongList.NEAR = 10;

/** Things to choose from, [label, action] each, on top of the view that they are about. */
class MenuView extends View {
  constructor(title, theme, entries) {
    super(title, theme);
    this.list = new List(this);
    const rows = entries.map(([label, action]) => {
      const row = el('div', 'row choice', line('main', label));
      row.tabIndex = -1;
      row.action = action;
      return row;
    });
    this.softkeys = [BACK, ['Select', () => this.choose()], null];
    this.fill(...rows);
    this.list.set(rows);
  }

  choose() {
    const { action } = this.list.current;
    Views.back();
    action();
  }

  enter() { this.list.show(); }

  key(event) { return this.list.key(event); }
}

/** Fields to fill in: {name, label, value, type, lines}. `done` gets their values by name, and may reject. */
class FormView extends View {
  constructor(title, theme, { fields, words, action, done }) {
    super(title, theme);
    this.done = done;
    this.long = fields.some(({ lines }) => lines);
    this.inputs = fields.map(({ name, value = '', type = 'text', lines }) => {
      const input = el(lines ? 'textarea' : 'input', '');
      if (lines) input.rows = lines;
      else input.type = type;
      input.name = name;
      input.spellcheck = false;
      input.value = value;
      return input;
    });
    this.list = new List(this, (item) => this.focused(item));
    this.form = el('div', 'form', ...(words ? [el('p', '', words)] : []),
      ...fields.map(({ label }, i) => el('label', '', label, this.inputs[i])));
    this.action = [action, () => this.submit()];
    this.list.set(this.inputs);
    this.edit();
  }

  /** Shows the fields again, with what was wrong about them. */
  edit(error) {
    // In a long text the key in the middle breaks lines.
    this.setKeys(BACK, this.long ? null : this.action, this.long ? this.action : null);
    this.fill(this.form);
    this.forget();
    this.problem = error ? el('p', 'problem', error.message) : null;
    if (error) this.form.insertBefore(this.problem, this.form.firstChild);
    this.list.show();
    if (error) this.element.scrollTop = 0;
  }

  /** What was wrong is not said any more. */
  forget() {
    if (this.problem) this.form.removeChild(this.problem);
    this.problem = null;
  }

  /** The focus has come to one of the list. */
  focused(item) { this.reveal(item.parentNode); }

  get values() {
    const values = {};
    for (let { name, value } of this.inputs) values[name] = value.trim();
    return values;
  }

  submit() {
    return steps(this, function* () {
      this.forget();
      try {
        yield this.done(this.values, this);
      } catch (error) {
        this.edit(error);
      }
    });
  }

  enter() {
    if (this.form.parentNode) this.list.show();
  }

  key(event) {
    const { current } = this.list;
    if (!this.form.parentNode) return false;
    if (current.tagName === 'TEXTAREA') {
      // The cursor goes through the text first, and out of it at its ends.
      const { selectionStart, value } = current;
      if (event.key === 'ArrowUp' ? selectionStart > 0 : event.key === 'ArrowDown' && selectionStart < value.length) return false;
    }
    return this.list.key(event);
  }
}

const Views = {
  stack: [],

  get current() { return this.stack[this.stack.length - 1]; },

  open(view) {
    if (this.current) this.current.leave();
    this.stack.push(view);
    this.swap();
  },

  /** Puts a view in the place of the one on top. */
  replace(view) {
    this.stack.pop().leave();
    this.stack.push(view);
    this.swap();
  },

  back() {
    if (this.stack.length === 1) return;
    this.stack.pop().leave();
    this.swap();
  },

  swap() {
    const content = document.getElementById('content');
    content.textContent = '';
    content.appendChild(this.current.element);
    document.body.className = this.current.theme;
    this.render();
    this.current.element.focus();
    this.current.enter();
  },

  render() {
    const { title, note, status, softkeys } = this.current;
    const heading = document.getElementById('title');
    heading.textContent = title;
    heading.dir = 'auto';
    document.getElementById('status').textContent = status;
    document.getElementById('note').textContent = Platform.online ? note : 'no network';
    ['left', 'centre', 'right'].forEach((side, i) => {
      document.getElementById(`soft-${side}`).textContent = softkeys[i] ? softkeys[i][0] : '';
    });
  },

  keydown(event) {
    const soft = { SoftLeft: 0, Enter: 1, SoftRight: 2 }[event.key];
    if (this.current.key(event)) {
      event.preventDefault();
    } else if (soft !== undefined) {
      const softkey = this.current.softkeys[soft];
      if (!softkey) return; // Enter is a line break in a long text
      event.preventDefault();
      softkey[1]();
    } else if (event.key === 'Backspace' && this.stack.length > 1 && !event.target.value) {
      // Left alone, this key closes the app, as it should on the first screen; and in a field it deletes.
      event.preventDefault();
      this.back();
    }
  },

  /** The network has come or gone. */
  network() {
    this.render();
    const { again } = this.current;
    if (Platform.online && again) again();
  },
};

document.addEventListener('keydown', (event) => Views.keydown(event));
// Who comes back from somewhere else on the phone goes on where they were.
document.addEventListener('focus', ({ target }) => { if (target !== document) Views.focused = target; }, true);
addEventListener('focus', ({ target }) => {
  const { focused } = Views;
  if (target === window && document.activeElement === document.body && focused && document.body.contains(focused)) focused.focus();
});
for (let event of ['online', 'offline']) addEventListener(event, () => Views.network());
