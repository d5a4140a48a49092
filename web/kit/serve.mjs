// An app in a phone on a page, with what its manifest asks for and no more.

import { fileURLToPath } from 'node:url';
import { startRelay } from '../relay/relay.mjs';
import { isObject, readSource, Refusal, SOURCE, toWebapp, toWebmanifest, WEBAPP } from './app.mjs';
import { asset } from './package.mjs';
import { startSite } from './site.mjs';

const phoneFolder = fileURLToPath(new URL('phone/', import.meta.url));
/** Where the phone is on the app's own origin; no package has a name that begins with a dot. */
const PHONE = '/.phone/';

/**
 * The phones. What differs is what an app can tell: the policy laid on its files, the type that it hears of a
 * .wasm file, and what there is.
 */
const PHONES = {
  2.5: {
    profile: 'kaios25',
    manifest: WEBAPP,
    toManifest: toWebapp,
    csp: ["script-src 'self' http://127.0.0.1:8081 http://local-device.kaiostech.com:8081", "style-src 'self' 'unsafe-inline'"],
    types: { '.wasm': 'application/x-unknown-content-type' },
    permissions: (manifest) => (manifest.type === 'privileged' ? manifest.permissions : {}),
  },
  3: {
    profile: 'kaios3',
    manifest: SOURCE,
    toManifest: toWebmanifest,
    // Browsers of today want 'wasm-unsafe-eval' as well; the phone's Gecko does not know the word.
    csp: ["script-src 'self' 'wasm-unsafe-eval' http://127.0.0.1 http://shared.localhost", "style-src 'self' 'unsafe-inline' http://shared.localhost"],
    permissions: (manifest) => manifest.b2g_features?.permissions,
  },
};

/** How a page begins, up to where its first script may be. */
const BEGIN = /^(\s*(<!--[^]*?-->|<!doctype[^>]*>|<(html|head)(\s[^>]*)?>))*/i;

/** What an app may ask of the card for; without that it gets none. */
const ACCESS = ['readonly', 'readwrite', 'readcreate', 'createonly'];

const policy = (directives) => ['default-src * data: blob:', "object-src 'none'", ...directives].join('; ');

/**
 * @param {object} o
 * @param {string} o.folder the app's
 * @param {'2.5' | '3'} [o.kaios] default 3
 * @param {number} [o.port] default 0, one that is free
 * @param {string} [o.locale] the phone's language
 * @param {object} [o.relay] options of startRelay(), for the servers that the app may reach
 * @param {Record<string, string | {text: string}>} [o.files] path → what the app has there besides, or in place of its own
 * @param {(line: string) => void} [o.log] for what the relay says
 * @returns {Promise<{url: string, address: string, relay: object, close(): Promise<void>}>} url has the origin that the app has on
 *   KaiOS 3; address is the same for browsers that do not know names below localhost
 */
export async function startPhone({ folder, kaios = '3', port = 0, locale, relay: reach = {}, files = {}, log = () => {} }) {
  const phone = PHONES[kaios];
  const source = readSource(folder);
  const manifest = phone.toManifest(source);
  const label = nameOf(source);
  const site = await startSite({ port, names: [label] });
  const origins = [label, '127.0.0.1', 'localhost'].map((name) => `http://${name}:${site.port}`);
  let relay;
  try {
    relay = await startRelay({ ...reach, origins, log: (line) => log(advice(line)) });
  } catch (error) {
    await site.close();
    // An address that is none.
    throw error instanceof RangeError ? new Refusal(error.message) : error;
  }
  const asked = isObject(phone.permissions(manifest)) ? phone.permissions(manifest) : {};
  const permissions = Object.keys(asked);
  const card = asked['device-storage:sdcard']?.access;
  const headers = { 'Content-Security-Policy': [policy(phone.csp), ...[manifest.csp ?? []].flat()] };
  const script = `<script src="${PHONE}phone.js" data-relay="${relay.url}" data-profile="${phone.profile}" data-permissions="${permissions.join(' ')}"${
    ACCESS.includes(card) ? ` data-card="${card}"` : ''}></script>`;
  const app = {
    headers,
    types: phone.types,
    // It runs before the app's own scripts, and gives their window what a phone has and a browser has not.
    change: (html) => html.replace(BEGIN, (begin) => begin + script),
    not: (path) => path.includes('/.') || path === `/${SOURCE}` || path === `/${WEBAPP}`,
  };

  site.file('/', { location: PHONE });
  site.file(PHONE, `${phoneFolder}frame.html`, { types: { '': 'text/html; charset=utf-8' } });
  site.file(`${PHONE}phone.js`, asset('kit/phone/phone.js'));
  site.file(`${PHONE}app.json`, { text: JSON.stringify(description(source, { kaios, locale, permissions, manifest: `/${phone.manifest}` })) });
  site.folder(PHONE, phoneFolder);
  site.file(`/${phone.manifest}`, { text: JSON.stringify(manifest) }, { headers });
  for (const [path, content] of Object.entries(files)) site.file(path, content, app);
  site.folder('/', folder, app);
  return {
    url: `${origins[0]}/`,
    address: `${origins[1]}/`,
    relay,
    close: () => Promise.all([site.close(), relay.close()]).then(() => {}),
  };
}

/** KaiOS 3 makes an origin of an app's name. */
function nameOf({ id, name }) {
  const label = String(id ?? name ?? 'app').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 63) || 'app';
  return `${label}.localhost`;
}

function advice(line) {
  const [, place] = /^refused (\S+) .*: not allowed$/.exec(line) ?? [];
  return place ? `${line}; to allow it: --allow ${place}` : line;
}

/** What the phone's own pages are told of the app. */
function description(source, { kaios, locale, permissions, manifest }) {
  const { widgets, widgetPages, default_locale: main } = toWebapp(source);
  const language = locale ?? main;
  const icons = (Array.isArray(source.icons) ? source.icons : []).filter((icon) => isObject(icon));
  return {
    kaios,
    language,
    manifest,
    permissions,
    name: source.b2g_features?.locales?.[language]?.name ?? source.name,
    icon: icons.find(({ sizes }) => sizes === '56x56')?.src ?? icons[0]?.src,
    start: source.start_url,
    widgetPages: Array.isArray(widgetPages) ? widgetPages : [],
    widgets: Object.entries(isObject(widgets) ? widgets : {}).map(([id, widget]) => {
      const { locales, ...own } = widget;
      return { id, ...own, ...(isObject(locales) ? locales[language] : {}) };
    }),
  };
}
