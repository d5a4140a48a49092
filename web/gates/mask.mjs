// Makes today's Firefox forget what came after Gecko 48, or 84: a script, made
// from MDN's table, that deletes the newer names from a window or a worker. It
// can hide no syntax (kit/gecko48.mjs sees to that) and no changed behaviour, and
// gives nothing back that the old engine had and today's has not.
import compatibility from '@mdn/browser-compat-data' with { type: 'json' };
import { isNewer } from './compatibility.mjs';

/** Today's String.prototype.replace and its like are made of these. */
const INDISPENSABLE = ['match', 'matchAll', 'replace', 'search', 'split'].map((name) => `RegExp.@@${name}`);

/**
 * The names that are newer than Firefox `version`, as they are written in MDN's table: 'Array.flat', 'Blob.text',
 * 'URL.canParse_static', 'Window.load_event'. `workers` holds those that only workers got later.
 * @returns {{everywhere: string[], workers: string[]}}
 */
export function newerNames(version) {
  const everywhere = [];
  const workers = [];
  const collect = (tree, path) => {
    for (const [name, feature] of Object.entries(tree)) {
      if (name === '__compat' || name === 'worker_support' || name === path.at(-1)) continue;
      const own = [...path, name];
      if (INDISPENSABLE.includes(own.join('.'))) continue;
      if (feature.__compat && isNewer(feature, version)) {
        everywhere.push(own.join('.'));
        continue;
      }
      const { worker_support: inWorkers } = feature;
      if (inWorkers && isNewer(inWorkers, version)) workers.push(own.join('.'));
      // Below a member are details of it; below these are interfaces.
      if (own.length === 1 || (own.length === 2 && ['Intl', 'WebAssembly'].includes(own[0]))) collect(feature, own);
    }
  };
  collect(compatibility.javascript.builtins, []);
  collect(compatibility.api, []);
  collect({ WebAssembly: compatibility.webassembly.api }, []);
  return { everywhere, workers };
}

/**
 * The script, a classic one, for the begin of a page or a worker. It leaves what it did in the global `mask`: {version,
 * deleted, absent, kept}, the latter three lists of names; kept are those that cannot be deleted.
 * @param {48 | 84} version
 */
export function maskScript(version) {
  const { everywhere, workers } = newerNames(version);
  return `(${applyMask})(${version}, ${JSON.stringify(everywhere)}, ${JSON.stringify(workers)});\n`;
}

/** Runs in the browser, before all else, as it stands here. */
function applyMask(version, everywhere, workers) {
  var scope = self;
  var inWorker = typeof WorkerGlobalScope === 'function' && scope instanceof WorkerGlobalScope;
  var report = { version: version, deleted: [], absent: [], kept: [] };
  var { getPrototypeOf } = Object;
  var owns = Object.prototype.hasOwnProperty;
  var typedArray = getPrototypeOf(Int8Array);
  // Found before the first of them goes.
  var jobs = everywhere.concat(inWorker ? workers : []).map((path) => {
    var names = path.split('.');
    var name = names.pop();
    return { path: path, name: keyOf(name), holders: holdersOf(names, /_static$/.test(name)) };
  });
  for (var job of jobs) {
    var owners = job.holders.filter((holder) => owns.call(holder, job.name));
    var all = owners.every((owner) => Reflect.deleteProperty(owner, job.name));
    report[owners.length === 0 ? 'absent' : all ? 'deleted' : 'kept'].push(job.path);
  }
  scope.mask = report;

  function keyOf(name) {
    if (/^@@/.test(name)) return Symbol[name.slice(2)];
    if (/_event$/.test(name)) return 'on' + name.slice(0, -6);
    return name.replace(/_static$/, '');
  }

  /** Where a member may be: MDN's table of the language does not tell a class's from its instances'. */
  function holdersOf(names, isStatic) {
    if (names.length === 0 || names[0] === 'Window' || names[0] === 'WorkerGlobalScope') return chain(scope);
    var holder = names[0] === 'TypedArray' ? typedArray : scope;
    if (holder === scope) for (var name of names) holder = holder === undefined || holder === null ? undefined : holder[name];
    if (holder === undefined || holder === null) return [];
    if (isStatic || typeof holder !== 'function' || !holder.prototype) return [holder];
    return [holder.prototype, holder];
  }

  function chain(object) {
    var links = [];
    for (; object && object !== Object.prototype; object = getPrototypeOf(object)) links.push(object);
    return links;
  }
}
