import type { Queue } from '../../lib/contracts/job.ts';
import { maxReturnedBytes, type returnOutcome } from '../../lib/contracts/return.ts';
import type { QubeName, Sha256 } from '../../lib/domain/names.ts';
import type { IncomingObject } from '../../lib/wire/frame.ts';
import { type Answer, ReplyError } from '../../lib/wire/serve.ts';
import { deliver } from '../deliver.ts';
import type { Ending, Held, JobRecord } from '../ledger/port.ts';
import { follow } from '../pipeline.ts';
import { asReplyError } from './fetches.ts';
import type { Office } from './office.ts';

type Request = ReturnType<typeof returnOutcome.parseRequest>;

/** Objects noted as received together. */
const notedAtOnce = 64;
/** Objects that the disk may still be busy with while another arrives. */
const writtenAtOnce = 4;

/** `rebuilder.Return`: takes in the outcome's objects, checks what it says, settles the lease. */
export async function returnDoor(
  office: Office,
  source: QubeName,
  queue: Queue,
  request: Request,
  objects: AsyncIterable<IncomingObject>,
): Promise<Answer> {
  const held: Held = { job: request.job, fence: request.fence, holder: source };
  const job = await office.history.job(held.job);
  const standing = await office.history.standing(held, request.digest);
  if (standing === 'foreign' || (job !== undefined && job.queue !== queue)) {
    throw new ReplyError('forbidden', `job ${held.job} is not this caller's`);
  }
  if (standing !== 'open' || job === undefined) return { reply: { result: standing } };
  try {
    await receive(office, queue, objects);
    const result = await settle(office, held, job, request);
    return { reply: { result } };
  } catch (error) {
    throw asReplyError(error);
  }
}

/**
 * What arrived stays, and is known to have come from this queue, even if the call breaks off afterwards. While one object
 * is made durable the next ones arrive.
 */
async function receive(office: Office, queue: Queue, objects: AsyncIterable<IncomingObject>): Promise<void> {
  let putting: Promise<Sha256>[] = [];
  const note = async () => {
    const put = await Promise.allSettled(putting);
    putting = [];
    const received = put.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
    if (received.length > 0) await office.ledger.received(queue, received);
    for (const one of put) if (one.status === 'rejected') throw one.reason;
  };
  try {
    for await (const object of objects) {
      const put = office.objects.put(object.bytes, maxReturnedBytes[queue]).then(({ sha256 }) => sha256);
      putting.push(put);
      await Promise.race([object.sha256, put]);
      await putting.at(-writtenAtOnce);
      if (putting.length >= notedAtOnce) await note();
    }
  } finally {
    await note();
  }
}

async function settle(
  office: Office,
  held: Held,
  job: JobRecord,
  { digest, outcome }: Request,
): Promise<'settled' | 'already' | 'lost'> {
  const { history, logs, objects, time, settings } = office;
  const delivered = await deliver(job, outcome, office);
  const result = job.build === null ? undefined : await history.result(job.build);
  const now = time.now();
  const following = follow(job, delivered, result, now.ms, settings);
  const isOver = following.disposition.is !== 'handed-back';
  const log = following.log ?? (isOver ? await logs.keep(job.id, job.fence, objects) : null);
  const settled = await office.ledger.settle(held, { ...following, log, digest, outcome }, now);
  if (settled === 'settled') await after(office, held, job, following);
  return settled;
}

async function after(
  office: Office,
  held: Held,
  job: JobRecord,
  following: Pick<Ending, 'disposition' | 'next' | 'say'>,
): Promise<void> {
  const { disposition, next, say } = following;
  office.workers.returned(held.holder, job.queue, job.id);
  await office.logs.remove(job.id, job.fence);
  const fields = { qube: held.holder, about: job.about, say, job: job.id };
  if ('code' in disposition) office.log.warning(disposition.is, { code: disposition.code, ...fields });
  else office.log.info(disposition.is, fields);
  if ('list' in next) office.expand();
  // A group's or the getter's head start may be free again, besides what follows.
  office.wakeups.wake(new Set([job.queue, 'get', ...('list' in next ? [] : next.map((spec) => spec.queue))]));
  office.room.tidy().catch((error: unknown) => office.log.error('collection failed', { say: String(error) }));
}
