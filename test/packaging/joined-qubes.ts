import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposableBases, qubeOf } from '../../daemons/lib/contracts/qubes.ts';
import type { DaemonRole } from '../../daemons/lib/domain/roles.ts';
import { qubesOf } from '../../daemons/standalone/line/qubes.ts';
import { doorRoles, type QubeRole, qubeRoles } from '../../daemons/standalone/line/roles.ts';
import { Machine, type MachineOptions } from '../support/machine.ts';
import { DisposableQubes } from './disposable-qubes.ts';
import { agentUnit, brokerUnit, qube } from './qube.ts';

/** Where a machine sees the sockets that are its own: callers' as on Qubes OS, and the one that its agent listens on. */
const callerFolder = '/run/qubes';
const agentFolder = '/run/agent';
/** Where dom0's stand-in sees those of all. */
const dom0Folder = '/run/line';

/** The qubes of a line, each a booted machine: what joins them is the broker in dom0's place, and nothing else. */
export class JoinedQubes {
  readonly #folder = mkdtempSync(join(tmpdir(), 'line-'));
  readonly #machines: Machine[] = [];
  readonly disposables: DisposableQubes;

  private constructor() {
    const debian = disposableBases.debian;
    for (const role of qubeRoles) this.#shared('callers', qubeOf(role));
    for (const role of doorRoles) this.#shared('agents', qubeOf(role));
    this.disposables = new DisposableQubes(this.#shared('agents', debian), debian);
  }

  /** Boots the broker's machine; qubes come after it. */
  static async open(): Promise<JoinedQubes> {
    const joined = new JoinedQubes();
    await joined.disposables.listen();
    await joined.#boot({
      files: {
        'etc/test/broker.json': JSON.stringify(brokerConfig()),
        'etc/systemd/system/qrexec-broker.service': brokerUnit,
      },
      enabled: ['qrexec-broker.service'],
      binds: { [dom0Folder]: joined.#folder },
    });
    return joined;
  }

  /** Boots the qube of a role, which is on there alone; nothing is on in the admin's. */
  async boot(role: QubeRole, { files = {}, ...more }: MachineOptions = {}): Promise<Machine> {
    const name = qubeOf(role);
    const roles: readonly DaemonRole[] = role === 'admin' ? [] : [role];
    const door = doorRoles.find((one) => one === role);
    return await this.#boot(
      qube(roles, {
        ...more,
        files: { ...files, ...(door === undefined ? {} : agentUnit({ qube: name, folder: agentFolder })) },
        enabled: door === undefined ? [] : ['qubes-qrexec-agent.service'],
        binds: {
          [callerFolder]: this.#shared('callers', name),
          ...(door === undefined ? {} : { [agentFolder]: this.#shared('agents', name) }),
        },
      }),
    );
  }

  async #boot(options: MachineOptions): Promise<Machine> {
    const machine = await Machine.boot(options);
    this.#machines.push(machine);
    return machine;
  }

  /** A folder that one qube and dom0's stand-in see. */
  #shared(kind: 'callers' | 'agents', name: string): string {
    const folder = join(this.#folder, kind, name);
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    return folder;
  }

  async close(): Promise<void> {
    await this.disposables.close();
    await Promise.all(this.#machines.map((machine) => machine.close()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function brokerConfig() {
  const agent = (name: string) => [name, `${dom0Folder}/agents/${name}/agent`];
  return {
    policyDirectories: ['/usr/share/package-rebuilder/qrexec/policy'],
    qubes: qubesOf(qubeRoles),
    callers: Object.fromEntries(
      qubeRoles.map((role) => {
        const name = qubeOf(role);
        return [name, { path: `${dom0Folder}/callers/${name}/qrexec-agent`, folderIsMade: true }];
      }),
    ),
    agents: Object.fromEntries(doorRoles.map((role) => agent(qubeOf(role)))),
    disposables: Object.fromEntries([agent(disposableBases.debian)]),
  };
}
