import type { Queue } from '../../lib/contracts/job.ts';
import { firstLeaseMs } from '../../lib/contracts/lease.ts';
import { maxLogChunk, type RenewReply, type renew, renewedLeaseMs } from '../../lib/contracts/renew.ts';
import type { QubeName } from '../../lib/domain/names.ts';
import type { IncomingObject } from '../../lib/wire/frame.ts';
import { type Answer, ReplyError } from '../../lib/wire/serve.ts';
import type { Held, JobRecord } from '../ledger/port.ts';
import type { Office } from './office.ts';

type Request = ReturnType<typeof renew.parseRequest>;
type Lease = Request['leases'][number];

const maxProgress = 300;

/** `rebuilder.Renew`: moves the deadlines of a worker's leases, keeps what they say of themselves. */
export async function renewDoor(
  office: Office,
  source: QubeName,
  queue: Queue,
  request: Request,
  objects: AsyncIterable<IncomingObject>,
): Promise<Answer> {
  const leases: RenewReply['leases'] = [];
  const logs = new Map<number, Lease & { log: NonNullable<Lease['log']> }>();
  for (const lease of request.leases) {
    const answer = await renewOne(office, source, queue, lease);
    leases.push({ job: lease.job, answer });
    if (lease.log !== undefined && answer === 'held')
      logs.set(lease.log.object, { ...lease, log: lease.log });
  }
  const held = leases.filter(({ answer }) => answer === 'held').map(({ job }) => job);
  office.workers.renewed(source, queue, held);
  const isRoom = logs.size > 0 && (await office.room.isLeft());
  for await (const object of objects) {
    const bytes = await object.buffer(maxLogChunk);
    const lease = logs.get(object.index);
    // The whole log comes with the outcome: a full disk only stops people from watching.
    if (lease !== undefined && isRoom)
      await office.logs.append(lease.job, lease.fence, lease.log.offset, bytes);
  }
  return { reply: { leases } };
}

async function renewOne(office: Office, holder: QubeName, queue: Queue, lease: Lease) {
  const job = await office.history.job(lease.job);
  if (job?.queue !== queue) return 'lost';
  const now = office.time.now();
  const held = { job: lease.job, fence: lease.fence, holder };
  return await office.ledger.renew(held, now.ms + renewedLeaseMs, now, progressText(lease));
}

function progressText({ progress }: Lease): string | undefined {
  if (progress === undefined) return undefined;
  const { stage, done, total, say } = progress;
  const counted = done === null ? '' : ` ${done}${total === null ? '' : `/${total}`}`;
  return `${stage}${counted}${say === '' ? '' : ` ${say}`}`.slice(0, maxProgress);
}

/** The job of a lease that this caller holds: what Fetch asks before it gives anything away. */
export async function heldJob(
  office: Office,
  held: { job: string; fence: number; holder: QubeName },
  queue: Queue,
) {
  const job = await office.history.job(held.job);
  if (job === undefined || job.fence !== held.fence)
    throw new ReplyError('lost', `job ${held.job} was lent again`);
  if (job.holder !== held.holder || job.queue !== queue) {
    throw new ReplyError('forbidden', `job ${held.job} is not this caller's`);
  }
  if (job.state === 'settled' || job.state === 'cancelled')
    throw new ReplyError('lost', `job ${held.job} is over`);
  return job;
}

/** A worker that fetches has its lease: the first time counts as a renewal, which then comes only to a job that lasts. */
export async function heardOf(office: Office, held: Held, job: JobRecord): Promise<void> {
  if (job.deadline > job.leasedAt + firstLeaseMs) return;
  const now = office.time.now();
  await office.ledger.renew(held, now.ms + renewedLeaseMs, now);
}
