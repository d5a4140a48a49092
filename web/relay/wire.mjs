// What every part of the relay knows of the wire, which is written down at the head of bridge/mock/tunnel.js.

export const WINDOW = 256 * 1024;
/** The longest text message that a page has reason to send. */
const CONTROL = 256;

/** "host:port", with brackets around an IPv6 address. */
export function join(host, port) {
  const name = host.toLowerCase();
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`;
}

/** Where `hosts` leads. */
export function lookup(mapped, host, port) {
  const elsewhere = mapped.get(join(host, port)) ?? mapped.get(host.toLowerCase());
  return { host: elsewhere?.host ?? host, port: elsewhere?.port ?? port };
}

/** A text message of a page; null if it is none that could be meant. */
export function controlMessage(data) {
  try {
    return data.length <= CONTROL ? JSON.parse(data.toString()) : null;
  } catch {
    return null;
  }
}

/** Text from outside, fit for a line of the log. */
export const printable = (text) => text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300);
