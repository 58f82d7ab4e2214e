import { fetchObjects, maxFetched } from '../contracts/fetch.ts';
import type { Queue } from '../contracts/job.ts';
import { JobFailure } from '../contracts/job-failure.ts';
import { type Clock, workIsDone } from '../daemon/clock.ts';
import type { Log } from '../daemon/log.ts';
import type { Sha256 } from '../domain/names.ts';
import { CallError, type Caller } from '../wire/call.ts';
import { type IncomingObject, WireError } from '../wire/frame.ts';
import { Backoff } from './backoff.ts';

export interface TransferOptions<Q extends Queue> {
  readonly queue: Q;
  readonly caller: Caller;
  readonly clock: Clock;
  readonly log: Log;
  readonly job: Readonly<{ id: string; fence: number }>;
  readonly signal: AbortSignal;
}

/** What another try can change: the way there, and a door that is busy. */
export function isTransient(error: unknown): boolean {
  if (error instanceof WireError) return error.code === 'lost' || error.code === 'peer-failed';
  if (!(error instanceof CallError)) return false;
  if (!error.inBand) return error.code !== 'protocol' && error.code !== 'too-large';
  return ['busy', 'paused', 'disk-full', 'unavailable', 'internal'].includes(error.code);
}

/** More tries than this at the same thing change nothing if each time the door itself said no. */
const maxRefusals = 8;

/** Repeats `attempt` while what stops it may pass. Rejects with the signal's reason as soon as that is aborted. */
export async function persist<T>(
  options: Pick<TransferOptions<Queue>, 'clock' | 'log' | 'signal'>,
  what: string,
  attempt: () => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(options.clock);
  for (let refusals = 0; ; ) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof CallError && error.inBand) refusals += 1;
      if (!isTransient(error) || refusals >= maxRefusals) throw error;
      options.log.warning(`${what} failed, trying again`, {
        say: String(error),
        tries: backoff.failures + 1,
      });
      await backoff.failed(options.signal);
    }
  }
}

/**
 * Brings objects of the job. `into` gets each in turn and may get one again after a connection was lost: what it wrote
 * before is then to be thrown away. What `into` throws of its own is thrown on.
 */
export async function fetchInto<Q extends Queue>(
  options: TransferOptions<Q>,
  shas: readonly Sha256[],
  into: (sha: Sha256, object: IncomingObject) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < shas.length; at += maxFetched) {
    const missing = shas.slice(at, at + maxFetched);
    await persist(options, 'fetching inputs', async () => {
      while (missing.length > 0) await fetchOnce(options, missing, into);
    });
  }
}

/** Takes what has arrived off `missing`. */
async function fetchOnce<Q extends Queue>(
  options: TransferOptions<Q>,
  missing: Sha256[],
  into: (sha: Sha256, object: IncomingObject) => Promise<void>,
): Promise<void> {
  const over = new AbortController();
  const { caller, queue, job } = options;
  try {
    const { objects, done } = await caller.call(
      fetchObjects,
      queue,
      { job: job.id, fence: job.fence, want: 'content', sha256: missing },
      { signal: AbortSignal.any([options.signal, over.signal]) },
    );
    for await (const object of objects) {
      const sha = missing[0];
      if (sha === undefined) throw new JobFailure('protocol', 'more objects came than were asked for');
      await into(sha, object);
      await object.drain();
      if ((await object.sha256) !== sha) {
        throw new JobFailure('protocol', 'an object came that was not asked for');
      }
      missing.shift();
    }
    await done();
    if (missing.length > 0) throw new JobFailure('protocol', 'fewer objects came than were asked for');
  } finally {
    over.abort(workIsDone);
  }
}

/** Which of the objects the orchestrator keeps already, from this queue. */
export async function presentOf<Q extends Queue>(
  options: TransferOptions<Q>,
  shas: readonly Sha256[],
): Promise<ReadonlySet<Sha256>> {
  const present = new Set<Sha256>();
  const { caller, queue, job, signal } = options;
  for (let at = 0; at < shas.length; at += maxFetched) {
    const asked = shas.slice(at, at + maxFetched);
    const digits = await persist(options, 'asking for what is kept', async () => {
      const request = { job: job.id, fence: job.fence, want: 'presence', sha256: asked };
      const { reply, done } = await caller.call(fetchObjects, queue, request, { signal });
      await done();
      return reply.present ?? '';
    });
    if (digits.length !== asked.length)
      throw new JobFailure('protocol', 'presence of other objects than asked');
    for (const [index, sha] of asked.entries()) if (digits[index] === '1') present.add(sha);
  }
  return present;
}
