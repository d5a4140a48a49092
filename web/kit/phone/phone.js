// Gives this window the phone's sockets, which reach servers by way of the
// relay, and takes from it what the phone has not. It is built into one classic
// script, which runs before the app; the app knows nothing of it.

import { install, Tunnel } from '../../../bridge/mock/index.js';
import { installStorage } from './storage.js';
import { installWidgets } from './widgets.js';

const { relay, profile, permissions, card } = document.currentScript.dataset;
const granted = permissions.split(' ').filter(Boolean);
const phone = install(window, { network: new Tunnel(relay), profile, permissions: granted });
if (profile === 'kaios25') delete window.WebAssembly;
installWidgets(window, granted);
if (card) installStorage(window, profile, card);

Object.defineProperty(navigator, 'onLine', { configurable: true, get: () => !phone.offline });
/** What the frame around turns off and on. */
const line = {
  set offline(value) {
    if (phone.offline === value) return;
    phone.offline = value;
    dispatchEvent(new Event(value ? 'offline' : 'online'));
  },
};

// Before the page's own scripts run, whose prompts a widget's frame answers by itself.
if (window.frameElement) frameElement.dispatchEvent(new CustomEvent('phone-window', { detail: window }));

// For whoever holds the phone.
const tell = (event) => top.dispatchEvent(new CustomEvent(event, { detail: line }));
tell('phone-on');
addEventListener('pagehide', () => tell('phone-off'));
