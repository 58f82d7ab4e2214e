import type { Readable } from 'node:stream';
import { ProgramError, type SpawnedProgram, spawnProgram } from '../lib/daemon/program.ts';
import type { BuildLog } from './build-log.ts';
import { BuildFailure } from './failure.ts';

/** Programs inside the disposable: their output is the log, their end is the deadline at the latest. */

/** What every program of ours runs with; what a package's build sees is its own affair (`package-build.ts`). */
const programEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C.UTF-8',
  LANG: 'C.UTF-8',
};

export interface ProgramOptions {
  readonly log: BuildLog;
  /** Aborted when the time is over or nobody waits any more: all that runs is killed. */
  readonly stop: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  readonly cwd?: string;
}

/** Runs a program, its output going to the log; its exit code, or -1 if a signal ended it. */
export async function runLogged(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<number> {
  options.stop.throwIfAborted();
  const child = spawnProgram(program, args, {
    env: { ...programEnvironment, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    detached: true,
    signal: options.stop,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const input = options.input === undefined ? undefined : feed(child, options.input);
  try {
    await Promise.all([pump(child.stdout, options.log), pump(child.stderr, options.log), input]);
    const { code } = await child.exited;
    options.stop.throwIfAborted();
    return code ?? -1;
  } catch (error) {
    child.kill('SIGKILL');
    options.stop.throwIfAborted();
    if (error instanceof ProgramError) {
      throw new BuildFailure('sandbox', `the disposable lacks a program: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

async function pump(stream: Readable, log: BuildLog): Promise<void> {
  for await (const chunk of stream) await log.write(chunk);
}

/** Reads the input to its end even if the program takes no more of it: its exit code then tells. */
async function feed(
  child: SpawnedProgram,
  input: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const { stdin } = child;
  let closed = false;
  let wake: (() => void) | undefined;
  stdin.on('error', () => {});
  stdin.on('drain', () => wake?.());
  stdin.on('close', () => {
    closed = true;
    wake?.();
  });
  for await (const chunk of input) {
    if (closed || stdin.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  stdin.end();
}

/** Runs a program that must succeed. */
export async function must(
  what: string,
  code: 'sandbox' | 'dependency-missing' | 'build-failed',
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<void> {
  const ended = await runLogged(program, args, options);
  if (ended !== 0) throw new BuildFailure(code, `${what} failed: ${program} ended with code ${ended}`);
}
