import { callerSocket, installedLine } from '../../daemons/lib/contracts/line.ts';
import { qubeOf } from '../../daemons/lib/contracts/qubes.ts';
import type { Machine } from '../support/machine.ts';

/** What `rebuilderctl` answers in the admin qube of the line that rebuilder.service runs on that machine. */
export function lineCtl(machine: Machine, ...args: readonly string[]): Promise<string> {
  const socket = callerSocket(installedLine, qubeOf('admin'));
  return machine.run('env', `QREXEC_AGENT_SOCKET=${socket}`, 'rebuilderctl', ...args);
}
