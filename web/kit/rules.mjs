// What an app is held to. docs/kit.md has the same as a table, and a test holds the two together.

const WIDGETS = 'https://wiki.mozilla.org/WebAPI/WidgetAPI';
const SOCKETS = 'kaios.dev: Advanced KaiOS Development';
const MANIFEST25 = 'developer.kaiostech.com: manifest.webapp';
const MANIFEST3 = 'developer.kaiostech.com: manifest.webmanifest';
const GECKO48 = 'Gecko 48: dom/apps/AppsUtils.jsm';
const PERMISSIONS = 'Gecko 48: dom/apps/PermissionsTable.jsm';
const POLICY = 'Gecko 48: security.apps.privileged.CSP.default; KaiOS 3: api-daemon, config-device.toml';
const KAIWIRE = 'kaiwire: README, “Which file for which phone”';

const rule = (level, what, source, cure) => ({ level, what, source, cure });

/** Rule → {level: 'error' | 'warning', what is asked, its source, the cure}. */
export const RULES = {
  'manifest-missing': rule('error', 'the app has a `manifest.webmanifest`, of which both packages are made', MANIFEST3,
    'Begin with “kaiwire init”, or write one.'),
  'manifest-syntax': rule('error', 'the manifest is a JSON object, and its members are of the types they should be', MANIFEST3,
    'Correct what is named.'),
  'manifest-webapp': rule('warning', '`manifest.webapp` is made by `pack`, out of the other', 'kaiwire: docs/kit.md',
    'Put what KaiOS 2.5 alone has under `webapp` in manifest.webmanifest, and remove manifest.webapp.'),
  name: rule('error', 'the name has 1 to 20 characters', MANIFEST25, 'Give a name that short.'),
  'short-name': rule('error', 'the short name has 1 to 12 characters', MANIFEST3, 'Give a `short_name` that short.'),
  subtitle: rule('error', 'the subtitle has 1 to 40 characters', MANIFEST25, 'Give `b2g_features.subtitle` that short.'),
  description: rule('error', 'there is a description', MANIFEST25, 'Say in `description` what the app does.'),
  version: rule('error', 'the version is three numbers: 1.0.0', MANIFEST25, 'Give `b2g_features.version` in that form.'),
  developer: rule('error', 'the developer is named', MANIFEST25, 'Give `b2g_features.developer` with a `name`.'),
  'start-url': rule('error', 'the app starts with a file of its own', GECKO48, 'Give `start_url` as a path of the package: "/index.html".'),
  icons: rule('error', 'there are icons of 56×56 and of 112×112', MANIFEST25, 'Add the icon, with `src` and `sizes`.'),
  'icon-size': rule('error', 'an icon is as large as the manifest says', MANIFEST3, 'Correct `sizes`, or the picture.'),
  locales: rule('error', 'there is a default locale, and each locale has the fields that the store shows', MANIFEST25,
    'Give `b2g_features.default_locale`, and in `b2g_features.locales` a `name` and a `description` for each.'),
  'relative-path': rule('error', 'what the manifest refers to is within the package', GECKO48, 'Give a path without a scheme and a host.'),
  'file-missing': rule('error', 'what manifest and pages refer to is there', 'kaiwire: docs/kit.md', 'Add the file, or correct the path.'),
  origin: rule('warning', 'no page relies on the app’s own origin, which is another on each phone', 'Gecko 48: app://; KaiOS 3: http://NAME.localhost',
    'Use relative addresses.'),
  privileged: rule('error', 'an app with permissions for sockets or XHR is privileged', PERMISSIONS, 'Give `webapp.type` as "privileged".'),
  'permission-missing': rule('error', 'the app asks for the permission of what it uses; without it the API is absent', SOCKETS,
    'Add the permission to `b2g_features.permissions`.'),
  'permission-unused': rule('warning', 'the app uses what it asks for', 'developer.kaiostech.com: permissions', 'Remove the permission.'),
  'permission-description': rule('warning', 'a permission says what it is for', MANIFEST25, 'Give the permission a `description`.'),
  'inline-script': rule('error', 'no script is written into a page', POLICY, 'Put the script into a file.'),
  'inline-handler': rule('error', 'no handler is written into a tag', POLICY, 'Use addEventListener in a script.'),
  'remote-script': rule('error', 'scripts are the app’s own', POLICY, 'Put the script into the package.'),
  eval: rule('warning', 'no script makes code of text', POLICY, 'Do without eval, Function and timers that are given text.'),
  'blob-worker': rule('warning', 'workers are files of the app', POLICY, 'Put the worker’s script into a file.'),
  'module-script': rule('warning', 'scripts are classic ones, as KaiOS 2.5 has no modules', 'developer.mozilla.org: <script type="module">, Firefox 60',
    'Load `kaiwire.classic.js` and scripts without type="module".'),
  'kaios25-syntax': rule('warning', 'scripts are what the engine of KaiOS 2.5 reads: ES2015, with less in the head of `for…of`', 'developer.mozilla.org: JavaScript, Firefox 48',
    'Write ES2015, have a transpiler do it before packing, or publish for KaiOS 3 only: see docs/guides/start.md, “KaiOS 2.5”.'),
  'manifest-csp': rule('warning', 'the app does not rely on a policy of its own, which only KaiOS 2.5 reads', POLICY, 'Write the policy into a <meta> of the page as well.'),
  'activity-href': rule('error', 'activities and messages lead to pages of the package', GECKO48, 'Give `href` as a path of the package.'),
  'widget-listed': rule('error', 'a widget’s `launch_path`, and that of each of its locales, is in `widgetPages`', WIDGETS,
    'Add the path to `webapp.widgetPages`.'),
  'widget-file': rule('error', 'the pages and pictures of widgets are there', WIDGETS, 'Add the file, or correct the path.'),
  'widget-path': rule('error', 'paths of widgets are within the package', WIDGETS, 'Give a path that begins with "/".'),
  'widget-name': rule('error', 'a widget has a name and a description, in each of its locales', WIDGETS, 'Add what is missing.'),
  'widget-pages': rule('error', 'an app with widgets has `widgetPages`, a list of paths', WIDGETS, 'Give `webapp.widgetPages`.'),
  'widget-place': rule('error', 'widgets are for KaiOS 2.5 alone', 'Gecko 84 has no mozwidget', 'Move `widgets` and `widgetPages` into `webapp`.'),
  'embed-widgets': rule('error', 'who embeds widgets is privileged, and asks for `homescreen-webapp-manage` as well', WIDGETS,
    'Add the permission, and `webapp.type`.'),
  'embed-downgrade': rule('warning', 'who embeds widgets does without `browser`: a widget’s frame has the safe methods of it only', WIDGETS,
    'Remove the permission `browser`, or count on InvalidNodeTypeError.'),
  'embed-attribute': rule('error', 'a frame with `mozwidget` is in an app with `embed-widgets`, and has no `mozapp`', WIDGETS,
    'Ask for `embed-widgets`, and remove `mozapp`.'),
  'kaiwire-file': rule('error', 'the files of kaiwire that the app loads are in its folder', KAIWIRE, 'Run “kaiwire init --update”.'),
  'kaiwire-kaios25': rule('warning', 'the app has a module that KaiOS 2.5 can run', KAIWIRE,
    'Use protocols that this build has as scripts, or publish for KaiOS 3 only.'),
  'kaiwire-version': rule('warning', 'the files of kaiwire are those of the installed package', KAIWIRE, 'Run “kaiwire init --update”.'),
  licences: rule('warning', 'the notices of what kaiwire links come with it', 'the licences themselves', 'Run “kaiwire init --update”, or add LICENSES.txt.'),
};
