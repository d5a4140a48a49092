// The conformance script as an app: its owner runs it on a phone, and sends the report.
import { run } from '../script.js';

const KEY = 'server';
const element = (id) => document.getElementById(id);
const [server, status, progress, result, start, save] = ['server', 'status', 'progress', 'result', 'run', 'save'].map(element);
let report = null;

/** The address of the last time, where the page may keep one. */
function remembered(address) {
  try {
    if (address) localStorage.setItem(KEY, address);
    return localStorage.getItem(KEY) || '';
  } catch (error) {
    return '';
  }
}

server.value = remembered();

async function runScript() {
  if (start.disabled) return;
  if (!navigator.mozTCPSocket) {
    status.textContent = 'This phone gives the app no sockets: it has to be installed as a privileged app.';
    return;
  }
  let url;
  try {
    url = new URL(server.value).href;
  } catch (error) {
    status.textContent = 'That is no address.';
    return;
  }
  remembered(url);
  start.disabled = save.disabled = true;
  result.textContent = '';
  progress.hidden = false;
  const begun = Date.now();
  try {
    const facts = await run({
      server: url,
      window,
      phone: {
        get navigator() { return navigator; },
        get mozTCPSocket() { return navigator.mozTCPSocket; },
        get TCPSocket() { return window.TCPSocket; },
        get TCPServerSocket() { return window.TCPServerSocket; },
        get UDPSocket() { return window.UDPSocket; },
      },
    }, {
      progress(group, done, of) {
        progress.value = done / of;
        status.textContent = group ? `${done + 1} of ${of}: ${group}` : 'Done.';
      },
    });
    const count = Object.keys(facts).reduce((sum, group) => sum + Object.keys(facts[group]).length, 0);
    report = { made: new Date(begun).toISOString(), seconds: Math.round((Date.now() - begun) / 1000), userAgent: navigator.userAgent, facts };
    status.textContent = `${count} facts in ${report.seconds} s.`;
    result.textContent = JSON.stringify(report, null, 1);
    save.disabled = false;
  } catch (error) {
    status.textContent = `It did not work: ${error.message}`;
  }
  progress.hidden = true;
  start.disabled = false;
}

/** To the memory card where there is one, else as a download; it can also be read on the page. */
function saveReport() {
  if (!report) return;
  const blob = new Blob([JSON.stringify(report, null, 1)], { type: 'application/json' });
  const name = `kaiwire-report-${Date.parse(report.made)}.json`;
  const storage = navigator.getDeviceStorage && navigator.getDeviceStorage('sdcard');
  if (!storage) {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    return;
  }
  const request = storage.addNamed(blob, name);
  request.onsuccess = () => { status.textContent = `Saved as ${name}.`; };
  request.onerror = () => { status.textContent = `Could not be saved (${request.error.name}); it is on the page.`; };
}

start.onclick = runScript;
save.onclick = saveReport;
addEventListener('keydown', (event) => {
  if (event.key === 'SoftLeft') runScript();
  else if (event.key === 'SoftRight') saveReport();
});
document.documentElement.dataset.ready = 'yes';
