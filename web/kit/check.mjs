// Holds an app's folder to the rules.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { filesOf, isObject, readSource, Refusal, SOURCE, toWebapp, WEBAPP } from './app.mjs';
import { refusals } from './gecko48.mjs';
import { lineAt, tagsOf } from './html.mjs';
import { buildInfo, folderIn, moduleFor } from './package.mjs';
import { RULES } from './rules.mjs';

/** Permissions that only privileged apps are given, and what in a script needs them. */
const PRIVILEGED = {
  'tcp-socket': /\b(moz)?TCP(Server)?Socket\b|\bkaiwire\s*\.\s*(load|runGo)\b|\bfrom\s+['"][^'"]*\/kaiwire\.js['"]/,
  'udp-socket': /\bUDPSocket\b/,
  systemXHR: /\bmozSystem\b/,
};
const EMBEDDING = ['embed-widgets', 'homescreen-webapp-manage'];

/** Attributes that refer to files, by tag. */
const REFERENCES = { script: 'src', img: 'src', iframe: 'src', audio: 'src', video: 'src', source: 'src', link: 'href', a: 'href' };

/** So many findings of a rule in a file; who has more has seen enough. */
const MOST = 20;

/**
 * @param {string} folder the app's
 * @returns {{file: string, line?: number, pointer?: string, rule: string, level: 'error' | 'warning', message: string, source: string,
 *   cure: string}[]} errors first; lines count from 1, pointers are RFC 6901's
 */
export function check(folder) {
  const app = new App(folder);
  app.checkManifest();
  app.checkPages();
  app.checkScripts();
  app.checkPermissions();
  app.checkLibrary();
  const order = ['error', 'warning'];
  return app.findings.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
}

/** What an app's scripts give to load(), as far as they say so in so many words. */
export function usesOf(folder) {
  const app = new App(folder);
  app.checkScripts();
  return { protocols: [...app.protocols], tls: app.tls, library: app.library };
}

const isText = (value) => typeof value === 'string' && value.trim() !== '';
const letters = (value) => [...value].length;
const hasScheme = (path) => /^([a-z][a-z0-9+.-]*:|\/\/)/i.test(path);
const pointer = (...names) => names.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

class App {
  findings = [];
  /** Which APIs the scripts use: permission → where first. */
  uses = new Map();
  /** What the scripts give to load(). */
  protocols = new Set();
  tls = 'phone';

  constructor(folder) {
    this.folder = folder;
    this.paths = filesOf(folder);
    this.files = new Set(this.paths);
    this.library = folderIn(this.paths);
  }

  find(rule, file, message, place = {}) {
    const { level, source, cure } = RULES[rule];
    if (this.findings.filter((found) => found.rule === rule && found.file === file).length >= MOST) return;
    this.findings.push({ file, ...place, rule, level, message, source, cure });
  }

  inManifest(rule, message, ...names) {
    this.find(rule, SOURCE, message, { pointer: pointer(...names) });
  }

  read(path) {
    return readFileSync(join(this.folder, path), 'utf8');
  }

  /** The file that an address in a page or manifest means, or null where it is none of the package. */
  resolve(address, from = '') {
    if (hasScheme(address) || address.startsWith('#')) return null;
    const path = address.split(/[?#]/, 1)[0];
    try {
      return decodeURIComponent(path.startsWith('/') ? path.slice(1) : posix.normalize(posix.join(posix.dirname(from), path)));
    } catch {
      return path;
    }
  }

  checkManifest() {
    if (this.files.has(WEBAPP)) this.find('manifest-webapp', WEBAPP, 'This file is not packed.');
    if (!this.files.has(SOURCE)) {
      this.find('manifest-missing', SOURCE, 'There is no manifest.');
      return;
    }
    try {
      this.source = readSource(this.folder);
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof Refusal)) throw error;
      const [, at] = /position (\d+)/.exec(error.message) ?? [];
      this.find('manifest-syntax', SOURCE, error.message, at ? { line: lineAt(this.read(SOURCE), Number(at)) } : {});
      return;
    }
    const { source } = this;
    for (const name of ['b2g_features', 'webapp']) {
      if (source[name] !== undefined && !isObject(source[name])) this.inManifest('manifest-syntax', `${name} is no object.`, name);
    }
    const features = this.features = isObject(source.b2g_features) ? source.b2g_features : {};
    this.webapp = toWebapp(source);

    const between = (rule, value, most, ...names) => {
      if (!isText(value) || letters(value) > most) {
        this.inManifest(rule, isText(value) ? `“${value}” has ${letters(value)} characters; ${most} are allowed.` : 'It is missing.', ...names);
      }
    };
    between('name', source.name, 20, 'name');
    between('short-name', source.short_name ?? source.name, 12, 'short_name');
    between('subtitle', features.subtitle, 40, 'b2g_features', 'subtitle');
    if (!isText(source.description)) this.inManifest('description', 'It is missing.', 'description');
    if (!/^\d+\.\d+\.\d+$/.test(features.version)) this.inManifest('version', `It is ${JSON.stringify(features.version)}.`, 'b2g_features', 'version');
    if (!isText(features.developer?.name)) this.inManifest('developer', 'It has no name.', 'b2g_features', 'developer');

    if (!isText(source.start_url)) this.inManifest('start-url', 'It is missing.', 'start_url');
    else this.inPackage('relative-path', source.start_url, 'start_url');
    this.checkIcons();
    this.checkLocales();
    this.checkActivities();
    this.checkWidgets();
    if (this.webapp.csp !== undefined) this.inManifest('manifest-csp', 'KaiOS 3 does not read it.', 'webapp', 'csp');
  }

