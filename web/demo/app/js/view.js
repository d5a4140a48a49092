/* Views, the keys that they get, and the three labels above the soft keys. */

/* exported el, line, View, List, Views, BACK */

/** An element with a class, and its children: nodes or text. */
function el(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/** Text on one line, written in whichever direction its first letter has. */
function line(className, text) {
  const element = el('div', `line ${className}`, text);
  element.dir = 'auto';
  return element;
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
  }

  /** Is shown, for the first time or again. */
  enter() {}

  /** Is covered or gone. */
  leave() {}

  /** A key that is no soft key; true if it has been used up. */
  key() { return false; }

  /** Replaces what the screen shows. */
  fill(...nodes) {
    const { scrollTop } = this.element;
    this.element.textContent = '';
    this.element.append(...nodes);
    this.element.scrollTop = scrollTop;
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

  /** Shows why something did not work, in words. `retry` does it again, if that can help. */
  fail(title, error, retry) {
    this.setKeys(BACK, error.retry === 'never' ? null : ['Retry', retry], null);
    this.fill(el('div', 'notice',
      el('p', 'title', title),
      el('p', '', error.message),
      el('p', 'code', error.code || '')));
    this.rest();
  }

  /** Takes the focus from what is no longer there, so that keys still arrive. */
  rest() {
    if (this.shown) this.element.focus();
  }
}

const BACK = ['Back', () => Views.back()];

/** A column of things one of which has the focus: rows, fields. */
class List {
  /** `onfocus` is called with the item that the focus has come to. */
  constructor(screen, onfocus) {
    this.screen = screen;
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
    if (!item || !this.screen.shown) return;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: 'nearest' });
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

const Views = {
  stack: [],

  get current() { return this.stack[this.stack.length - 1]; },

  open(screen) {
    if (this.current) this.current.leave();
    this.stack.push(screen);
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
    content.append(this.current.element);
    document.body.className = this.current.theme;
    this.render();
    this.current.element.focus();
    this.current.enter();
  },

  render() {
    const { title, note, softkeys } = this.current;
    const heading = document.getElementById('title');
    heading.textContent = title;
    heading.dir = 'auto';
    document.getElementById('note').textContent = note;
    ['left', 'centre', 'right'].forEach((side, i) => {
      document.getElementById(`soft-${side}`).textContent = softkeys[i] ? softkeys[i][0] : '';
    });
  },

  keydown(event) {
    const soft = { SoftLeft: 0, Enter: 1, SoftRight: 2 }[event.key];
    if (this.current.key(event)) {
      event.preventDefault();
    } else if (soft !== undefined) {
      event.preventDefault();
      const softkey = this.current.softkeys[soft];
      if (softkey) softkey[1]();
    } else if (event.key === 'Backspace' && this.stack.length > 1 && !event.target.value) {
      // Left alone, this key closes the app, as it should on the first screen; and in a field it deletes.
      event.preventDefault();
      this.back();
    }
  },
};

document.addEventListener('keydown', (event) => Views.keydown(event));
