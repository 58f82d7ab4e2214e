import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type SpawnedProgram, spawnProgram } from '../../daemons/lib/daemon/program.ts';

/** Whether a process runs; one that ended and that nobody has waited for does not. */
export function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** A program whose lines are read one at a time. */
export interface LineProgram {
  readonly program: SpawnedProgram;
  /** The next line of its output, undefined at the end. */
  line(): Promise<string | undefined>;
}

export function startLines(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): LineProgram {
  const program = spawnProgram(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  return {
    program,
    async line() {
      const { value, done } = await lines.next();
      return done ? undefined : value;
    },
  };
}
