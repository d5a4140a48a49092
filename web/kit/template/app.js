/* The newest messages of an inbox, and the text of one. It runs on KaiOS 2.5 as on 3: no syntax after ES2015. */

/* global kaiwire, config */

const NEWEST = 10;
const TEXT_LIMIT = 20000;

const content = document.getElementById('content');
let session = null;
let rows = [];
let reading = false;

function element(name, className, text) {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  made.dir = 'auto';
  return made;
}

function keys(left, centre) {
  document.getElementById('left').textContent = left;
  document.getElementById('centre').textContent = centre;
}

function say(text) {
  keys('', '');
  content.textContent = '';
  content.appendChild(element('p', '', text));
  content.focus();
}

function fail(error) {
  session = null;
  say(error.message);
  if (error.retry !== 'never') keys('', 'Retry');
}

function showList(focused) {
  reading = false;
  content.textContent = '';
  rows.forEach((row) => content.appendChild(row));
  if (rows.length === 0) say('There is no mail.');
  else (focused || rows[0]).focus();
  keys('', rows.length ? 'Read' : '');
}

function rowOf(message) {
  const row = element('div', 'message', '');
  const from = message.envelope.from[0];
  row.tabIndex = -1;
  row.message = message;
  row.appendChild(element('div', 'from', from ? from.name || from.address : ''));
  row.appendChild(element('div', '', message.envelope.subject));
  return row;
}

function start() {
  say('Connecting…');
  kaiwire.load({ modules: ['imap'] })
    .then((wire) => wire.imap.connect(config))
    .then((inbox) => {
      session = inbox;
      inbox.on('close', (closed) => { if (closed.error && session === inbox) fail(closed.error); });
      const count = inbox.mailbox.exists;
      return count ? inbox.fetch(Math.max(1, count - NEWEST + 1) + ':*', { envelope: true }) : [];
    })
    .then((messages) => {
      rows = messages.sort((a, b) => b.seq - a.seq).map(rowOf);
      showList();
    })
    .catch(fail);
}

function read(row) {
  reading = true;
  say('Opening…');
  session.download(row.message.uid, '1', { uid: true }).then((download) => {
    const decoder = new TextDecoder();
    const text = element('p', '', '');
    const next = () => download.read().then((bytes) => {
      if (bytes && text.textContent.length < TEXT_LIMIT) {
        text.textContent += decoder.decode(bytes, { stream: true });
        return next();
      }
      return download.close();
    });
    return next().then(() => {
      content.textContent = '';
      content.appendChild(element('p', 'from', row.message.envelope.subject));
      content.appendChild(text);
      content.opened = row;
      keys('Back', '');
    });
  }).catch(fail);
}

function move(step) {
  const at = rows.indexOf(document.activeElement);
  if (reading) content.scrollTop += 60 * step;
  else if (rows.length) rows[(at + step + rows.length) % rows.length].focus();
}

document.addEventListener('keydown', (event) => {
  const key = event.key;
  if (key === 'ArrowDown') move(1);
  else if (key === 'ArrowUp') move(-1);
  else if (key === 'Enter' && !session) start();
  else if (key === 'Enter' && !reading && document.activeElement.message) read(document.activeElement);
  else if ((key === 'SoftLeft' || key === 'Backspace') && reading) showList(content.opened);
  else return;
  event.preventDefault();
});

start();
