import { ContractError } from '../contracts/contract.ts';
import { maxListed } from '../contracts/fields.ts';
import type { Queue } from '../contracts/job.ts';
import { JobFailure } from '../contracts/job-failure.ts';
import { type LeasedJob, type LeaseReply, parsePayload } from '../contracts/lease.ts';
import type { FailedOutcome } from '../contracts/return.ts';
import type { Log, LogFields } from '../daemon/log.ts';
import type { OfficialFile } from '../domain/build.ts';
import { HeldJob } from './held-job.ts';
import type { JobContext, WorkerOptions } from './job-context.ts';
import type { Renewals } from './renewals.ts';
import { type Ending, failedEnding, returnEnding } from './returning.ts';
import { tellCarried } from './tell-carried.ts';
import { fetchInto, presentOf } from './transfer.ts';

export type UntypedJob = NonNullable<LeaseReply['job']>;

/** How long, after the daemon was told to stop, a lease may take to be handed back. */
export const handBackMs = 30_000;
const maxStage = 60;
const maxProgressSay = 300;
/** Of a header's 65,536 bytes. */
const maxShownBytes = 48_000;

/** One job from its lease to the settled outcome. Rejects only with what nobody can be told. */
export async function runJob<Q extends Queue>(
  options: WorkerOptions<Q>,
  renewals: Renewals<Q>,
  leased: UntypedJob,
): Promise<void> {
  const { clock } = options;
  const held = new HeldJob(leased.id, leased.fence);
  const started = clock.monotonic();
  let log = options.log.child({ job: leased.id });
  renewals.add(held);
  if (options.stop.aborted) held.abort('stop');
  const late = new AbortController();
  held.signal.addEventListener('abort', () => void lapse(options, late), { once: true });
  try {
    const job: LeasedJob<Q> = { ...leased, payload: parsePayload(options.queue, leased.payload) };
    log = options.log.child({ job: leased.id, ...aboutFields(job.payload) });
    log.info('leased', { about: leased.about });
    tellCarried(log, job.payload);
    options.notify.status(leased.about);
    const ending = await endingOf(options, held, log, job);
    await settle(options, held, log, AbortSignal.any([held.gone, late.signal]), ending, started);
  } catch (error) {
    if (!(error instanceof ContractError)) throw error;
    log.error('not a job of this queue', { say: error.message });
    const ending = failedEnding('protocol', error.message);
    await settle(options, held, log, AbortSignal.any([held.gone, late.signal]), ending, started);
  } finally {
    renewals.remove(held);
    late.abort();
  }
}

async function lapse<Q extends Queue>(options: WorkerOptions<Q>, late: AbortController): Promise<void> {
  await options.clock.sleep(handBackMs, late.signal).catch(() => {});
  late.abort(new Error('the lease could not be handed back in time'));
}

async function settle<Q extends Queue>(
  options: WorkerOptions<Q>,
  held: HeldJob,
  log: Log,
  signal: AbortSignal,
  ending: Ending,
  started: number,
): Promise<void> {
  if (held.gone.aborted) {
    log.notice('job dropped', { say: String(held.gone.reason.message) });
    return;
  }
  const { queue, caller, clock } = options;
  held.returning();
  const result = await returnEnding({ queue, caller, clock, log, job: held, signal }, ending);
  ending.delivered?.();
  const { outcome } = ending;
  const seconds = Math.round((clock.monotonic() - started) / 100) / 10;
  const fields = { result, seconds };
  if (outcome.status === 'failed') log.warning('failed', { code: outcome.code, say: outcome.say, ...fields });
  else log.info(outcome.status, fields);
}

async function endingOf<Q extends Queue>(
  options: WorkerOptions<Q>,
  held: HeldJob,
  log: Log,
  job: LeasedJob<Q>,
): Promise<Ending> {
  try {
    held.signal.throwIfAborted();
    return await options.handle(contextOf(options, held, log, job));
  } catch (error) {
    if (held.signal.aborted) return { outcome: { status: 'handed-back', say: 'told to stop' }, objects: [] };
    if (error instanceof JobFailure) return failureEnding(error);
    log.error('unexpected error', {
      say: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
    return failedEnding('protocol', `unexpected error: ${String(error)}`);
  }
}

function failureEnding(failure: JobFailure): Ending {
  const { outcome } = failedEnding(failure.code, failure.say);
  const whole: FailedOutcome = { ...outcome, log: failure.log ?? null, files: shownFiles(failure.files) };
  return { outcome: whole, objects: failure.objects };
}

/** As many as the request's header holds: they are shown, and nothing rests on them. */
function shownFiles(files: readonly OfficialFile[]): OfficialFile[] {
  let bytes = 0;
  const fitting = files.findIndex((file) => {
    bytes += JSON.stringify(file).length + 1;
    return bytes > maxShownBytes;
  });
  return files.slice(0, fitting === -1 ? maxListed : fitting);
}

function contextOf<Q extends Queue>(
  options: WorkerOptions<Q>,
  held: HeldJob,
  log: Log,
  job: LeasedJob<Q>,
): JobContext<Q> {
  const { queue, caller, clock, notify } = options;
  const transfer = { queue, caller, clock, log, job, signal: held.signal };
  return {
    job,
    signal: held.signal,
    log,
    progress(stage, done, total, say = '') {
      held.progress = {
        stage: stage.slice(0, maxStage),
        done: done ?? null,
        total: total ?? null,
        say: say.slice(0, maxProgressSay),
      };
      notify.status(`${job.about}: ${stage}`);
    },
    appendLog: (chunk) => held.log.append(chunk),
    fetch: (shas, into) => fetchInto(transfer, shas, into),
    present: (shas) => presentOf(transfer, shas),
  };
}

/** What `journalctl` shows of every line about a build. */
function aboutFields(payload: object): LogFields {
  if (!('build' in payload)) return {};
  const { source, version } = payload.build as { source: string; version: string };
  return { package: source, version };
}
