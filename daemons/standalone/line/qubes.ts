import { qubeOf } from '../../lib/contracts/qubes.ts';
import type { BrokerConfig } from '../broker/config.ts';
import type { QubeFacts } from '../policy/system.ts';
import type { Folders } from './folders.ts';
import { disposableBases, doorRoles, type QubeRole } from './roles.ts';
import type { Owners } from './users.ts';

/** The qubes of a line, as dom0 would know them. */
export function qubesOf(roles: readonly QubeRole[]): readonly QubeFacts[] {
  const suite = 'package-rebuilder';
  return [
    { name: 'dom0', type: 'AdminVM', tags: [], powerState: 'Running', templateForDispvms: false },
    ...roles.map((role) => ({
      name: qubeOf(role),
      type: 'AppVM',
      tags: [suite, `${suite}-${role}`],
      powerState: 'Running',
      templateForDispvms: false,
      ...(role === 'rebuilder' ? { defaultDispvm: disposableBases[0] } : {}),
    })),
    ...disposableBases.map((name) => ({
      name,
      type: 'AppVM',
      tags: [suite, `${suite}-disposable`],
      powerState: 'Halted',
      templateForDispvms: true,
    })),
  ];
}

export function brokerConfigOf(
  folders: Folders,
  roles: readonly QubeRole[],
  owners: Owners,
  policyDirectory: string,
): BrokerConfig {
  return {
    policyDirectories: [policyDirectory],
    qubes: qubesOf(roles),
    callers: Object.fromEntries(
      roles.map((role) => [qubeOf(role), { path: folders.caller(role), folderIsMade: owners.separate }]),
    ),
    agents: Object.fromEntries(doorRoles.map((door) => [qubeOf(door), folders.agent(door)])),
    disposables: Object.fromEntries(disposableBases.map((base) => [base, folders.agent('disposable')])),
  };
}
