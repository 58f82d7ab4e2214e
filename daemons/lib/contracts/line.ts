import { join } from 'node:path';

/** Where a standalone line has what its operator's commands look for, too. */

/** The folder of the line that `rebuilder.service` runs. */
export const installedLine = '/var/lib/rebuilder-line';

/** The socket through which a qube calls. */
export function callerSocket(line: string, qube: string): string {
  return join(line, 'qubes', qube, 'qrexec-agent');
}

export function stateFolder(line: string, role: string): string {
  return join(line, 'state', role);
}
