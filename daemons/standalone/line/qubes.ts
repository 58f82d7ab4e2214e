import { callerTag, qubeOf, suiteTag } from '../../lib/contracts/qubes.ts';
import type { BrokerConfig } from '../broker/config.ts';
import type { QubeFacts } from '../policy/system.ts';
import type { Folders } from './folders.ts';
import type { JoinedHost } from './hosts.ts';
import { disposableBases, doorRoles, type QubeRole } from './roles.ts';
import type { Owners } from './users.ts';

/** The qubes of a line, as dom0 would know them. */
export function qubesOf(roles: readonly QubeRole[], hosts: readonly JoinedHost[] = []): readonly QubeFacts[] {
  return [
    { name: 'dom0', type: 'AdminVM', tags: [], powerState: 'Running', templateForDispvms: false },
    ...roles.map((role) => ({
      name: qubeOf(role),
      type: 'AppVM',
      tags: [suiteTag, `${suiteTag}-${role}`],
      powerState: 'Running',
      templateForDispvms: false,
      ...(role === 'rebuilder' ? { defaultDispvm: disposableBases[0] } : {}),
    })),
    // Their disposables are their own hosts'.
    ...hosts.map(({ name }) => ({
      name,
      type: 'AppVM',
      tags: [suiteTag, callerTag('rebuilder')],
      powerState: 'Running',
      templateForDispvms: false,
    })),
    ...disposableBases.map((name) => ({
      name,
      type: 'AppVM',
      tags: [suiteTag, `${suiteTag}-disposable`],
      powerState: 'Halted',
      templateForDispvms: true,
    })),
  ];
}

export function brokerConfigOf(
  folders: Folders,
  roles: readonly QubeRole[],
  owners: Owners,
  hosts: readonly JoinedHost[],
  policyDirectory: string,
): BrokerConfig {
  return {
    policyDirectories: [policyDirectory],
    qubes: qubesOf(roles, hosts),
    callers: Object.fromEntries(
      [...roles.map(qubeOf), ...hosts.map(({ name }) => name)].map((qube) => [
        qube,
        { path: folders.callerOf(qube), folderIsMade: owners.separate },
      ]),
    ),
    agents: Object.fromEntries(doorRoles.map((door) => [qubeOf(door), folders.agent(door)])),
    disposables: Object.fromEntries(disposableBases.map((base) => [base, folders.agent('disposable')])),
  };
}
