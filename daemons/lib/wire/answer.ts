import type { Readable, Writable } from 'node:stream';
import { type Contract, ContractError } from '../contracts/contract.ts';
import { type Clock, workIsDone } from '../daemon/clock.ts';
import type { Log } from '../daemon/log.ts';
import { signOfLifeMs, stallMs, WireError } from './format.ts';
import { encodeHeader } from './header.ts';
import type { IncomingObject, OutgoingObject } from './objects.ts';
import { type IncomingMessage, readMessage } from './read-message.ts';
import { refusalHeader } from './refusal.ts';
import { ReplyError } from './reply-error.ts';
import { writeMessage } from './write-message.ts';

export interface Channel {
  readonly input: Readable;
  readonly output: Writable;
}

export interface AnswerOptions {
  readonly clock: Clock;
  /** Told of refusals. */
  readonly log?: Log;
}

export type Answer =
  | Readonly<{
      reply: object;
      /** Counted if it is a list; else `reply.objects` says how many there will be. */
      objects?: readonly OutgoingObject[] | AsyncIterable<OutgoingObject>;
    }>
  /** For people, instead of a message. */
  | Readonly<{ text: string }>;

export interface AnswerContext {
  /** Aborted when the caller is known to be gone. */
  readonly signal: AbortSignal;
}

export type Handler<Argument, Request> = (
  request: Request,
  argument: Argument,
  objects: AsyncIterable<IncomingObject>,
  context: AnswerContext,
) => Promise<Answer>;

/** How long what a refused caller still sends is thrown away, so that it comes to read the refusal. */
const lingerMs = 2_000;

/**
 * Answers one call: reads the whole request (an empty input is the default one), lets `handle` answer it, gives signs
 * of life meanwhile. A handler refuses by throwing a `ReplyError`; what it throws else is `internal` to the caller and
 * thrown on after it was told. Throws a `WireError` if the caller is gone.
 */
export async function answer<Argument extends string, Request, Reply>(
  contract: Contract<Argument, Request, Reply>,
  untrustedArgument: string,
  channel: Channel,
  options: AnswerOptions,
  handle: Handler<Argument, Request>,
): Promise<void> {
  const { input, output } = channel;
  const gone = new AbortController();
  const onGone = () => gone.abort(new WireError('lost', 'the caller is gone'));
  output.on('error', onGone);
  output.on('close', onGone);
  const signs = new SignsOfLife(output, options.clock);
  try {
    const argument = contract.parseArgument(untrustedArgument);
    const message = await readMessage(input, {
      clock: options.clock,
      maxObjects: contract.maxRequestObjects,
      maxObjectBytes: contract.maxObjectBytes,
      emptyHeader: {},
    });
    const request = contract.parseRequest(message.untrustedHeader, argument);
    const answered = await handle(request, argument, message.objects, { signal: gone.signal });
    await wholeRequest(message);
    signs.stop();
    await send(output, answered, options.clock);
    output.end();
  } catch (error) {
    signs.stop();
    const refusal = refusalOf(error);
    options.log?.warning('call refused', {
      service: contract.service,
      error: refusal.code,
      say: refusal.say,
    });
    if (!output.destroyed) output.end(encodeHeader(refusalHeader(refusal)));
    await linger(input, options.clock);
    if (refusal.code === 'internal' || (error instanceof WireError && error.code === 'lost')) throw error;
  } finally {
    signs.stop();
  }
}

async function wholeRequest(message: IncomingMessage): Promise<void> {
  await message.guard();
  if (message.trailing) throw new WireError('protocol', 'bytes after the end of the message');
}

async function send(output: Writable, answered: Answer, clock: Clock): Promise<void> {
  if ('text' in answered) {
    output.write(answered.text);
    return;
  }
  const header = { v: 1, ok: true, ...answered.reply };
  await writeMessage(output, header, answered.objects ?? [], { clock, stallMs });
}

function refusalOf(error: unknown): ReplyError {
  if (error instanceof ReplyError) return error;
  if (error instanceof ContractError) return new ReplyError('protocol', error.message);
  if (error instanceof WireError) {
    const code = error.code === 'peer-failed' ? 'protocol' : error.code;
    return new ReplyError(code, error.message);
  }
  return new ReplyError('internal', 'an error that is in the journal of the qube that answers');
}

async function linger(input: Readable, clock: Clock): Promise<void> {
  const over = new AbortController();
  for (const event of ['end', 'close', 'error']) input.on(event, () => over.abort(workIsDone));
  if (input.readableEnded || input.destroyed) return;
  input.on('readable', () => {
    while (input.read() !== null);
  });
  while (input.read() !== null);
  await clock.sleep(lingerMs, over.signal).catch(() => {});
}

/** A line feed every 15 s until the reply begins, unless the caller takes nothing anyway. */
class SignsOfLife {
  readonly #over = new AbortController();

  constructor(output: Writable, clock: Clock) {
    void this.#give(output, clock);
  }

  stop(): void {
    this.#over.abort(workIsDone);
  }

  async #give(output: Writable, clock: Clock): Promise<void> {
    const { signal } = this.#over;
    for (;;) {
      await clock.sleep(signOfLifeMs, signal).catch(() => {});
      if (signal.aborted || output.destroyed) return;
      if (!output.writableNeedDrain) output.write('\n');
    }
  }
}
