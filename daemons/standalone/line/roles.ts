/** The roles that run as daemons of a line, each in its own qube and, where root starts the line, as its own user. */
export const daemonRoles = [
  'orchestrator',
  'getter',
  'rebuilder',
  'attester',
  'vault',
  'reporter',
  'uploader',
  'webhook',
] as const;
export type DaemonRole = (typeof daemonRoles)[number];

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
export const disposableBases = ['rebuilder-dvm-debian', 'rebuilder-dvm-fedora'] as const;

/** Whether others call it: such a role starts before them and ends after them. */
export function answersCalls(role: DaemonRole): boolean {
  return (doorRoles as readonly string[]).includes(role);
}

export function isDaemonRole(text: string): text is DaemonRole {
  return (daemonRoles as readonly string[]).includes(text);
}
