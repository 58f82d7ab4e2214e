import type { Queue } from '../contracts/job.ts';
import { lease, leasePollMs } from '../contracts/lease.ts';
import { Backoff } from './backoff.ts';
import type { Slot, WorkerOptions } from './job-context.ts';
import { Renewals } from './renewals.ts';
import { runJob, type UntypedJob } from './run-job.ts';

export { JobAborted } from './held-job.ts';
export type { Done, JobContext, Slot, WorkerOptions } from './job-context.ts';

/**
 * A role's life: leases jobs for its free slots, renews, returns, until `stop`; then hands back what it holds. No
 * failure of a call ends it.
 */
export async function runWorker<Q extends Queue>(options: WorkerOptions<Q>): Promise<void> {
  const renewals = new Renewals<Q>(options);
  const over = new AbortController();
  const onStop = () => {
    for (const held of renewals.held) held.abort('stop');
  };
  options.stop.addEventListener('abort', onStop, { once: true });
  const renewing = renewals.run(over.signal);
  try {
    await Promise.all(groupSlots(options.slots).map((group) => serveGroup(options, renewals, group)));
  } finally {
    over.abort();
    options.stop.removeEventListener('abort', onStop);
    await renewing;
  }
}

interface SlotGroup {
  readonly kinds: readonly string[] | undefined;
  readonly size: number;
}

/** Slots for the same kinds share one Lease. */
function groupSlots(slots: readonly Slot[]): readonly SlotGroup[] {
  const groups = new Map<string, SlotGroup>();
  for (const { kinds } of slots) {
    const sorted = kinds === undefined ? undefined : [...kinds].sort();
    const key = sorted?.join(' ') ?? '*';
    groups.set(key, { kinds: sorted, size: (groups.get(key)?.size ?? 0) + 1 });
  }
  return [...groups.values()];
}

/** One Lease at a time while a slot is free. */
async function serveGroup<Q extends Queue>(
  options: WorkerOptions<Q>,
  renewals: Renewals<Q>,
  group: SlotGroup,
): Promise<void> {
  const { stop, clock, log, notify } = options;
  const backoff = new Backoff(clock);
  const running = new Set<Promise<void>>();
  while (!stop.aborted) {
    if (running.size >= group.size) {
      await Promise.race(running);
      continue;
    }
    if (renewals.held.size === 0) notify.status('waiting for work');
    const job = await leaseOne(options, group, backoff);
    if (job === undefined) continue;
    const task = runJob(options, renewals, job)
      .catch((error: unknown) => log.error('job given up', { say: String(error), job: job.id }))
      .finally(() => running.delete(task));
    running.add(task);
  }
  await Promise.all(running);
}

/** An answer without a job that comes sooner than this is not the long poll's: it is waited after. */
const soonMs = 1_000;

async function leaseOne<Q extends Queue>(
  options: WorkerOptions<Q>,
  group: SlotGroup,
  backoff: Backoff,
): Promise<UntypedJob | undefined> {
  const { caller, queue, clock, log, stop, capabilities } = options;
  const asked = clock.monotonic();
  try {
    const notices = (await options.notices?.()) ?? [];
    const request = {
      waitMs: leasePollMs,
      ...(group.kinds === undefined ? {} : { kinds: group.kinds }),
      ...(capabilities === undefined ? {} : { capabilities }),
      ...(notices.length === 0 ? {} : { notices: [...notices] }),
    };
    const { reply, done } = await caller.call(lease, queue, request, { signal: stop });
    await done();
    if (backoff.failures > 0) log.notice('the orchestrator answers again');
    backoff.succeeded();
    if (reply.job === null && clock.monotonic() - asked < soonMs) await clock.sleep(soonMs, stop);
    return reply.job ?? undefined;
  } catch (error) {
    if (stop.aborted) return undefined;
    const again = { say: String(error), tries: backoff.failures + 1 };
    if (backoff.failures === 0) log.warning('no work can be leased, trying again', again);
    else log.debug('no work can be leased', again);
    await backoff.failed(stop).catch(() => {});
    return undefined;
  }
}
