import { z } from 'zod';
import { defineContract, parseWith } from './contract.ts';
import { maxNotices, noticeSchema } from './documents/notice.ts';
import { architecture, version1 } from './fields.ts';
import { leasedJob, type Payloads, payloads, type Queue, queueWorkers } from './job.ts';

/** `rebuilder.Lease+QUEUE`: waits for a job (long poll), lends it. DESIGN §3. */

export const leasePollMs = 300_000;
export const firstLeaseMs = 60_000;

const request = z.strictObject({
  v: version1.default(1),
  /** Which kinds of the queue's jobs the caller has a free slot for; absent means any. */
  kinds: z
    .array(z.string().regex(/^[a-z]{2,20}$/))
    .max(10)
    .optional(),
  /** Milliseconds the caller is willing to wait. */
  waitMs: z.int().min(0).max(leasePollMs).default(leasePollMs),
  capabilities: z
    .strictObject({
      architectures: z.array(architecture).max(20),
      cores: z.int().min(1).max(4_096),
      memoryMiB: z
        .int()
        .min(1)
        .max(2 ** 30),
    })
    .optional(),
  /** What people are to know of the caller, in place of what it said before. */
  notices: z.array(noticeSchema).max(maxNotices).default([]),
});
export type LeaseRequest = z.input<typeof request>;

const reply = z.strictObject({ v: version1, ok: z.literal(true), job: leasedJob.nullable() });

export type LeasedJob<Q extends Queue> = Readonly<{
  id: string;
  fence: number;
  leaseMs: number;
  about: string;
  payload: Payloads[Q];
}>;
export type LeaseReply = z.infer<typeof reply>;

export const lease = defineContract({
  service: 'rebuilder.Lease',
  door: 'orchestrator',
  kind: 'socket',
  allowed: queueWorkers,
  maxRequestObjects: 0,
  maxReplyObjects: 0,
  maxObjectBytes: 0,
  request: () => request,
  reply: () => reply,
});

/** The payload of a leased job, parsed as its queue's. */
export function parsePayload<Q extends Queue>(queue: Q, untrusted: unknown): Payloads[Q] {
  return parseWith<unknown>(payloads[queue], untrusted, `job of queue ${queue}`) as Payloads[Q];
}
