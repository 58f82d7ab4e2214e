import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { CgroupFolder } from '../sandbox/cgroup.ts';
import type { Owner } from './users.ts';

/** The line's part of the cgroup hierarchies, given to the user that makes sandboxes. */
export interface LineCgroups {
  readonly folders: readonly CgroupFolder[];
  /** Must be called with the agent of the disposables before its first call: in version 2 it has to live in the part. */
  adopt(pid: number): void;
}

const controllers = ['memory', 'pids'] as const;
type Controller = (typeof controllers)[number];

interface Hierarchy {
  readonly mount: string;
  readonly version: 1 | 2;
  readonly options: readonly string[];
}

/** Makes a part in each hierarchy where that can be had; where none can, sandboxes go without. */
export function makeLineCgroups(name: string, owner: Owner, proc = '/proc/self'): LineCgroups {
  const folders: CgroupFolder[] = [];
  const leaves: string[] = [];
  for (const { path, version, wanted } of placesOf(proc)) {
    const part = join(path, name);
    try {
      mkdirSync(part, { recursive: true });
      const here = version === 1 ? wanted : delegate(part, path);
      if (here.length === 0) {
        rmdirSync(part);
        continue;
      }
      chownSync(part, owner.uid, owner.gid);
      if (version === 2) leaves.push(makeLeaf(part, owner));
      folders.push({ path: part, version, controllers: here });
    } catch {
      removeCgroups(part);
    }
  }
  return {
    folders,
    adopt(pid) {
      for (const leaf of leaves) writeFileSync(join(leaf, 'cgroup.procs'), String(pid));
    },
  };
}

/** Where a part belongs: below our own group in version 1; in version 2, where groups have processes or children, beside it. */
function placesOf(proc: string): { path: string; version: 1 | 2; wanted: readonly Controller[] }[] {
  const hierarchies = readHierarchies(readFileSync(join(proc, 'mountinfo'), 'utf8'));
  const places: { path: string; version: 1 | 2; wanted: readonly Controller[] }[] = [];
  for (const line of readFileSync(join(proc, 'cgroup'), 'utf8').trim().split('\n')) {
    const [, id, names, own] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (id === undefined || names === undefined || own === undefined) continue;
    const wanted = controllers.filter((one) => names.split(',').includes(one));
    const found = hierarchies.find(({ version, options }) =>
      id === '0' ? version === 2 : version === 1 && wanted.some((one) => options.includes(one)),
    );
    if (found === undefined || (id !== '0' && wanted.length === 0)) continue;
    const place = join(found.mount, id === '0' ? dirname(own) : own);
    if (existsSync(place)) places.push({ path: place, version: found.version, wanted });
  }
  return places;
}

/** proc_pid_mountinfo(5): the mount point is the fifth field; type and options follow the lone dash. */
function readHierarchies(mountinfo: string): Hierarchy[] {
  return mountinfo.split('\n').flatMap((line): Hierarchy[] => {
    const [before, after] = line.split(' - ');
    const mount = before?.split(' ')[4];
    const [type, , options] = after?.split(' ') ?? [];
    if (mount === undefined || (type !== 'cgroup' && type !== 'cgroup2')) return [];
    return [{ mount, version: type === 'cgroup' ? 1 : 2, options: (options ?? '').split(',') }];
  });
}

/** Version 2: lets the children of a part use the controllers that its parent has. */
function delegate(part: string, parent: string): readonly Controller[] {
  const have = (folder: string) => {
    const listed = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ');
    return controllers.filter((one) => listed.includes(one));
  };
  for (const one of have(parent)) {
    if (have(part).includes(one)) continue;
    try {
      writeFileSync(join(parent, 'cgroup.subtree_control'), `+${one}`);
    } catch {
      // Not ours to switch on: the part does without it.
    }
  }
  const here = have(part);
  for (const one of here) writeFileSync(join(part, 'cgroup.subtree_control'), `+${one}`);
  return here;
}

/** Processes of a version 2 part live in leaves: one for the agent, beside those of its sandboxes. */
function makeLeaf(part: string, owner: Owner): string {
  const leaf = join(part, 'agent');
  mkdirSync(leaf, { recursive: true });
  for (const path of [
    join(part, 'cgroup.procs'),
    join(part, 'cgroup.subtree_control'),
    leaf,
    join(leaf, 'cgroup.procs'),
  ]) {
    chownSync(path, owner.uid, owner.gid);
  }
  return leaf;
}

/** Removes a part and the groups in it, as far as nothing lives in them. */
export function removeCgroups(part: string): void {
  try {
    for (const entry of readdirSync(part, { withFileTypes: true })) {
      if (entry.isDirectory()) removeCgroups(join(part, entry.name));
    }
    rmdirSync(part);
  } catch {
    // Gone already, or still in use: the next line to start tries again.
  }
}
