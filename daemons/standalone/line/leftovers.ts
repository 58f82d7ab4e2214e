import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';
import { removeCgroups } from './cgroups.ts';
import { LineError } from './options.ts';

/** What a line leaves behind when it is killed, written down while it lives. */
export interface LineRecord {
  readonly line: ProcessMark;
  readonly members: readonly ProcessMark[];
  readonly cgroups: readonly string[];
}

/** A process that cannot be taken for another one with the same number. */
interface ProcessMark {
  readonly pid: number;
  /** proc_pid_stat(5), starttime. */
  readonly started: string;
}

const file = 'line.json';

export function markOf(pid: number): ProcessMark {
  return { pid, started: startedAt(pid) ?? '' };
}

export function writeRecord(folder: string, record: LineRecord): void {
  const path = join(folder, file);
  writeFileSync(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

export function removeRecord(folder: string): void {
  rmSync(join(folder, file), { force: true });
}

const waitMs = 5_000;
const lookEveryMs = 20;

/** Ends what a line that was killed left running. Throws if a line lives in that folder. */
export async function clearLeftovers(folder: string, clock: Clock): Promise<void> {
  const record = readRecord(folder);
  if (record === undefined) return;
  if (lives(record.line)) {
    throw new LineError('set-up', `${folder} is in use by another line (process ${record.line.pid})`);
  }
  const until = clock.monotonic() + waitMs;
  for (let left = record.members.filter(lives); left.length > 0; left = left.filter(lives)) {
    for (const { pid } of left) kill(pid, clock.monotonic() < until ? 'SIGTERM' : 'SIGKILL');
    await clock.sleep(lookEveryMs);
  }
  endStrays(folder);
  record.cgroups.forEach(removeCgroups);
  removeRecord(folder);
}

/** GnuPG's servers leave the process tree of whoever needed them, and tell nobody. */
const strays = new Set(['gpg-agent', 'keyboxd', 'dirmngr', 'scdaemon']);

/** Ends the servers that programs of a line have left running on its states. */
export function endStrays(folder: string): void {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      if (strays.has(basename(words[0] ?? '')) && words.some((word) => word.startsWith(`${folder}/`))) {
        kill(Number(name), 'SIGTERM');
      }
    } catch {
      // It ended in between.
    }
  }
}

function readRecord(folder: string): LineRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, file), 'utf8')) as LineRecord;
  } catch {
    return undefined;
  }
}

function lives({ pid, started }: ProcessMark): boolean {
  return started !== '' && startedAt(pid) === started;
}

/** The 22nd field; the second, the program's name in brackets, may hold anything. */
function startedAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}
