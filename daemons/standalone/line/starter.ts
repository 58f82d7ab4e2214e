import { chownSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DaemonRole } from '../../lib/domain/roles.ts';
import { type AgentPlan, hasSandboxes } from './doors.ts';
import type { Folders } from './folders.ts';
import type { JoinedHost } from './hosts.ts';
import { type Member, type MemberOptions, startMember } from './member.ts';
import type { NotifySockets } from './notify-socket.ts';
import { LineError, type LineOptions } from './options.ts';
import type { LineParts } from './parts.ts';
import { brokerConfigOf } from './qubes.ts';
import { roleEnvironment, writeRoleConfig } from './role-settings.ts';
import { qubeRoles } from './roles.ts';
import type { Owner, Owners } from './users.ts';
import type { VaultKey } from './vault-key.ts';

export interface StarterOptions {
  readonly options: LineOptions;
  readonly parts: LineParts;
  readonly folders: Folders;
  readonly owners: Owners;
  readonly notify: NotifySockets;
}

type What = Readonly<{ program: string; args: readonly string[]; owner?: Owner; cwd?: string }> &
  Omit<MemberOptions, 'command' | 'logs' | 'cwd' | 'owner'>;

/** Starts the members of a line, each with its own configuration, user and environment. */
export class Starter {
  readonly #options: StarterOptions;

  constructor(options: StarterOptions) {
    this.#options = options;
  }

  /** What the broker knows: who may call, and what policy may speak of. */
  writeBrokerConfig(hosts: readonly JoinedHost[]): string {
    const { folders, owners, parts, options } = this.#options;
    const policy = options.policy ?? join(parts.qrexec, 'policy');
    const file = join(folders.configs, 'broker.json');
    const config = brokerConfigOf(folders, qubeRoles, owners, hosts, policy);
    writeFileSync(`${file}.new`, JSON.stringify(config), { mode: 0o600 });
    chownSync(`${file}.new`, owners.broker.uid, owners.broker.gid);
    renameSync(`${file}.new`, file);
    return file;
  }

  broker(hosts: readonly JoinedHost[]): Member {
    const owner = this.#options.owners.broker;
    const file = this.writeBrokerConfig(hosts);
    return this.#start({
      name: 'broker',
      program: 'broker',
      args: [file],
      env: {},
      owner,
    });
  }

  agent({ name, owner, config }: AgentPlan): Member {
    const file = join(this.#options.folders.configs, `${name}.json`);
    writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
    chownSync(file, owner.uid, owner.gid);
    const env = { HOME: '/', PATH: this.#path() };
    const mayGainPrivileges = hasSandboxes(config);
    return this.#start({ name, program: 'agent', args: [file], env, owner, mayGainPrivileges });
  }

  role(role: DaemonRole, key: VaultKey | undefined): Member {
    const { folders, owners, parts, options } = this.#options;
    const owner = owners.of(role);
    writeRoleConfig(role, options.config, { folders, owner, key });
    const { lib, client } = parts;
    return this.#start({
      name: role,
      program: role,
      args: [],
      owner,
      cwd: folders.state(role),
      env: roleEnvironment(role, owner, { folders, path: this.#path(), lib, client }),
    });
  }

  #start({ program, args, owner, cwd = '/', env, ...rest }: What): Member {
    const { options, parts, folders, owners, notify } = this.#options;
    const file = join(parts.lib, `${program}.js`);
    if (!existsSync(file)) throw new LineError('set-up', `${file} is missing: run npm run build`);
    return startMember({
      ...rest,
      cwd,
      command: [parts.node, file, ...args],
      env: {
        ...env,
        NOTIFY_SOCKET: notify.path(rest.name),
        WATCHDOG_USEC: String(options.watchdogMs * 1_000),
      },
      logs: folders.logs,
      ...(owners.separate && owner !== undefined ? { owner } : {}),
    });
  }

  /** The Node that runs this runs everything, wherever it is. */
  #path(): string {
    return `${dirname(this.#options.parts.node)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;
  }
}
