import { configRoles, type Role } from '../../lib/daemon/keys.ts';

/** The roles that run as daemons. */
export type DaemonName = Exclude<Role, 'rebuilderctl' | 'standalone'>;

export function isDaemonName(text: string): text is DaemonName {
  return daemonNames.some((name) => name === text);
}

export const daemonNames = configRoles.filter(
  (role): role is DaemonName => role !== 'rebuilderctl' && role !== 'standalone',
);