  /** A path in the manifest: within the package, and there. */
  inPackage(rule, path, ...names) {
    if (hasScheme(path)) this.inManifest(rule, `“${path}” leads out of the package.`, ...names);
    else if (!this.files.has(this.resolve(path))) this.inManifest('file-missing', `There is no file ${this.resolve(path)}.`, ...names);
  }

  checkIcons() {
    const icons = this.source.icons;
    if (!Array.isArray(icons) || !icons.every((icon) => isObject(icon) && isText(icon.src) && isText(icon.sizes))) {
      this.inManifest('icons', 'It is no list of icons with “src” and “sizes”.', 'icons');
      return;
    }
    for (const size of ['56x56', '112x112']) {
      if (!icons.some((icon) => icon.sizes === size)) this.inManifest('icons', `There is none of ${size}.`, 'icons');
    }
    icons.forEach(({ src, sizes }, i) => {
      this.inPackage('relative-path', src, 'icons', i, 'src');
      const path = this.resolve(src);
      if (!this.files.has(path) || !path.endsWith('.png')) return;
      const png = readFileSync(join(this.folder, path));
      const real = png.length >= 24 ? `${png.readUInt32BE(16)}x${png.readUInt32BE(20)}` : 'no picture';
      if (real !== sizes) this.inManifest('icon-size', `${path} is ${real}, not ${sizes}.`, 'icons', i, 'sizes');
    });
  }

  checkLocales() {
    const { default_locale: main, locales } = this.features;
    if (!isText(main) || !isObject(locales) || !isObject(locales[main])) {
      this.inManifest('locales', isText(main) ? `There is no locale “${main}”.` : 'There is no default.', 'b2g_features', 'default_locale');
    }
    for (const [name, locale] of Object.entries(isObject(locales) ? locales : {})) {
      for (const field of ['name', 'description']) {
        if (!isText(locale?.[field])) this.inManifest('locales', `${name} has no ${field}.`, 'b2g_features', 'locales', name, field);
      }
      if (isText(locale?.name) && letters(locale.name) > 20) {
        this.inManifest('name', `“${locale.name}” has ${letters(locale.name)} characters; 20 are allowed.`, 'b2g_features', 'locales', name, 'name');
      }
    }
  }

  checkActivities() {
    const { activities, messages } = this.features;
    for (const [name, activity] of Object.entries(isObject(activities) ? activities : {})) {
      const href = activity?.href;
      if (href !== undefined) this.inPackage('activity-href', String(href), 'b2g_features', 'activities', name, 'href');
    }
    (Array.isArray(messages) ? messages : []).forEach((message, i) => {
      for (const [name, href] of Object.entries(isObject(message) ? message : {})) {
        this.inPackage('activity-href', String(href), 'b2g_features', 'messages', i, name);
      }
    });
  }

