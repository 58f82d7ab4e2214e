import type { Readable } from 'node:stream';
import type { SpawnedProgram } from '../../lib/daemon/program.ts';
import {
  codes,
  fieldOf,
  formatMessage,
  type Message,
  type ReceivedMessage,
  readMessages,
} from './message.ts';

/** What stands between apt and the http method. */
export interface Between {
  configure(message: ReceivedMessage): Promise<void>;
  /** The answer to apt about a file that was fetched; undefined if apt gets it later. */
  fetched(done: ReceivedMessage): Buffer | undefined;
  /** Resolves once everything is answered. */
  settled(): Promise<void>;
}

export interface RelayOptions {
  readonly apt: Readonly<{ input: Readable; send: (message: Buffer) => void }>;
  readonly http: SpawnedProgram;
  readonly between: Between;
}

/** The http method ended before apt did. */
export class RelayError extends Error {
  override readonly name = 'RelayError';
}

/**
 * Passes messages both ways until both sides have ended; `between` takes those about files that were fetched.
 *
 * @throws MessageError, RelayError, what `configure` throws
 */
export async function relay({ apt, http, between }: RelayOptions): Promise<void> {
  let aptEnded = false;

  async function down(): Promise<void> {
    for await (const message of readMessages(apt.input, 'apt')) {
      // Nothing is asked for before it is known how to judge it.
      if (message.code === codes.configuration) await between.configure(message);
      http.stdin.write(message.raw);
    }
    aptEnded = true;
    http.stdin.end();
  }

  async function up(): Promise<void> {
    for await (const message of readMessages(http.stdout, 'the http method')) {
      const isDone = message.code === codes.uriDone;
      const answer = isDone ? between.fetched(message) : (leadsAway(message) ?? message.raw);
      if (answer !== undefined) apt.send(answer);
    }
  }

  // Its end is told by its output.
  http.stdin.on('error', () => {});
  await Promise.race([up(), down().then(() => new Promise<never>(() => {}))]);
  await between.settled();
  const { code, signal } = await http.exited;
  if (!aptEnded) throw new RelayError(`the http method ended by itself (${signal ?? `status ${code}`})`);
}

/** apt follows a redirect by the method that its address names: another one would verify nothing. */
function leadsAway(message: Message): Buffer | undefined {
  const to = fieldOf(message, 'New-URI');
  if (message.code !== codes.redirect || to === undefined || /^intoto(?:\+https)?:/i.test(to))
    return undefined;
  const why = `redirected to ${to}, where in-toto would not be asked`;
  return formatMessage(codes.uriFailure, why, fieldOf(message, 'URI'));
}
