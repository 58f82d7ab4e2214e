/** The roles that run as daemons, each in its own qube. */
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

export function isDaemonRole(text: string): text is DaemonRole {
  return daemonRoles.some((role) => role === text);
}
