import type { Clock } from '../lib/daemon/clock.ts';
import type { Log } from '../lib/daemon/log.ts';
import type { Caller } from '../lib/wire/call.ts';
import type { ExitCode } from './errors.ts';
import type { Terminal } from './terminal.ts';

/** What every command is given. */
export interface Context {
  readonly caller: Caller;
  /** Calls as the admin qube of a line that this command started, through its socket. */
  callerAt(socket: string): Caller;
  /** Paths of programs that are installed beside this one. */
  readonly programs: Readonly<{ line: string }>;
  readonly clock: Clock;
  readonly log: Log;
  readonly terminal: Terminal;
  /** Aborted by Ctrl-C and SIGTERM. */
  readonly stop: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Sets the exit code of a command that did what it was asked, and whose answer is no. */
  exit(code: ExitCode): void;
}
