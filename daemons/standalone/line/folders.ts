import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { callerSocket, stateFolder } from '../../lib/contracts/line.ts';
import { qubeOf } from '../../lib/contracts/qubes.ts';
import type { DaemonRole } from '../../lib/domain/roles.ts';
import type { JoinedHost } from './hosts.ts';
import { doorRoles, type QubeRole } from './roles.ts';
import type { Owner, Owners } from './users.ts';

/** Where everything of a line stands. */
export interface Folders {
  readonly root: string;
  readonly logs: string;
  readonly notify: string;
  readonly services: string;
  readonly configs: string;
  /** The empty folder on which sandboxes furnish their roots. */
  readonly sandboxes: string;
  state(role: QubeRole): string;
  cache(role: QubeRole): string;
  runtime(role: QubeRole): string;
  config(role: DaemonRole): string;
  /** The socket through which a qube calls. */
  callerOf(qube: string): string;
  /** And that of a role. */
  caller(role: QubeRole): string;
  /** The socket through which the broker reaches a door. */
  agent(door: string): string;
}

export function foldersOf(root: string, cache: string | undefined): Folders {
  const callerOf = (qube: string) => callerSocket(root, qube);
  const below = (part: string) => (role: string) => join(root, part, role);
  return {
    root,
    logs: join(root, 'log'),
    notify: join(root, 'notify'),
    services: join(root, 'services'),
    configs: join(root, 'conf'),
    sandboxes: join(root, 'sandboxes'),
    state: (role) => stateFolder(root, role),
    cache: (role) => join(cache ?? join(root, 'cache'), role),
    runtime: below('run'),
    config: (role) => join(root, 'conf', role, 'rebuilder.conf'),
    callerOf,
    caller: (role) => callerOf(qubeOf(role)),
    agent: (door) => join(root, 'agents', door, 'agent'),
  };
}

/** Makes them; what is private to a role is 0700 and its user's. Folders that are there already keep what is in them. */
export function makeFolders(
  folders: Folders,
  cache: string | undefined,
  roles: readonly QubeRole[],
  owners: Owners,
): void {
  const shared = [folders.root, folders.logs, folders.notify, folders.services, folders.configs];
  const parents = ['state', 'cache', 'run', 'qubes', 'agents'].map((name) => join(folders.root, name));
  for (const folder of [...shared, ...parents, ...(cache === undefined ? [] : [cache])]) {
    // Every role passes through; only who starts the line may look around.
    if (mkdirSync(folder, { recursive: true }) !== undefined || folder === folders.root)
      chmodSync(folder, 0o711);
  }
  for (const role of roles) {
    const owner = owners.of(role);
    for (const folder of [folders.state(role), folders.cache(role)]) own(folder, 0o700, owner);
    makeRuntimeFolder(folders, role, owner);
    own(join(folders.configs, role), 0o700, owner);
    if (owners.separate) own(dirname(folders.caller(role)), 0o770, { ...owner, gid: owners.broker.gid });
  }
  for (const door of doorRoles) agentFolder(folders, door, owners.of(door), owners);
  agentFolder(folders, 'disposable', owners.disposable, owners);
  own(folders.sandboxes, 0o700, owners.disposable);
}

/** Where joined hosts call; a host that is gone has none. */
export function makeHostFolders(folders: Folders, hosts: readonly JoinedHost[], owners: Owners): void {
  for (const { name, owner } of hosts) {
    own(dirname(folders.callerOf(name)), 0o770, { ...owner, gid: owners.broker.gid });
  }
}

/** As systemd does: a runtime folder is empty whenever its role starts. */
export function makeRuntimeFolder(folders: Folders, role: QubeRole, owner: Owner): void {
  rmSync(folders.runtime(role), { recursive: true, force: true });
  own(folders.runtime(role), 0o700, owner);
}

/** Only the broker gets in, by its group, which a socket made there inherits. */
function agentFolder(folders: Folders, door: string, owner: Owner, owners: Owners): void {
  own(join(folders.root, 'agents', door), 0o2710, { ...owner, gid: owners.broker.gid });
}

function own(folder: string, mode: number, owner: Owner): void {
  mkdirSync(folder, { recursive: true });
  chownSync(folder, owner.uid, owner.gid);
  chmodSync(folder, mode);
}
