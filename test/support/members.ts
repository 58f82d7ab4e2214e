import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock as clock } from '../../daemons/lib/daemon/clock.ts';
import type { RealLine } from './real-line.ts';

/** The process of a role of this line; undefined while it has none. */
function pidOf(line: RealLine, role: string): number | undefined {
  const state = `STATE_DIRECTORY=${join(line.folder, 'line/state', role)}\0`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return (
          (words[1] ?? '').endsWith(`/${role}.js`) &&
          readFileSync(`/proc/${pid}/environ`, 'utf8').includes(state)
        );
      } catch {
        return false;
      }
    });
}

/** Kills a role with -9; one that is just being started again dies as soon as it runs. */
export async function killMember(line: RealLine, role: string): Promise<void> {
  let pid = pidOf(line, role);
  for (; pid === undefined; pid = pidOf(line, role)) await clock.sleep(100);
  process.kill(pid, 'SIGKILL');
}
