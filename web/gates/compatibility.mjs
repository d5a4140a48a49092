// MDN's table of what came with which Firefox.

/** Whether a feature's first Firefox is later than `version`; what is only behind a preference counts as absent. */
export function isNewer(feature, version) {
  const { firefox } = feature.__compat.support;
  const entries = [firefox].flat().filter((entry) => entry && !entry.flags && !entry.prefix && !entry.alternative_name);
  return !entries.some(({ version_added: added, version_removed: removed }) =>
    isBy(added, version) && !isBy(removed, version));
}

/** '≤37' is by then, 'preview' and false are not. */
function isBy(added, version) {
  return typeof added === 'string' && parseInt(added.replace('≤', ''), 10) <= version;
}

/** The paths below `tree`, joined by dots, of all features that came after Firefox `version`, in a released one. */
export function newerThan(version, tree, path = []) {
  return Object.entries(tree).filter(([name]) => name !== '__compat').flatMap(([name, feature]) => {
    const own = [...path, name];
    const below = newerThan(version, feature, own);
    return feature.__compat && isNewer(feature, version) ? [own.join('.'), ...below] : below;
  });
}
