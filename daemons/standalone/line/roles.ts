import { disposableBases as bases } from '../../lib/contracts/qubes.ts';
import { type DaemonRole, daemonRoles } from '../../lib/domain/roles.ts';

/** Those that run only where they are asked for. */
export const optionalRoles: readonly DaemonRole[] = ['webhook'];

/** Those of a host that joined another line: all else is there. */
export const uplinkRoles: readonly DaemonRole[] = ['rebuilder'];

/** Every role that has a qube. Admin has no daemon, it only calls. */
export const qubeRoles = [...daemonRoles, 'admin'] as const;
export type QubeRole = (typeof qubeRoles)[number];

/** Roles that answer calls: an agent each. */
export const doorRoles = ['orchestrator', 'vault'] as const;

export const brokerUser = 'rebuilder-broker';
export const disposableUser = 'rebuilder-disposable';
/** What `@dispvm` is made from; rpm builds name the second. */
export const disposableBases = [bases.debian, bases.fedora] as const;

/** Whether others call it: such a role starts before them and ends after them. */
export function answersCalls(role: DaemonRole): boolean {
  return (doorRoles as readonly string[]).includes(role);
}
