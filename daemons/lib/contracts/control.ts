import { z } from 'zod';
import { defineContract } from './contract.ts';
import { buildId, count, dist, jobId, version1 } from './fields.ts';
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
const reply = z.strictObject({ v: version1, ok: z.literal(true), changed: count });

export type ControlRequest = z.infer<typeof request>;
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
  request: (_verb: Verb) => request,
  reply: () => reply,
});
