import { JobFailure } from '../lib/contracts/job-failure.ts';
import type { Done, JobContext } from '../lib/worker/worker.ts';
import { asJobFailure } from './failures.ts';
import { feedJob } from './feed-job.ts';
import { inputsJob } from './inputs/inputs-job.ts';
import { officialJob } from './official-job.ts';
import type { Parts } from './parts.ts';

/** Does one job of queue `get`. */
export async function handle(context: JobContext<'get'>, parts: Parts): Promise<Done<'get'>> {
  const { payload } = context.job;
  try {
    switch (payload.kind) {
      case 'feed':
        return await feedJob(context, payload, parts);
      case 'inputs':
        return await inputsJob(context, payload.build, parts);
      case 'official':
        return await officialJob(context, payload.build, parts);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    const failure = asJobFailure(error);
    if (failure instanceof JobFailure) context.log.warning(failure.say, { code: failure.code });
    throw failure;
  }
}
