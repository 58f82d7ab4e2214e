import { query } from '../lib/contracts/query.ts';
import type { Context } from './context.ts';

export interface FollowOptions {
  readonly follow: boolean;
  readonly write: (bytes: Buffer) => void;
}

/** A running job's log reaches the orchestrator about once a minute: asking oftener than this shows nothing new. */
const followEveryMs = 2_000;

/** Writes a job's log from its beginning; with `follow`, also what comes until the job has ended. */
export async function followLog(
  context: Pick<Context, 'caller' | 'clock' | 'stop'>,
  job: string,
  { follow, write }: FollowOptions,
): Promise<void> {
  let offset = 0;
  for (;;) {
    const { length, running } = await readLog(context, job, offset, write);
    offset += length;
    if (!follow || !running) return;
    await context.clock.sleep(followEveryMs, context.stop);
  }
}

/** Writes what there is of a log from `offset` on. */
export async function readLog(
  { caller, stop }: Pick<Context, 'caller' | 'stop'>,
  job: string,
  offset: number,
  write: (bytes: Buffer) => void,
): Promise<{ length: number; running: boolean }> {
  const { reply, objects, done } = await caller.call(query, 'log', { job, offset }, { signal: stop });
  let length = 0;
  for await (const object of objects) {
    for await (const chunk of object.bytes) {
      length += chunk.length;
      write(chunk);
    }
  }
  await done();
  return { length, running: reply.running ?? false };
}
