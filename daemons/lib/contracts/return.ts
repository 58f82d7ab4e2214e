import { z } from 'zod';
import { faults } from '../domain/verdict.ts';
import { defineContract } from './contract.ts';
import {
  count,
  failureCode,
  fence,
  jobId,
  maxListed,
  objects,
  officialFile,
  say,
  sha256,
  version1,
} from './fields.ts';
import { type Queue, queueWorkers } from './job.ts';

/** `rebuilder.Return+QUEUE`: streams the outcome's objects and settles the lease. Repeats safely. */

export const maxReturned = 2_000;
/** Bytes of one object, by what the queue's workers make: files of packages, or documents and pages. */
export const maxReturnedBytes: Readonly<Record<Queue, number>> = {
  get: 2 ** 36,
  rebuild: 2 ** 36,
  attest: 2 ** 28,
  diff: 2 ** 28,
  report: 2 ** 28,
  upload: 0,
};

const failed = z.strictObject({
  status: z.literal('failed'),
  code: failureCode,
  fault: z.enum(faults),
  say,
  log: sha256.nullable(),
  /** What the signed index names for the build, when that is known. */
  files: z.array(officialFile).max(maxListed).default([]),
});
export type FailedOutcome = z.infer<typeof failed>;

/** A role that is told to stop hands its lease back: the job is pending again at no cost. */
const handedBack = z.strictObject({ status: z.literal('handed-back'), say });

/** `get`: a feed's builds (JSON lines of FeedBuild), or the inputs of one build. */
const getDone = z.discriminatedUnion('kind', [
  z.strictObject({
    status: z.literal('done'),
    kind: z.literal('feed'),
    builds: sha256.nullable(),
    count,
    resume: z.string().max(4_000).nullable(),
    say,
  }),
  z.strictObject({
    status: z.literal('done'),
    kind: z.literal('inputs'),
    recipe: sha256,
    buildinfo: sha256.nullable(),
  }),
  z.strictObject({
    status: z.literal('done'),
    kind: z.literal('official'),
    files: z.array(officialFile).max(maxListed),
  }),
]);

const rebuildDone = z.strictObject({ status: z.literal('done'), report: sha256 });
const attestDone = z.strictObject({ status: z.literal('done'), attestation: sha256 });
const diffDone = z.strictObject({ status: z.literal('done'), text: sha256.nullable() });
const reportDone = z.strictObject({ status: z.literal('done'), pages: sha256 });
const uploadDone = z.strictObject({ status: z.literal('done'), sent: count, say });

const outcomes = {
  get: z.union([getDone, failed, handedBack]),
  rebuild: z.union([rebuildDone, failed, handedBack]),
  attest: z.union([attestDone, failed, handedBack]),
  diff: z.union([diffDone, failed, handedBack]),
  report: z.union([reportDone, failed, handedBack]),
  upload: z.union([uploadDone, failed, handedBack]),
} as const satisfies Record<Queue, z.ZodType>;

export type Outcomes = Readonly<{ [Q in Queue]: z.infer<(typeof outcomes)[Q]> }>;
export type Outcome = Outcomes[Queue];

function request(queue: Queue) {
  return z.strictObject({
    v: version1.default(1),
    job: jobId,
    fence,
    /** sha256 of the outcome's JSON as sent: an equal one under an equal fence is a repetition. */
    digest: sha256,
    outcome: outcomes[queue] as z.ZodType<Outcome>,
    objects: objects(maxReturned),
  });
}
export type ReturnRequest = z.infer<ReturnType<typeof request>>;

const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  result: z.enum(['settled', 'already', 'lost']),
});
export type ReturnReply = z.infer<typeof reply>;

export const returnOutcome = defineContract({
  service: 'rebuilder.Return',
  door: 'orchestrator',
  kind: 'socket',
  allowed: queueWorkers,
  maxRequestObjects: maxReturned,
  maxReplyObjects: 0,
  maxObjectBytes: Math.max(...Object.values(maxReturnedBytes)),
  request: (queue: Queue) => request(queue),
  reply: () => reply,
});
