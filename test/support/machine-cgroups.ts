import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { removeCgroups } from '../../daemons/standalone/line/cgroups.ts';

/** Where systemd keeps its groups: with version 1 in a hierarchy of its own, with version 2 at the top. */
const hierarchies = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified', '/sys/fs/cgroup'].filter((path) =>
  existsSync(join(path, 'cgroup.procs')),
);

const foldersOf = (name: string) => hierarchies.map((path) => join(path, name));

/** A command that runs in groups of its own: two systemds that share them take each other's services for theirs. */
export function inOwnCgroups(name: string, command: readonly string[]): readonly [string, string[]] {
  const enter = foldersOf(name).map((folder) => `mkdir ${folder}; echo $$ >${folder}/cgroup.procs; `);
  return ['sh', ['-ec', `${enter.join('')}exec "$@"`, 'sh', ...command]];
}

export function removeOwnCgroups(name: string): void {
  for (const folder of foldersOf(name)) removeCgroups(folder);
}
