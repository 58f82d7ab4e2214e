import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { hostKeysFile, parseHostName } from '../../lib/contracts/hosts.ts';
import type { Log } from '../../lib/daemon/log.ts';
import { lookUp, type Owner } from './users.ts';

/** A rebuilder on another host: it calls through a socket that only its own user can open, as whom it logs in. */
export interface JoinedHost {
  readonly name: string;
  readonly owner: Owner;
}

/** The hosts that have joined, by what `rebuilderctl host accept` left in `folder`; what makes no sense there is told and left out. */
export async function findHosts(
  folder: string | undefined,
  qubes: readonly string[],
  log: Log,
): Promise<readonly JoinedHost[]> {
  if (folder === undefined || !existsSync(folder)) return [];
  const entries = readdirSync(folder).filter((name) => existsSync(join(folder, name, hostKeysFile)));
  const users = await lookUp(entries);
  return entries.sort().flatMap((entry): JoinedHost[] => {
    const owner = users.get(entry);
    const why = qubes.includes(entry) ? 'this line has a qube of that name' : problemOf(entry, owner);
    if (owner !== undefined && why === undefined) return [{ name: entry, owner }];
    log.warning('a joined host is left out', { path: join(folder, entry), say: why ?? '' });
    return [];
  });
}

function problemOf(entry: string, owner: Owner | undefined): string | undefined {
  try {
    parseHostName(entry);
    return owner === undefined ? `user ${entry} is missing: run rebuilderctl host accept again` : undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
