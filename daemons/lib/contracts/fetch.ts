import { z } from 'zod';
import { defineContract } from './contract.ts';
import { fence, jobId, objects, sha256, version1 } from './fields.ts';
import { queueWorkers } from './job.ts';

/** `rebuilder.Fetch+QUEUE`: streams input objects of a leased job, or says which of some are already kept. */

export const maxFetched = 800;
export const maxInputBytes = 2 ** 36;

const request = z.strictObject({
  v: version1.default(1),
  job: jobId,
  fence,
  /**
   * `content`: the objects, in the order asked; only those the job refers to.
   * `presence`: one digit each, `1` if the store holds it from this same queue, so that it need not be sent.
   */
  want: z.enum(['content', 'presence']),
  sha256: z.array(sha256).min(1).max(maxFetched),
});
export type FetchRequest = z.input<typeof request>;

const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  present: z
    .string()
    .regex(/^[01]*$/)
    .max(maxFetched)
    .optional(),
  objects: objects(maxFetched),
});
export type FetchReply = z.infer<typeof reply>;

export const fetchObjects = defineContract({
  service: 'rebuilder.Fetch',
  door: 'orchestrator',
  kind: 'socket',
  allowed: queueWorkers,
  maxRequestObjects: 0,
  maxReplyObjects: maxFetched,
  maxObjectBytes: maxInputBytes,
  request: () => request,
  reply: () => reply,
});
