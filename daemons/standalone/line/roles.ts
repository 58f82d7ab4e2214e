/** The roles that run as daemons of a line, each in its own qube and, where root starts the line, as its own user. */
export const daemonRoles = [
  'orchestrator',
  'getter',
  'rebuilder',
  'attester',
  'reporter',
  'uploader',
] as const;
export type DaemonRole = (typeof daemonRoles)[number];

/** Every role that has a qube. The vault has no daemon, admin and webhook only call. */
export const qubeRoles = [...daemonRoles, 'vault', 'admin', 'webhook'] as const;
export type QubeRole = (typeof qubeRoles)[number];

/** Roles that answer calls: an agent each. */
export const doorRoles = ['orchestrator', 'vault'] as const;

/** The qube of a role, and the user that it runs as. */
export function qubeOf(role: QubeRole): string {
  return role === 'rebuilder' ? 'rebuilder-worker' : `rebuilder-${role}`;
}

export const brokerUser = 'rebuilder-broker';
export const disposableUser = 'rebuilder-disposable';
/** What `@dispvm` is made from; rpm builds name the second. */
export const disposableBases = ['rebuilder-dvm-debian', 'rebuilder-dvm-fedora'] as const;

export function isDaemonRole(text: string): text is DaemonRole {
  return (daemonRoles as readonly string[]).includes(text);
}
