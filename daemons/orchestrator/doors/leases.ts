import { type Carried, maxCarried, type Payloads, type Queue } from '../../lib/contracts/job.ts';
import { firstLeaseMs, type LeasedJob, type lease } from '../../lib/contracts/lease.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import { isMergedLink } from '../../lib/domain/link.ts';
import type { QubeName } from '../../lib/domain/names.ts';
import { labelOf, publishedNames } from '../../lib/domain/published.ts';
import { sha256Of } from '../../lib/objects/sha256.ts';
import type { Answer } from '../../lib/wire/serve.ts';
import { composePublication } from '../compose.ts';
import type { Ask, Held, JobRecord, StoredPayload } from '../ledger/port.ts';
import { follow } from '../pipeline.ts';
import type { Office } from './office.ts';

/** Looked for again even when nobody woke us: room may have come without a sound. */
const lookAgainMs = 10_000;
/** The least that the getter may be ahead, when no rebuilder was seen yet. */
const leastAhead = 2;
/** Links of earlier attestations that one job is told of: job.ts caps them. */
const maxEarlier = 40;

type Request = ReturnType<typeof lease.parseRequest>;

export interface Asker {
  readonly source: QubeName;
  readonly queue: Queue;
  readonly signal: AbortSignal;
  /** Finds out whether the caller still waits. */
  isThere(): Promise<boolean>;
}

/** `rebuilder.Lease`: waits up to the caller's patience for a job that fits, lends it. */
export async function leaseDoor(office: Office, asker: Asker, request: Request): Promise<Answer> {
  const { clock, wakeups, workers } = office;
  const { source, queue, signal } = asker;
  const done = workers.asks(source, queue, request.notices);
  try {
    const patience = clock.monotonic() + request.waitMs;
    for (;;) {
      const ticket = wakeups.ticket(queue);
      const job = (await office.room.isLeft()) ? await lend(office, source, queue, request) : undefined;
      if (job !== undefined) return await handOver(office, asker, job);
      const left = patience - clock.monotonic();
      if (left <= 0 || signal.aborted) return { reply: { job: null } };
      await wakeups.wait(queue, ticket, Math.min(left, lookAgainMs), signal);
    }
  } finally {
    done();
  }
}

async function lend(
  office: Office,
  holder: QubeName,
  queue: Queue,
  request: Request,
): Promise<JobRecord | undefined> {
  const now = office.time.now();
  const ask: Ask = {
    queue,
    holder,
    ...(request.kinds === undefined ? {} : { kinds: request.kinds }),
    ...(request.capabilities === undefined ? {} : { architectures: request.capabilities.architectures }),
    inputsAhead: Math.max(leastAhead, 2 * office.workers.slotsLately('rebuild')),
    until: now.ms + firstLeaseMs,
  };
  return await office.ledger.lease(ask, now);
}

/** Completes the payload with what is only known now, and replies; a job for a caller that is gone is pending again. */
async function handOver(office: Office, asker: Asker, job: JobRecord): Promise<Answer> {
  const held = { job: job.id, fence: job.fence, holder: asker.source };
  const payload = await completed(office, job);
  if (payload !== job.payload) await office.ledger.complete(held, payload);
  if (!(await asker.isThere())) {
    await takeBack(office, held, job);
    office.wakeups.wake([job.queue]);
    return { reply: { job: null } };
  }
  office.workers.leased(asker.source, job.queue, job.id);
  office.log.info('leased', { qube: asker.source, about: job.about, job: job.id });
  const leased: LeasedJob<Queue> = {
    id: job.id,
    fence: job.fence,
    leaseMs: firstLeaseMs,
    about: job.about,
    payload: payload as Payloads[Queue],
  };
  return { reply: { job: leased } };
}

async function takeBack(office: Office, held: Held, job: JobRecord): Promise<void> {
  const outcome = { status: 'handed-back', say: 'the caller was gone' } as const;
  const digest = sha256Of(Buffer.from(JSON.stringify(outcome)));
  const now = office.time.now();
  const following = follow(job, { is: 'handed-back', say: outcome.say }, undefined, now.ms, office.settings);
  await office.ledger.settle(held, { ...following, digest, outcome }, now);
}

async function completed(office: Office, job: JobRecord): Promise<StoredPayload> {
  const { payload } = job;
  if (payload.kind === 'feed' && payload.only === null) return { ...payload, resume: job.resume };
  if (payload.kind === 'build' && job.group !== null) {
    const earlier = await office.history.published(job.group);
    return {
      ...payload,
      earlier: mostNeeded(payload.build, earlier).map(({ path, sha256 }) => ({ path, sha256 })),
    };
  }
  if (payload.kind === 'publication') {
    const carried = await carriedBy(office, job);
    return { ...payload, carried, publication: await composePublication(office.history, office.objects) };
  }
  if (payload.kind === 'results') return { ...payload, carried: await carriedBy(office, job) };
  return payload;
}

/** Where the last one left off is its resume point (pipeline.ts). */
async function carriedBy({ history }: Office, { resume }: JobRecord): Promise<Carried> {
  return await history.settledSince(Number(resume ?? 0), maxCarried);
}

/** The seed's merged links first: they are made of all the others of their source. Of statements that of the same build. */
function mostNeeded<T extends { path: string }>(build: BuildSpec, files: readonly T[]): readonly T[] {
  const statement = `/${publishedNames.statement(labelOf(build))}`;
  const isStatement = (path: string) => path.endsWith(statement) && !path.includes('/unreproducible/');
  const read = files.filter(({ path }) => isStatement(path) || /\/metadata$|\.link$/.test(path));
  const rankOf = ({ path }: T) =>
    isMergedLink(path) ? 0 : isStatement(path) ? 1 : path.endsWith('.link') ? 2 : 3;
  return read.sort((one, other) => rankOf(one) - rankOf(other)).slice(0, maxEarlier);
}
