// What the browser tests need besides Node: programs of Debian's.
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Command → Debian package. install-debian.sh installs the same. */
export const PACKAGES = {
  'firefox-esr': 'firefox-esr',
  dovecot: 'dovecot-imapd',
  'pop3-login': 'dovecot-pop3d',
  'submission-login': 'dovecot-submissiond',
  ngircd: 'ngircd',
  unbound: 'unbound',
  dig: 'bind9-dnsutils',
  openssl: 'openssl',
  js78: 'libmozjs-78-dev',
};

/** Where a command is, or null. Servers live in directories that an ordinary user's PATH lacks. */
export function commandPath(command) {
  if (command === 'firefox-esr' && process.env.FIREFOX) return process.env.FIREFOX;
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin',
    '/usr/lib/dovecot', '/usr/libexec/dovecot'];
  for (const directory of directories.filter(Boolean)) {
    const path = join(directory, command);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

/**
 * For node:test's `skip`: false where every command is there, else the reason.
 * With CI=true a missing command is a failure, as a skipped test proves nothing.
 */
export function missing(...commands) {
  const absent = commands.filter((command) => commandPath(command) === null);
  if (absent.length === 0) return false;
  const packages = absent.map((command) => PACKAGES[command]).join(' ');
  const reason = `${absent.join(', ')} not found: apt-get install ${packages}`;
  if (process.env.CI === 'true') throw new Error(reason);
  process.stderr.write(`\n*** TESTS SKIPPED *** ${reason}\n\n`);
  return reason;
}
