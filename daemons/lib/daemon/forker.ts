import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Log } from './log.ts';
import { ProgramError, programEnvironment, type SpawnedProgram, spawnProgram } from './program.ts';

/** How a program is started whose streams are its caller's. */
export type Spawn = (
  program: string,
  args: readonly string[],
  options: Readonly<{ env?: Readonly<Record<string, string>>; signal?: AbortSignal }>,
) => SpawnedProgram;

type Ended = Awaited<SpawnedProgram['exited']>;
type Waiting = Readonly<{
  program: string;
  streams: readonly Socket[];
  ended: (how: Ended) => void;
  failed: (error: ProgramError) => void;
}>;

const script = fileURLToPath(new URL('forker.pl', import.meta.url));

/**
 * Starts programs from a small process of its own: a daemon that starts one copies its own memory's tables for it, and does
 * nothing else until the program runs. Where that process cannot run, or ended, the daemon starts them itself. Programs run
 * in `/`.
 *
 * @param folder the role's own, where nobody else gets in
 */
export async function openForker(
  folder: string,
  log: Pick<Log, 'warning'>,
): Promise<{ spawn: Spawn; close(): void }> {
  if (!existsSync(folder)) return { spawn: spawnInRoot, close() {} };
  const path = join(folder, 'forker.sock');
  await rm(path, { force: true });
  const forker = new Forker(path, log);
  await forker.ready;
  return { spawn: forker.spawn, close: () => forker.close() };
}

const spawnInRoot: Spawn = (program, args, options) => spawnProgram(program, args, { ...options, cwd: '/' });

class Forker {
  readonly #path: string;
  readonly #helper: SpawnedProgram;
  readonly #waiting = new Map<number, Waiting>();
  readonly #log: Pick<Log, 'warning'>;
  #isRunning = false;
  #isClosed = false;
  #started = 0;
  readonly ready: Promise<void>;

  constructor(path: string, log: Pick<Log, 'warning'>) {
    this.#path = path;
    this.#log = log;
    this.#helper = spawnProgram('perl', [script, path], { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] });
    this.#helper.stdin.on('error', () => {});
    this.ready = new Promise((resolve) => {
      void this.#listen(resolve).finally(resolve);
    });
  }

  readonly spawn: Spawn = (program, args, options) => {
    if (!this.#isRunning) return spawnInRoot(program, args, options);
    const env = Object.entries(programEnvironment(options.env)).flat();
    const words = [program, String(args.length), ...args, ...env];
    if (words.some((word) => word.includes('\0')))
      throw new TypeError(`${program}: a NUL in what it is given`);
    this.#started += 1;
    const number = this.#started;
    const streams = [
      this.#stream(number, 0, words),
      this.#stream(number, 1),
      this.#stream(number, 2),
    ] as const;
    const [stdin, stdout, stderr] = streams;
    const exited = new Promise<Ended>((ended, failed) => {
      this.#waiting.set(number, { program, streams, ended, failed });
    });
    const kill = (signal: NodeJS.Signals = 'SIGTERM') => {
      if (this.#waiting.has(number)) this.#helper.stdin.write(`kill ${number} ${signal.slice(3)}\n`);
    };
    const onAbort = () => kill('SIGKILL');
    exited.finally(() => options.signal?.removeEventListener('abort', onAbort)).catch(() => {});
    // Only its end is ever heard there.
    stdin.resume();
    if (options.signal?.aborted) onAbort();
    else options.signal?.addEventListener('abort', onAbort, { once: true });
    return {
      pid: undefined,
      stdin,
      stdout,
      stderr,
      exited,
      kill,
      unref() {
        for (const stream of streams) stream.unref();
      },
    };
  };

  close(): void {
    this.#isClosed = true;
    this.#helper.stdin.end();
  }

  #stream(number: number, descriptor: number, words: readonly string[] = []): Socket {
    const head = Buffer.from([number, descriptor, ...words].map((word) => `${word}\0`).join(''));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(head.length);
    const socket = connect(this.#path);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.syscall === 'connect') this.#abandon(number, error);
    });
    let isSent = false;
    socket.write(Buffer.concat([length, head]), (error) => {
      isSent = error === undefined || error === null;
    });
    // Its caller may have left before it could be asked for: then nobody will ever say that it ended.
    socket.once('close', () => {
      if (!isSent) this.#abandon(number);
    });
    return socket;
  }

  /** It will not be started, by a fault or because its caller left. */
  #abandon(number: number, cause?: Error): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    this.#helper.stdin.write(`kill ${number} KILL\n`);
    if (cause === undefined) {
      waiting?.ended({ code: null, signal: 'SIGKILL' });
      return;
    }
    const message = `${waiting?.program}: cannot be run (${cause.message})`;
    waiting?.failed(new ProgramError('missing', message, '', undefined, undefined, { cause }));
  }

  async #listen(onReady: () => void): Promise<void> {
    let rest = '';
    try {
      for await (const chunk of this.#helper.stdout) {
        const lines = (rest + String(chunk)).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.#take(line, onReady);
      }
    } finally {
      this.#isRunning = false;
      if (!this.#isClosed)
        this.#log.warning('the forker ended: the daemon starts programs itself from now on');
      // What still runs is out of reach: its streams' end is what it hears.
      for (const { ended, streams } of this.#waiting.values()) {
        for (const stream of streams) stream.destroy();
        ended({ code: null, signal: 'SIGKILL' });
      }
      this.#waiting.clear();
    }
  }

  #take(line: string, onReady: () => void): void {
    const [what, number = '', ...words] = line.split(' ');
    if (what === 'ready') {
      this.#isRunning = true;
      onReady();
      return;
    }
    const waiting = this.#waiting.get(Number(number));
    if (waiting === undefined) return;
    this.#waiting.delete(Number(number));
    if (what === 'missing') {
      waiting.failed(
        new ProgramError('missing', `${waiting.program}: cannot be run (${words.join(' ')})`, ''),
      );
      return;
    }
    const [code, signal] = words.map(Number);
    waiting.ended(signal ? { code: null, signal: nameOf(signal) } : { code: code ?? null, signal: null });
  }
}

function nameOf(signal: number): string {
  return Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? 'SIGKILL';
}
