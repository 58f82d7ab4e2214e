import { z } from 'zod';
import { defineContract } from './contract.ts';
import { count, fence, jobId, objects, say, size, version1 } from './fields.ts';
import { queueWorkers } from './job.ts';

/** `rebuilder.Renew+QUEUE`: one call for all leases of a worker; carries progress and the live log's tail. */

export const renewEveryMs = 60_000;
export const renewedLeaseMs = 180_000;
export const maxLeasesPerWorker = 64;
/** Bytes of live log one renewal may carry for one lease. */
export const maxLogChunk = 1_048_576;

const request = z.strictObject({
  v: version1.default(1),
  leases: z
    .array(
      z.strictObject({
        job: jobId,
        fence,
        progress: z
          .strictObject({ stage: z.string().max(60), done: count.nullable(), total: count.nullable(), say })
          .optional(),
        /** The log's bytes from `offset` on are the object of this index; sent again, it changes nothing. */
        log: z
          .strictObject({
            offset: size,
            object: z
              .int()
              .min(0)
              .max(maxLeasesPerWorker - 1),
          })
          .optional(),
      }),
    )
    .max(maxLeasesPerWorker),
  objects: objects(maxLeasesPerWorker),
});
export type RenewRequest = z.input<typeof request>;

const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  leases: z
    .array(z.strictObject({ job: jobId, answer: z.enum(['held', 'cancelled', 'lost']) }))
    .max(maxLeasesPerWorker),
});
export type RenewReply = z.infer<typeof reply>;

export const renew = defineContract({
  service: 'rebuilder.Renew',
  door: 'orchestrator',
  kind: 'socket',
  allowed: queueWorkers,
  maxRequestObjects: maxLeasesPerWorker,
  maxReplyObjects: 0,
  maxObjectBytes: maxLogChunk,
  request: () => request,
  reply: () => reply,
});
