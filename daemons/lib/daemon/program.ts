import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { systemClock, workIsDone } from './clock.ts';
import { ProcessGroup } from './process-group.ts';

/** How running another program went wrong. `failed`: it ended with a code other than expected. */
export type ProgramErrorCode = 'failed' | 'timed-out' | 'missing' | 'too-much-output' | 'killed';

export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  constructor(
    readonly code: ProgramErrorCode,
    message: string,
    /** What it said, the last 64 KiB: foreign text. */
    readonly stderr: string,
    readonly exitCode?: number,
    readonly stdout: Buffer = Buffer.alloc(0),
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export interface RunOptions {
  readonly timeoutMs: number;
  /** Added to PATH, HOME, TMPDIR and LANG=C.UTF-8; nothing else is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: Uint8Array | Readable;
  /** Bytes of standard output; more kills the program. */
  readonly maxOutput?: number;
  readonly signal?: AbortSignal;
  /** Exit codes that are an answer and not an error; 0 alone by default. */
  readonly expectCodes?: readonly number[];
}

export interface RunResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly exitCode: number;
}

const defaultMaxOutput = 16 * 1_048_576;
const maxStderr = 65_536;

/**
 * Runs a program to its end with time, output and environment capped. It has a process group of its own, so that
 * what it started is killed with it.
 */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  // Whoever only spawns is spared it, which is half of a short program's start.
  const { execa } = await import('execa');
  options.signal?.throwIfAborted();
  const subprocess = execa(program, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: programEnvironment(options.env),
    extendEnv: false,
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    encoding: 'buffer',
    maxBuffer: options.maxOutput ?? defaultMaxOutput,
    buffer: { stdout: true, stderr: false },
    stripFinalNewline: false,
    reject: false,
    detached: true,
    cleanup: false,
  });
  let stderr = Buffer.alloc(0);
  subprocess.stderr?.on('data', (chunk: Buffer) => {
    stderr = Buffer.concat([stderr, chunk]).subarray(-maxStderr);
  });
  const group = new ProcessGroup(subprocess.pid);
  // What it left in the background would hold its output open, and with it this call.
  subprocess.once('exit', () => group.kill('SIGKILL'));
  const over = new AbortController();
  let reason: 'timed-out' | 'killed' | undefined;
  const stop = (why: 'timed-out' | 'killed') => {
    reason ??= why;
    void group.end().then(() => {
      subprocess.stdout?.destroy();
      subprocess.stderr?.destroy();
    });
  };
  const onAbort = () => stop('killed');
  options.signal?.addEventListener('abort', onAbort, { once: true });
  systemClock.sleep(options.timeoutMs, over.signal).then(
    () => stop('timed-out'),
    () => {},
  );
  try {
    const result = await subprocess;
    const said = stderr.toString('utf8');
    const stdout = Buffer.from(result.stdout ?? []);
    const exitCode = result.exitCode ?? undefined;
    const fail = (code: ProgramErrorCode, what: string) =>
      new ProgramError(code, `${program}: ${what}${lastLine(said)}`, said, exitCode, stdout, {
        cause: result.cause,
      });
    if (reason === 'timed-out') throw fail('timed-out', `did not end within ${options.timeoutMs} ms`);
    if (reason === 'killed') throw fail('killed', 'was stopped');
    if ('isMaxBuffer' in result && result.isMaxBuffer) throw fail('too-much-output', 'wrote too much output');
    if (exitCode === undefined && !result.isTerminated) {
      throw fail('missing', `cannot be run (${'code' in result ? String(result.code) : 'unknown reason'})`);
    }
    if (exitCode === undefined) throw fail('killed', `died of ${result.signal ?? 'a signal'}`);
    if (!(options.expectCodes ?? [0]).includes(exitCode)) throw fail('failed', `ended with code ${exitCode}`);
    return { stdout, stderr: said, exitCode };
  } finally {
    over.abort(workIsDone);
    options.signal?.removeEventListener('abort', onAbort);
    group.kill('SIGKILL');
    group.forget();
  }
}

function lastLine(stderr: string): string {
  const line = stderr.trimEnd().split('\n').at(-1)?.trim().slice(0, 300) ?? '';
  return line === '' ? '' : `: ${line}`;
}

/** Of our own environment what every program gets, and what is added. */
export function programEnvironment(
  env: Readonly<Record<string, string>> | undefined,
): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const name of ['PATH', 'HOME', 'TMPDIR']) {
    const value = process.env[name];
    if (value !== undefined) inherited[name] = value;
  }
  return { ...inherited, LANG: 'C.UTF-8', ...env };
}

export interface SpawnOptions {
  /** As in `RunOptions`: added to the few variables that are inherited. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What the program hears that it is called; its own path by default. */
  readonly argv0?: string;
  /** One entry a descriptor; `pipe` for the first three unless told otherwise. */
  readonly stdio?: readonly ('pipe' | 'ignore' | 'inherit' | number)[];
  readonly signal?: AbortSignal;
  /** A session and process group of its own; `kill` then reaches the whole group. */
  readonly detached?: boolean;
  /** Numeric ids to run as; only root may. */
  readonly uid?: number;
  readonly gid?: number;
}

export interface SpawnedProgram {
  readonly pid: number | undefined;
  /** Each throws if that descriptor is not a pipe. */
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Rejects with a `ProgramError` of code `missing` if it could not be started. */
  readonly exited: Promise<Readonly<{ code: number | null; signal: string | null }>>;
  kill(signal?: NodeJS.Signals): void;
  /** Lets this process end while the program still runs. */
  unref(): void;
}

/** Starts a program and leaves its streams to the caller; an aborted signal kills it. */
export function spawnProgram(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
): SpawnedProgram {
  const detached = options.detached ?? false;
  const child = spawn(program, args, {
    env: programEnvironment(options.env),
    stdio: [...(options.stdio ?? ['pipe', 'pipe', 'pipe'])],
    detached,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const group = detached ? new ProcessGroup(child.pid) : undefined;
  const kill = (signal: NodeJS.Signals = 'SIGTERM') => {
    if (group) group.kill(signal);
    else child.kill(signal);
  };
  const onAbort = () => kill('SIGKILL');
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      const message = `${program}: cannot be run (${error.code ?? error.message})`;
      reject(new ProgramError('missing', message, '', undefined, undefined, { cause: error }));
    });
    child.once('exit', (code, signal) => {
      options.signal?.removeEventListener('abort', onAbort);
      group?.forget();
      resolve({ code, signal });
    });
  });
  exited.catch(() => {});
  if (options.signal?.aborted) onAbort();
  else options.signal?.addEventListener('abort', onAbort, { once: true });
  return {
    pid: child.pid,
    get stdin() {
      return piped(child.stdin, program, 'input');
    },
    get stdout() {
      return piped(child.stdout, program, 'output');
    },
    get stderr() {
      return piped(child.stderr, program, 'error output');
    },
    exited,
    kill,
    unref() {
      child.unref();
      for (const stream of child.stdio) {
        if (stream instanceof Socket) stream.unref();
      }
    },
  };
}

function piped<S>(stream: S | null, program: string, which: string): S {
  if (stream === null) throw new TypeError(`the standard ${which} of ${program} is not a pipe`);
  return stream;
}

/** The exit status a shell would show for it: 128 and the signal's number for a program that a signal ended. */
export function shellStatus(ended: Readonly<{ code: number | null; signal: string | null }>): number {
  if (ended.code !== null) return ended.code;
  return 128 + (constants.signals[ended.signal as NodeJS.Signals] ?? 0);
}
