// The page that the script runs in, twice: as an ordinary page on the mock,
// and as a page of the parent process on Gecko's own classes.
import { install, Tunnel } from '../../bridge/mock/index.js';
import { run } from './script.js';

async function frame(prepare) {
  const element = document.createElement('iframe');
  element.src = 'frame.html';
  const loaded = new Promise((resolve) => { element.onload = resolve; });
  document.body.append(element);
  await loaded;
  prepare(element.contentWindow);
  return { mozTCPSocket: element.contentWindow.navigator.mozTCPSocket, remove: () => element.remove() };
}

/** The phone's classes, as they are at each moment. */
const phone = {
  get navigator() { return navigator; },
  get mozTCPSocket() { return navigator.mozTCPSocket; },
  get TCPSocket() { return window.TCPSocket; },
  get TCPServerSocket() { return window.TCPServerSocket; },
  get UDPSocket() { return window.UDPSocket; },
};

window.observeMock = ({ server, relay, profile, ...options }) => {
  const network = new Tunnel(relay);
  const mock = install(window, { profile, network, permissions: ['tcp-socket', 'udp-socket'] });
  return run({
    window,
    phone,
    server,
    trusts: true,
    setOffline: (offline) => { mock.offline = offline; },
    frame: () => frame((window) => { install(window, { profile, network }); }),
  }, options);
};

window.observeGecko = ({ server, ca, ...options }) => {
  const base64 = ca.replace(/-----[^-]+-----|\s/g, '');
  Cc['@mozilla.org/security/x509certdb;1'].getService(Ci.nsIX509CertDB).addCertFromBase64(base64, 'CT,C,C');
  return run({
    window,
    phone,
    server,
    trusts: true,
    collectGarbage: () => new Promise((resolve) => { Cu.schedulePreciseGC(resolve); }),
    setOffline: (offline) => { Services.io.offline = offline; },
    frame: () => frame(() => {}),
  }, options);
};
document.title = 'ready';
