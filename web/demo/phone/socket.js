// Gives this window the phone's sockets, which reach servers by way of the
// relay. It runs before the app; the app knows nothing of it.

import { install, Tunnel } from './mock.js';

const phone = install(window, { network: new Tunnel(new URL(import.meta.url).searchParams.get('relay')) });

// For whoever holds the phone.
if (window.frameElement) window.frameElement.dispatchEvent(new CustomEvent('phone', { detail: phone }));
