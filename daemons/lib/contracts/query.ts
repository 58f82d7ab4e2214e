import { z } from 'zod';
import { defineContract } from './contract.ts';
import {
  buildId,
  dist,
  fingerprint,
  jobId,
  maxListed,
  objects,
  sha256,
  size,
  sourceName,
  version1,
} from './fields.ts';
import { queues } from './job.ts';

/**
 * `rebuilder.Query+VIEW`: reads. `status` with an empty input answers plain text for people; every other reply
 * carries its rows as object 0, JSON lines of the view's row type (documents/views.ts), and a cursor.
 */

export const views = [
  'status',
  'jobs',
  'results',
  'result',
  'history',
  'signed',
  'log',
  'metrics',
  'object',
  'publication',
] as const;
export type View = (typeof views)[number];

const page = {
  v: version1.default(1),
  cursor: z.string().max(300).optional(),
  limit: z.int().min(1).max(10_000).default(1_000),
};

const requests = {
  status: z.strictObject({ v: version1.default(1), format: z.enum(['text', 'json']).default('text') }),
  jobs: z.strictObject({
    ...page,
    queue: z.enum(queues).optional(),
    state: z.enum(['pending', 'leased', 'settled', 'set-aside', 'cancelled']).optional(),
    build: buildId.optional(),
  }),
  results: z.strictObject({ ...page, dist: dist.optional(), source: sourceName.optional() }),
  /** One build's result whole. */
  result: z.strictObject({ v: version1.default(1), build: buildId }),
  /** The verdicts that one build was settled with, the oldest first. */
  history: z.strictObject({ ...page, build: buildId }),
  /** The builds of which something published is signed by a key. */
  signed: z.strictObject({ ...page, key: fingerprint }),
  /** A job's log from `offset` on: live while it runs, whole once it is settled. */
  log: z.strictObject({ v: version1.default(1), job: jobId, offset: size.default(0) }),
  metrics: z.strictObject({ v: version1.default(1) }),
  /** Objects that a settled result or the publication refers to. */
  object: z.strictObject({ v: version1.default(1), sha256: z.array(sha256).min(1).max(maxListed) }),
  /** What is published now: JSON lines of PublicationEntry. */
  publication: z.strictObject({ v: version1.default(1) }),
} as const;
export type QueryRequests = Readonly<{ [V in View]: z.infer<(typeof requests)[V]> }>;
export type QueryRequest = QueryRequests[View];

const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  /** Where the next page begins; null at the end. */
  cursor: z.string().max(300).nullable().default(null),
  /** For `log`: whether the job still runs, and where the log's bytes begin. */
  running: z.boolean().optional(),
  offset: size.optional(),
  objects: objects(maxListed),
});
export type QueryReply = z.infer<typeof reply>;

export const maxViewBytes = 2 ** 36;

export const query = defineContract({
  service: 'rebuilder.Query',
  door: 'orchestrator',
  kind: 'socket',
  allowed: {
    status: ['admin'],
    jobs: ['admin'],
    results: ['admin', 'reporter'],
    result: ['admin', 'reporter'],
    history: ['admin'],
    signed: ['admin'],
    log: ['admin', 'reporter'],
    metrics: ['admin', 'reporter'],
    object: ['admin'],
    publication: ['admin', 'reporter'],
  },
  maxRequestObjects: 0,
  maxReplyObjects: maxListed,
  maxObjectBytes: maxViewBytes,
  request: (view: View) => requests[view] as unknown as z.ZodType<QueryRequest>,
  reply: () => reply,
});
