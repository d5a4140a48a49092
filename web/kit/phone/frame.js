// The phone around the app: its keys, and what the phone itself does with them.
// Letters typed on the computer go straight into the app's fields; the phone's
// own keys are those of KaiOS, made by buttons and by keys that stand for them.

const screen = document.getElementById('screen');

/** Keys of the computer for those that it has not. */
const STAND_INS = { Escape: 'SoftLeft', F1: 'SoftLeft', F2: 'SoftRight' };
const OWN = /^(Arrow(Up|Down|Left|Right)|Enter|Backspace|[0-9*#])$/;

/** What a key writes when it is pressed again and again. */
const LETTERS = {
  0: ' 0', 1: '.,?!-@_:/1', 2: 'abc2', 3: 'def3', 4: 'ghi4', 5: 'jkl5', 6: 'mno6', 7: 'pqrs7', 8: 'tuv8', 9: 'wxyz9',
  '*': '*+', '#': '#',
};
const TAP_PAUSE = 1000;

let tapped = { key: '', at: 0, count: 0 };

/** Presses a key of the phone. */
function press(key) {
  const { contentWindow: app, contentDocument: page } = screen;
  const target = page.activeElement || page.body;
  const make = (type) => new app.KeyboardEvent(type, { key, bubbles: true, cancelable: true });
  const used = !target.dispatchEvent(make('keydown'));
  if (!used) act(target, key);
  target.dispatchEvent(make('keyup'));
  app.focus();
}

/** What the phone does with a key that the app has left to it. */
function act(target, key) {
  if (isField(target) && key in LETTERS) type(target, key);
  else if (isField(target) && key === 'Backspace') replace(target, target.selectionStart - (target.selectionStart === target.selectionEnd), '');
  else if (key === 'Backspace' || key === 'EndCall') closeApp();
}

const isField = (element) => element.tagName === 'INPUT' || element.tagName === 'TEXTAREA';

function type(field, key) {
  const again = tapped.key === key && performance.now() - tapped.at < TAP_PAUSE;
  tapped = { key, at: performance.now(), count: again ? tapped.count + 1 : 0 };
  const letters = LETTERS[key];
  replace(field, field.selectionStart - again, letters[tapped.count % letters.length]);
}

/** Puts text in the place of what is between `from` and the end of the selection. */
function replace(field, from, text) {
  if (from < 0) return;
  field.setRangeText(text, from, field.selectionEnd, 'end');
  field.dispatchEvent(new screen.contentWindow.InputEvent('input', { bubbles: true }));
}

/** The phone closes the app, and is at its home screen, where the app's icon opens it again. */
function closeApp() {
  screen.contentWindow.location.href = '/.phone/home.html';
}

// Without a network, connections are cut and new ones refused, in the app and in each widget.
const network = document.getElementById('network');
const phones = new Set();
const connect = () => { for (const phone of phones) phone.offline = !network.checked; };
network.addEventListener('change', () => {
  connect();
  screen.contentWindow.focus();
});
addEventListener('phone-on', (event) => {
  phones.add(event.detail);
  connect();
});
addEventListener('phone-off', (event) => phones.delete(event.detail));

function listen() {
  const app = screen.contentWindow;
  if (app.location.href === 'about:blank') return; // where the frame begins
  app.addEventListener('keydown', (event) => {
    if (!event.isTrusted || !STAND_INS[event.key]) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    press(STAND_INS[event.key]);
  }, true);
  app.addEventListener('keydown', (event) => {
    if (event.isTrusted && event.key === 'Backspace' && !event.defaultPrevented && !isField(event.target)) closeApp();
  });
  app.focus();
}

screen.addEventListener('load', listen);
const app = await (await fetch('app.json')).json();
document.title = app.name;
document.getElementById('name').textContent = app.name;
document.getElementById('system').textContent = `KaiOS ${app.kaios}`;
screen.src = app.start;

document.addEventListener('keydown', (event) => {
  const key = STAND_INS[event.key] || (OWN.test(event.key) ? event.key : '');
  if (!key || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  press(key);
});

for (const button of document.querySelectorAll('#keys button')) {
  button.tabIndex = -1; // the keyboard has all of them
  button.addEventListener('mousedown', (event) => event.preventDefault());
  button.addEventListener('click', () => press(button.dataset.key));
}
