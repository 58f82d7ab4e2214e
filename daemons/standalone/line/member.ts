import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../lib/daemon/clock.ts';
import { type SpawnedProgram, shellStatus, spawnProgram } from '../../lib/daemon/program.ts';
import { identityOf } from '../../lib/daemon/users.ts';
import type { Owner } from './users.ts';

/** One process of a line: the broker, an agent or a role. */
export interface Member {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended, with one sentence on how. */
  readonly ended: Promise<string>;
  /** Asks it to end, and after `graceMs`, or when `atOnce` is aborted, makes it. */
  stop(clock: Clock, graceMs: number, atOnce: AbortSignal): Promise<void>;
}

export interface MemberOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logs: string;
  /** Who it runs as; absent: who starts it. */
  readonly owner?: Owner;
  /** Set-uid programs work for it, as newuidmap must for sandboxes. */
  readonly mayGainPrivileges?: boolean;
}

/** Starts a member, writing to its own log; it is told to end when the line is killed. */
export function startMember(options: MemberOptions): Member {
  const path = join(options.logs, `${options.name}.log`);
  const log = openSync(path, 'a', 0o640);
  let program: SpawnedProgram;
  try {
    program = spawnProgram('setpriv', [...privileges(options), ...options.command], {
      env: options.env,
      cwd: options.cwd,
      stdio: ['ignore', log, log],
      // Ctrl-C and whoever signals the line's process group must not reach what the line stops in turn.
      detached: true,
    });
  } finally {
    closeSync(log);
  }
  let alive = true;
  const ended = program.exited.then(
    (how) => {
      alive = false;
      return `${options.name} ended with ${shellStatus(how)}: ${lastLine(path)}`;
    },
    (error: Error) => {
      alive = false;
      return `${options.name} cannot be started: ${error.message}`;
    },
  );
  return {
    name: options.name,
    pid: program.pid ?? 0,
    ended,
    async stop(clock, graceMs, atOnce) {
      if (!alive) return;
      // The member alone: its calls, which are in its group, may carry what it hands back.
      if (program.pid !== undefined) process.kill(program.pid, 'SIGTERM');
      const over = new AbortController();
      const kill = () => program.kill('SIGKILL');
      const late = clock.sleep(graceMs, over.signal).then(kill, () => {});
      if (atOnce.aborted) kill();
      else atOnce.addEventListener('abort', kill, { once: true });
      await ended;
      atOnce.removeEventListener('abort', kill);
      over.abort();
      await late;
    },
  };
}

function privileges({ owner, mayGainPrivileges }: MemberOptions): string[] {
  const identity = owner ? identityOf(owner) : [];
  return ['--pdeathsig', 'TERM', ...identity, ...(mayGainPrivileges ? [] : ['--no-new-privs']), '--'];
}

const maxReason = 500;

/** Of what it wrote, the last line that says why; a crash of Node says it before its stack. */
function lastLine(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const last = lines.at(-1) ?? '';
  const why = last.startsWith('Node.js v') ? lines.findLast((line) => /^\w*Error\b/.test(line)) : undefined;
  return (why ?? last).slice(0, maxReason);
}
