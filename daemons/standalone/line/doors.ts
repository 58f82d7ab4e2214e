import { join } from 'node:path';
import { uplinkConfigFile } from '../../lib/contracts/hosts.ts';
import { qubeOf } from '../../lib/contracts/qubes.ts';
import type { AgentConfig, DoorConfig } from '../agent/config.ts';
import type { CgroupFolder } from '../sandbox/cgroup.ts';
import type { Folders } from './folders.ts';
import { disposableBases, doorRoles } from './roles.ts';
import type { Owner, Owners } from './users.ts';

/** `/tmp`, `/run` and the like of a sandbox; what takes room belongs on the private volume. */
const sandboxRootBytes = 1_073_741_824;

export interface DoorParts {
  readonly lib: string;
  readonly qrexec: string;
  readonly node: string;
  readonly memoryBytes: number;
  readonly scratchBytes: number;
  readonly processes: number;
  readonly cgroups: readonly CgroupFolder[];
  /** Of a host that joined another: where ssh's configuration is, by which the orchestrator is reached. */
  readonly uplink: string | undefined;
}

export interface AgentPlan {
  readonly name: string;
  readonly owner: Owner;
  readonly config: AgentConfig;
}

export function hasSandboxes({ doors }: AgentConfig): boolean {
  return doors.some(({ sandbox }) => sandbox !== undefined);
}

/** An agent a door, as its user; where all are one user, one agent serves them all. */
export function agentConfigsOf(folders: Folders, owners: Owners, parts: DoorParts): readonly AgentPlan[] {
  const { uplink } = parts;
  const doorsHere = uplink === undefined ? doorRoles : (['orchestrator'] as const);
  const doors: (DoorConfig & { readonly door: string; readonly owner: Owner })[] = [
    ...doorsHere.map((role) => ({
      door: role,
      owner: owners.of(role),
      qube: qubeOf(role),
      socket: folders.agent(role),
      servicePath: join(folders.services, role),
      configPath: join(parts.qrexec, 'rpc-config'),
      env: {
        HOME: folders.state(role),
        STATE_DIRECTORY: folders.state(role),
        CACHE_DIRECTORY: folders.cache(role),
        RUNTIME_DIRECTORY: folders.runtime(role),
        PACKAGE_REBUILDER_LIB: parts.lib,
        ...(uplink === undefined ? {} : { UPLINK_CONFIG: join(uplink, uplinkConfigFile) }),
      },
    })),
    {
      door: 'disposable',
      owner: owners.disposable,
      qube: disposableBases[0],
      socket: folders.agent('disposable'),
      servicePath: join(folders.services, 'disposable'),
      configPath: join(parts.qrexec, 'rpc-config'),
      env: {},
      sandbox: {
        lib: parts.lib,
        node: parts.node,
        services: join(folders.services, 'disposable'),
        mountPoint: folders.sandboxes,
        rootBytes: sandboxRootBytes,
        scratchBytes: parts.scratchBytes,
        processes: parts.processes,
        memoryBytes: parts.memoryBytes,
        cgroups: parts.cgroups,
      },
    },
  ];
  if (!owners.separate) return [{ name: 'agent', owner: owners.disposable, config: { doors } }];
  return doors.map((door) => ({ name: `agent-${door.door}`, owner: door.owner, config: { doors: [door] } }));
}
