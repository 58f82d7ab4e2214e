import { maxBuildinfoBytes, type TriggerReply, type TriggerRequest } from '../../lib/contracts/trigger.ts';
import { DistError, parseDist } from '../../lib/domain/dist.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import type { IncomingObject } from '../../lib/wire/frame.ts';
import { type Answer, ReplyError } from '../../lib/wire/serve.ts';
import { feedJob, feedOnlyJob, reportJob, uploadJob } from '../jobs.ts';
import type { JobSpec } from '../ledger/port.ts';
import { asReplyError } from './fetches.ts';
import type { Office } from './office.ts';

const maxNamed = 500;

/** `rebuilder.Trigger`: asks for work now. */
export async function triggerDoor(
  office: Office,
  request: TriggerRequest,
  objects: AsyncIterable<IncomingObject>,
): Promise<Answer> {
  const jobs = await jobsOf(office, request, objects);
  const submitted = await office.ledger.submit(jobs, office.time.now());
  office.wakeups.wake(new Set(jobs.map((job) => job.queue)));
  const first = jobs[0];
  office.log.notice('triggered', { what: request.kind, about: first?.about ?? 'nothing', submitted });
  const reply: Omit<TriggerReply, 'v' | 'ok'> = {
    submitted,
    jobs: jobs.slice(0, maxNamed).map((job) => job.id),
  };
  return { reply };
}

async function jobsOf(
  office: Office,
  request: TriggerRequest,
  objects: AsyncIterable<IncomingObject>,
): Promise<JobSpec[]> {
  switch (request.kind) {
    case 'get':
      return feeds(office, request.dist);
    case 'rebuild': {
      for (const dist of request.dists) checkDist(dist);
      const { dists, source, version } = request;
      const buildinfos = await receive(office, objects);
      return [feedOnlyJob({ dists, source, version: version ?? null, buildinfos })];
    }
    case 'report':
      return [reportJob()];
    case 'upload':
      return [uploadJob()];
  }
}

function feeds({ settings }: Office, dist: string | undefined): JobSpec[] {
  const configured = settings.dists.map((one) => one.dist);
  if (dist !== undefined && !configured.includes(dist)) {
    throw new ReplyError('refused', `dist ${dist} is not in rebuilder.conf`);
  }
  return (dist === undefined ? configured : [dist]).map(feedJob);
}

function checkDist(dist: string): void {
  try {
    parseDist(dist);
  } catch (error) {
    if (error instanceof DistError) throw new ReplyError('refused', error.message, { cause: error });
    throw error;
  }
}

async function receive(office: Office, objects: AsyncIterable<IncomingObject>): Promise<Sha256[]> {
  const received: Sha256[] = [];
  try {
    for await (const object of objects) {
      received.push((await office.objects.put(object.bytes, maxBuildinfoBytes)).sha256);
      await object.sha256;
    }
  } catch (error) {
    throw asReplyError(error);
  }
  await office.ledger.received('trigger', received);
  return received;
}
