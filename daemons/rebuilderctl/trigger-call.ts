import { type TriggerArgument, type TriggerReply, trigger } from '../lib/contracts/trigger.ts';
import type { OutgoingObject } from '../lib/wire/frame.ts';
import type { Context } from './context.ts';

/** One call of `rebuilder.Trigger`. */
export async function askFor(
  { caller, stop }: Pick<Context, 'caller' | 'stop'>,
  argument: TriggerArgument,
  request: object,
  objects: readonly OutgoingObject[],
): Promise<TriggerReply> {
  const { reply, done } = await caller.call(trigger, argument, request, { objects, signal: stop });
  await done();
  return reply;
}