  checkWidgets() {
    for (const name of ['widgets', 'widgetPages']) {
      if (this.source[name] !== undefined) this.inManifest('widget-place', 'It is not under “webapp”.', name);
      if (this.features[name] !== undefined) this.inManifest('widget-place', 'It is not under “webapp”.', 'b2g_features', name);
    }
    const { widgets, widgetPages } = this.webapp;
    if (widgets === undefined && widgetPages === undefined) return;
    const pages = Array.isArray(widgetPages) && widgetPages.every(isText) ? widgetPages : null;
    if (!pages) this.inManifest('widget-pages', 'It is no list of paths.', 'webapp', 'widgetPages');
    (pages ?? []).forEach((path, i) => this.checkWidgetFile(path, 'webapp', 'widgetPages', i));
    for (const [name, widget] of Object.entries(isObject(widgets) ? widgets : {})) {
      const at = ['webapp', 'widgets', name];
      this.checkWidget(widget, pages, at);
      for (const [language, locale] of Object.entries(isObject(widget?.locales) ? widget.locales : {})) {
        // What a locale does not say is the widget's own.
        this.checkWidget({ launch_path: widget.launch_path, ...locale }, pages, [...at, 'locales', language]);
      }
    }
  }

  checkWidget(widget, pages, at) {
    for (const field of ['name', 'description']) {
      if (!isText(widget?.[field])) this.inManifest('widget-name', `It has no ${field}.`, ...at, field);
    }
    const path = widget?.launch_path;
    if (!isText(path)) {
      this.inManifest('widget-path', 'It is missing.', ...at, 'launch_path');
    } else if (pages && !pages.includes(path)) {
      this.inManifest('widget-listed', `${path} is not in widgetPages: its frame would show NS_ERROR_MALFORMED_URI.`, ...at, 'launch_path');
      this.checkWidgetFile(path, ...at, 'launch_path');
    }
    if (isText(widget?.preview_image)) this.checkWidgetFile(widget.preview_image, ...at, 'preview_image');
  }

  checkWidgetFile(path, ...at) {
    if (hasScheme(path)) this.inManifest('widget-path', `“${path}” leads out of the package.`, ...at);
    else if (at.at(-1) !== 'preview_image' && !path.startsWith('/')) this.inManifest('widget-path', `“${path}” does not begin with “/”.`, ...at);
    else if (!this.files.has(this.resolve(path))) this.inManifest('widget-file', `There is no file ${this.resolve(path)}.`, ...at);
  }

  checkPages() {
    for (const path of this.paths.filter((name) => /\.html?$/.test(name) && !this.isLibrary(name))) {
      for (const { name, attributes, line, text } of tagsOf(this.read(path))) this.checkTag(path, name, attributes, line, text);
    }
  }

  checkTag(path, name, attributes, line, text) {
    const find = (rule, message) => this.find(rule, path, message, { line });
    const type = (attributes.type ?? '').toLowerCase();
    if (name === 'script' && (type === '' || type === 'module' || type.includes('javascript'))) {
      if (type === 'module') find('module-script', 'KaiOS 2.5 does not run it.');
      if (attributes.src === undefined && text.trim()) find('inline-script', 'The phone does not run it.');
      else if (hasScheme(attributes.src ?? '')) find('remote-script', `The phone does not run ${attributes.src}.`);
    }
    for (const [attribute, value] of Object.entries(attributes)) {
      if (/^on[a-z]+$/.test(attribute)) find('inline-handler', `The phone does not run ${attribute}.`);
      else if (/^\s*javascript:/i.test(value)) find('inline-handler', `The phone does not run the ${attribute}.`);
    }
    if (name === 'iframe' && attributes.mozwidget !== undefined) {
      if (attributes.mozapp !== undefined) find('embed-attribute', 'With mozapp it is neither a widget nor an app.');
      if (!this.permission('embed-widgets')) find('embed-attribute', 'Without embed-widgets it is no widget.');
    }
    const address = attributes[REFERENCES[name]];
    if (!address || attributes.mozwidget !== undefined || /^\s*javascript:/i.test(address)) return;
    if (/^(app:|https?:\/\/[\w-]+\.localhost\b)/i.test(address)) find('origin', `It refers to ${address}.`);
    const file = this.resolve(address, path);
    if (file === WEBAPP || file === SOURCE || file === null || file === '') return;
    if (!this.files.has(file) && !this.files.has(posix.join(file, 'index.html'))) find('file-missing', `There is no file ${file}.`);
  }

  isLibrary(path) {
    if (this.library === null || !path.startsWith(this.library)) return false;
    const name = path.slice(this.library.length);
    return Object.hasOwn(buildInfo().files, name) && (/^(kaiwire[\w.-]*\.js|LICENSES\.txt)$/.test(name) || 'engine' in buildInfo().files[name]);
  }

