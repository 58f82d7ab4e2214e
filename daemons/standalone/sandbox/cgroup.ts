import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';

/** A group in which more can be made; line/cgroups.ts finds them. */
export interface CgroupFolder {
  readonly path: string;
  readonly version: 1 | 2;
  readonly controllers: readonly ('memory' | 'pids')[];
}

export interface CgroupLimits {
  readonly memoryBytes: number;
  readonly processes: number;
}

/** The cgroups of one sandbox. */
export interface Cgroups {
  /** The files to write a process id to, so that it and its children are limited. */
  readonly procs: readonly string[];
  readonly controllers: readonly string[];
  /** Removes the groups, once nothing lives in them. */
  remove(clock: Clock): Promise<void>;
}

/** Makes one group of that name in each folder; one that cannot be made or limited counts for nothing. */
export async function makeCgroups(
  folders: readonly CgroupFolder[],
  name: string,
  limits: CgroupLimits,
): Promise<Cgroups> {
  const made: string[] = [];
  const procs: string[] = [];
  const controllers: string[] = [];
  for (const folder of folders) {
    const group = join(folder.path, name);
    try {
      await mkdir(group);
      made.push(group);
      for (const [file, value] of limitsOf(folder, limits)) await writeFile(join(group, file), String(value));
    } catch {
      continue;
    }
    procs.push(join(group, 'cgroup.procs'));
    controllers.push(...folder.controllers);
  }
  return {
    procs,
    controllers: controllers.sort(),
    async remove(clock) {
      for (const group of made) await removeGroup(group, clock);
    },
  };
}

function limitsOf({ version, controllers }: CgroupFolder, limits: CgroupLimits): [string, number][] {
  const values: [string, number][] = [];
  if (controllers.includes('memory')) {
    values.push([version === 1 ? 'memory.limit_in_bytes' : 'memory.max', limits.memoryBytes]);
  }
  if (controllers.includes('pids')) values.push(['pids.max', limits.processes]);
  return values;
}

const removeTries = 50;
const removeEveryMs = 20;

/** A group is busy until the kernel has reaped the last process in it. */
async function removeGroup(group: string, clock: Clock): Promise<void> {
  for (let tries = 0; tries < removeTries; tries++) {
    try {
      await rmdir(group);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY') return;
      await clock.sleep(removeEveryMs);
    }
  }
}
