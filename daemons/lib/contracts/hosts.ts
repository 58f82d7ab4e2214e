import { parseQubeName, type QubeName } from '../domain/names.ts';
import { disposableBases } from './qubes.ts';

/** Other hosts' rebuilders in a standalone line: what the line, its operator's commands and the far end agree on. */

/** On the line's host: a folder a joined host, by its name, which is that of its qube and of its user, whose home it is. */
export const hostsFolder = '/etc/package-rebuilder/hosts';
/** In that folder: the one key that may log in, tied to its program. */
export const hostKeysFile = '.ssh/authorized_keys';
/** What such a key may run, and nothing else. */
export const hostCallProgram = '/usr/lib/package-rebuilder/host-call';

/** On the joined host: how it reaches the line. */
export const uplinkFolder = '/etc/package-rebuilder/uplink';
/** In that folder: how ssh does, and the name by which it does. */
export const uplinkConfigFile = 'ssh_config';
export const uplinkAlias = 'uplink';

/** Qubes' own, and what becomes of disposables. */
const taken = /^(?:dom0|disp\d+)$/;
const bases: readonly string[] = Object.values(disposableBases);

/** The name of a joined host: one of a qube (at most 31 characters) that is a user's, too. Throws a `NameError` or an `Error`. */
export function parseHostName(untrusted: unknown): QubeName {
  const name = parseQubeName(untrusted);
  if (!/^[a-z][a-z0-9-]*$/.test(name) || taken.test(name) || bases.includes(name)) {
    throw new Error(
      `expected a name of lower-case letters, digits and dashes that no qube has, found ${JSON.stringify(name)}`,
    );
  }
  return name;
}