  checkScripts() {
    for (const path of this.paths.filter((name) => /\.m?js$/.test(name) && !this.isLibrary(name))) {
      const text = this.read(path);
      const each = (rule, pattern, message) => {
        for (const match of text.matchAll(pattern)) this.find(rule, path, message, { line: lineAt(text, match.index) });
      };
      each('eval', /\beval\s*\(|\bnew\s+Function\s*\(|\bset(Timeout|Interval)\s*\(\s*['"`]/g, 'The phone refuses it.');
      each('blob-worker', /\bnew\s+Worker\s*\(\s*(URL\s*\.\s*createObjectURL|['"`](blob|data):)/g, 'A policy without blob: refuses it.');
      each('origin', /['"`](app:\/\/|https?:\/\/[\w-]+\.localhost\b)/g, 'This origin is of one phone.');
      for (const { line } of refusals(text)) {
        this.find('kaios25-syntax', path, `It does not read “${text.split(/\r\n?|[\n\u2028\u2029]/)[line - 1].trim().slice(0, 60)}”.`, { line });
      }
      for (const [permission, pattern] of Object.entries(PRIVILEGED)) {
        const match = pattern.exec(text);
        if (match && !this.uses.has(permission)) this.uses.set(permission, { path, line: lineAt(text, match.index) });
      }
      for (const [, list] of text.matchAll(/\bmodules\s*:\s*\[([^\]]*)\]/g)) {
        for (const [, name] of list.matchAll(/['"`](\w+)['"`]/g)) this.protocols.add(name);
      }
      if (/\btls\s*:\s*['"`]own['"`]/.test(text)) this.tls = 'own';
    }
  }

  permission(name) {
    const { permissions } = this.features ?? {};
    return isObject(permissions) && Object.hasOwn(permissions, name) ? permissions[name] : undefined;
  }

  checkPermissions() {
    if (!this.source) return;
    const at = (name) => ['b2g_features', 'permissions', name];
    const { permissions = {} } = this.features;
    if (!isObject(permissions)) {
      this.inManifest('manifest-syntax', 'It is no object.', 'b2g_features', 'permissions');
      return;
    }
    for (const [name, value] of Object.entries(permissions)) {
      if (!isText(value?.description)) this.inManifest('permission-description', `${name} has none.`, ...at(name));
      if (PRIVILEGED[name] && !this.uses.has(name)) this.inManifest('permission-unused', `No script uses ${name}.`, ...at(name));
    }
    for (const [name, { path, line }] of this.uses) {
      if (!this.permission(name)) this.inManifest('permission-missing', `${path}, line ${line}, uses ${name}.`, ...at(name));
    }
    const needing = Object.keys(permissions).filter((name) => PRIVILEGED[name]);
    if (needing.length > 0 && this.webapp.type !== 'privileged') {
      this.inManifest('privileged', `KaiOS 2.5 does not give it ${needing.join(', ')}.`, 'webapp', 'type');
    }
    if (!this.permission('embed-widgets')) return;
    if (this.webapp.type !== 'privileged') this.inManifest('embed-widgets', 'The app is not privileged.', 'webapp', 'type');
    for (const name of EMBEDDING) if (!this.permission(name)) this.inManifest('embed-widgets', `There is no ${name}.`, ...at(name));
    if (this.permission('browser')) this.inManifest('embed-downgrade', 'It is asked for as well.', ...at('browser'));
  }

  checkLibrary() {
    if (this.library === null) return;
    const { files, protocols } = buildInfo();
    const needed = new Map([['kaiwire-worker.js', 'worker']]);
    for (const protocol of this.protocols) {
      const module = Object.hasOwn(protocols, protocol) && moduleFor(protocol, '3', this.tls);
      if (!module) continue;
      needed.set(module, protocol);
      const old = moduleFor(protocol, '2.5', this.tls);
      if (!old || !this.files.has(this.library + old)) this.find('kaiwire-kaios25', this.library, `KaiOS 2.5 finds no module for ${protocol}.`);
    }
    for (const [name, whose] of needed) {
      if (!this.files.has(this.library + name)) this.find('kaiwire-file', this.library + name, `It is missing: ${whose} is in it.`);
    }
    if (!this.files.has(`${this.library}LICENSES.txt`)) this.find('licences', `${this.library}LICENSES.txt`, 'It is missing.');
    for (const path of this.paths.filter((name) => this.isLibrary(name))) {
      const hash = createHash('sha256').update(readFileSync(join(this.folder, path))).digest('hex');
      if (hash !== files[path.slice(this.library.length)].sha256) this.find('kaiwire-version', path, `It is not that of version ${buildInfo().version}.`);
    }
  }
}
