import type { FetchReply, fetchObjects } from '../../lib/contracts/fetch.ts';
import type { Queue } from '../../lib/contracts/job.ts';
import type { QubeName, Sha256 } from '../../lib/domain/names.ts';
import { type ObjectStore, StoreError } from '../../lib/objects/store.ts';
import type { OutgoingObject } from '../../lib/wire/frame.ts';
import { type Answer, ReplyError } from '../../lib/wire/serve.ts';
import type { Office } from './office.ts';
import { heardOf, heldJob } from './renewals.ts';

type Request = ReturnType<typeof fetchObjects.parseRequest>;

/** `rebuilder.Fetch`: content of what the leased job refers to; presence of what this queue handed in before. */
export async function fetchDoor(
  office: Office,
  source: QubeName,
  queue: Queue,
  request: Request,
): Promise<Answer> {
  const held = { job: request.job, fence: request.fence, holder: source };
  const job = await heldJob(office, held, queue);
  await heardOf(office, held, job);
  if (request.want === 'presence') {
    let present = '';
    for (const sha256 of request.sha256) present += (await office.stock.holds(sha256, [queue])) ? '1' : '0';
    return { reply: { present } satisfies Partial<FetchReply> };
  }
  try {
    const refused = await office.grants.refused(job, request.sha256);
    if (refused !== undefined)
      throw new ReplyError('forbidden', `job ${job.id} does not refer to object ${refused}`);
  } catch (error) {
    throw asReplyError(error);
  }
  return { reply: {}, objects: await outgoing(office.objects, request.sha256) };
}

/** @throws ReplyError `not-found` before anything is sent */
export async function outgoing(objects: ObjectStore, shas: readonly Sha256[]): Promise<OutgoingObject[]> {
  const found: OutgoingObject[] = [];
  for (const sha256 of shas) {
    try {
      found.push(await objects.object(sha256));
    } catch (error) {
      throw asReplyError(error);
    }
  }
  return found;
}

const replyCodes = {
  missing: 'not-found',
  corrupt: 'not-found',
  'too-large': 'too-large',
  quota: 'disk-full',
  'disk-full': 'disk-full',
} as const;

/** What the store says, in the words of a reply; any other error as it is. */
export function asReplyError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  return new ReplyError(replyCodes[error.code], error.message, { cause: error });
}
