// The phone's home screen, itself an app with the permission embed-widgets: the
// widgets of the app that is installed, and its icon.

import { installWidgets } from './widgets.js';

const app = await (await fetch('app.json')).json();
document.documentElement.lang = app.language || 'en-US';
installWidgets(window, ['embed-widgets', 'homescreen-webapp-manage']);

const content = document.getElementById('content');

function entry(className, ...children) {
  const element = document.createElement('div');
  element.className = `entry ${className}`;
  element.tabIndex = 0;
  element.append(...children);
  content.append(element);
}

for (const { id, name, launch_path: page } of app.widgets) {
  const title = document.createElement('div');
  title.className = 'name';
  title.textContent = name;
  const frame = document.createElement('iframe');
  frame.title = name;
  frame.name = id;
  frame.setAttribute('mozbrowser', 'true');
  frame.setAttribute('mozwidget', app.manifest);
  frame.setAttribute('remote', 'true');
  frame.src = page;
  entry('widget', title, frame);
}
const icon = document.createElement('img');
icon.src = app.icon;
icon.alt = '';
entry('app', icon, app.name);

const entries = [...content.children];
entries.at(-1).focus();
document.addEventListener('keydown', (event) => {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const at = entries.indexOf(document.activeElement);
  if (step) entries[(at + step + entries.length) % entries.length].focus();
  else if (event.key === 'Enter') location.href = app.start;
  else return;
  event.preventDefault();
});
