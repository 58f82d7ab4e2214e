import { createHash } from 'node:crypto';
import type { Queue } from '../contracts/job.ts';
import { type FailedOutcome, type Outcome, returnOutcome } from '../contracts/return.ts';
import type { FailureCode } from '../domain/verdict.ts';
import { faultOf } from '../domain/verdict.ts';
import { CallError } from '../wire/call.ts';
import type { OutgoingObject } from '../wire/frame.ts';
import { isTransient, persist, type TransferOptions } from './transfer.ts';

export interface Ending {
  readonly outcome: Outcome;
  readonly objects: readonly OutgoingObject[];
  readonly delivered?: () => void;
}

const maxSaid = 2_000;

export function failedEnding(code: FailureCode, say: string): Ending & { readonly outcome: FailedOutcome } {
  const outcome: FailedOutcome = {
    status: 'failed',
    code,
    fault: faultOf(code),
    say: say.slice(0, maxSaid),
    log: null,
    files: [],
  };
  return { outcome, objects: [] };
}

/**
 * Settles the lease, as often as it takes: a repetition carries the same digest, so that nothing is doubled. What the
 * orchestrator refuses to take becomes a failed outcome, once.
 */
export async function returnEnding<Q extends Queue>(
  options: TransferOptions<Q>,
  ending: Ending,
): Promise<'settled' | 'already' | 'lost'> {
  try {
    return await persist(options, 'returning the outcome', () => returnOnce(options, ending));
  } catch (error) {
    options.signal.throwIfAborted();
    if (isTransient(error) || ending.outcome.status !== 'done') throw error;
    const code = error instanceof CallError && error.code === 'too-large' ? 'too-large' : 'protocol';
    const say = `the outcome could not be returned: ${error instanceof Error ? error.message : String(error)}`;
    options.log.error('outcome refused', { say });
    return await persist(options, 'returning the failure', () =>
      returnOnce(options, failedEnding(code, say)),
    );
  }
}

async function returnOnce<Q extends Queue>(options: TransferOptions<Q>, { outcome, objects }: Ending) {
  const { caller, queue, job, signal } = options;
  const digest = createHash('sha256').update(JSON.stringify(outcome)).digest('hex');
  const request = { job: job.id, fence: job.fence, digest, outcome };
  const { reply, done } = await caller.call(returnOutcome, queue, request, { objects, signal });
  await done();
  return reply.result;
}
