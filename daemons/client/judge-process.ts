import { run, type SpawnedProgram, spawnProgram } from '../lib/daemon/program.ts';
import { codes, fieldOf, formatMessage, isFinal, readMessages } from './apt/message.ts';
import { formatTrust, type Trust } from './trust.ts';

export interface JudgeProcessOptions {
  /** Starts this program as the judge. */
  readonly command: readonly [program: string, ...args: string[]];
  /** Whom apt's own methods become when root starts them; undefined if they stay who they are. */
  readonly user: string | undefined;
  /** Message 601 as it came. */
  readonly configuration: Buffer;
  readonly trust: Trust;
  /** Takes messages for apt. */
  readonly send: (message: Buffer) => void;
}

const idTimeoutMs = 10_000;

/**
 * What asks rebuilders and reads their answers, in a process of its own that has no rights but apt's sandbox user's.
 * Node cannot give rights up where libuv might use io_uring, as in Debian 13 (CVE-2024-22017): they are given up on the
 * way. It speaks apt's messages: it is sent the configuration, what to trust and each 201, and answers to apt.
 */
export class JudgeProcess {
  readonly #program: SpawnedProgram;
  readonly #send: (message: Buffer) => void;
  readonly #pending = new Set<string>();
  #ended: string | undefined;
  #settled: (() => void) | undefined;

  private constructor(program: SpawnedProgram, options: JudgeProcessOptions) {
    this.#program = program;
    this.#send = options.send;
    // Its end is told by its output.
    program.stdin.on('error', () => {});
    program.stdin.write(options.configuration);
    program.stdin.write(formatTrust(options.trust));
    this.#passAnswers().then(
      () => this.#fail('it ended by itself'),
      (error: Error) => this.#fail(error.message),
    );
  }

  /** @throws ProgramError if there is no such user */
  static async start(options: JudgeProcessOptions): Promise<JudgeProcess> {
    const [program, ...args] = options.command;
    const ids = options.user === undefined || process.getuid?.() !== 0 ? {} : await idsOf(options.user);
    const spawned = spawnProgram(program, args, { stdio: ['pipe', 'pipe', 'inherit'], ...ids });
    return new JudgeProcess(spawned, options);
  }

  /** Has a fetched package judged; the answer goes to apt by itself. */
  judge(uri: string, done: Buffer): void {
    this.#pending.add(uri);
    if (this.#ended === undefined) this.#program.stdin.write(done);
    else this.#fail(this.#ended);
  }

  /** Resolves once every answer is with apt. */
  async settled(): Promise<void> {
    if (this.#pending.size > 0) await new Promise<void>((resolve) => (this.#settled = resolve));
  }

  kill(): void {
    this.#program.kill('SIGKILL');
  }

  async #passAnswers(): Promise<void> {
    for await (const message of readMessages(this.#program.stdout, 'the process that judges')) {
      this.#send(message.raw);
      if (isFinal(message)) this.#answered(fieldOf(message, 'URI') ?? '');
    }
  }

  #fail(why: string): void {
    this.#ended = why;
    this.kill();
    for (const uri of this.#pending) {
      this.#send(formatMessage(codes.uriFailure, `in-toto could not judge it: ${why}`, uri));
      this.#answered(uri);
    }
  }

  #answered(uri: string): void {
    this.#pending.delete(uri);
    if (this.#pending.size === 0) this.#settled?.();
  }
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const ask = async (what: string) =>
    Number((await run('id', [what, '--', user], { timeoutMs: idTimeoutMs })).stdout.toString());
  return { uid: await ask('--user'), gid: await ask('--group') };
}
