import { z } from 'zod';
import { defineContract } from './contract.ts';
import { buildId, count, dist, fingerprint, jobId, version1 } from './fields.ts';
import { queues } from './job.ts';

/** `rebuilder.Control+VERB`: steers jobs that are waiting or running. */

export const verbs = ['cancel', 'requeue', 'pause', 'resume', 'drain', 'resign'] as const;
export type Verb = (typeof verbs)[number];

const which = z.union([
  z.strictObject({ job: jobId }),
  z.strictObject({ build: buildId }),
  z.strictObject({ queue: z.enum(queues) }),
  z.strictObject({ dist }),
  z.strictObject({ all: z.literal(true) }),
]);
export type Which = z.infer<typeof which>;

const request = z.strictObject({ v: version1.default(1), which });
/** `resign` may also be asked for what a key signed that is not to be believed any more. */
const replacement = z.strictObject({
  v: version1.default(1),
  which: z.strictObject({ signedBy: fingerprint }),
  /**
   * `rebuild`: builds whose rebuilt files are gone begin again, too; `withdraw`: what was asked for before and came to
   * nothing leaves the publication; `believe`: the key is good after all.
   */
  how: z.enum(['sign', 'rebuild', 'withdraw', 'believe']).default('sign'),
});
const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  changed: count,
  /** Documents that left the publication at once. */
  withdrawn: count.default(0),
});

export type Replacement = z.infer<typeof replacement>;
export type ControlRequest = z.infer<typeof request> | Replacement;
export type ControlReply = z.infer<typeof reply>;

export const control = defineContract({
  service: 'rebuilder.Control',
  door: 'orchestrator',
  kind: 'socket',
  allowed: {
    cancel: ['admin'],
    requeue: ['admin'],
    pause: ['admin'],
    resume: ['admin'],
    drain: ['admin'],
    resign: ['admin'],
  },
  maxRequestObjects: 0,
  maxReplyObjects: 0,
  maxObjectBytes: 0,
  request: (verb: Verb): z.ZodType<ControlRequest> =>
    verb === 'resign' ? z.union([request, replacement]) : request,
  reply: () => reply,
});
