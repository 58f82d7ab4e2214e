import { z } from 'zod';
import { defineContract } from './contract.ts';
import { count, debVersion, dist, jobId, objects, sourceName, version1 } from './fields.ts';

/** `rebuilder.Trigger+QUEUE`: asks for work now. An empty input is the default request: everything. */

export const maxBuildinfos = 20;
export const maxBuildinfoBytes = 4 * 1_048_576;

const get = z.strictObject({
  v: version1.default(1),
  kind: z.literal('get').default('get'),
  /** Absent: every configured dist. */
  dist: dist.optional(),
});
const rebuild = z.strictObject({
  v: version1.default(1),
  kind: z.literal('rebuild').default('rebuild'),
  dists: z.array(dist).min(1).max(20),
  source: sourceName,
  version: debVersion.optional(),
  /** The buildinfos, if the caller has them. */
  objects: objects(maxBuildinfos),
});
const report = z.strictObject({ v: version1.default(1), kind: z.literal('report').default('report') });
const upload = z.strictObject({ v: version1.default(1), kind: z.literal('upload').default('upload') });

const requests = { get, rebuild, report, upload } as const;
export type TriggerArgument = keyof typeof requests;
export type TriggerRequest = z.infer<(typeof requests)[TriggerArgument]>;

const reply = z.strictObject({
  v: version1,
  ok: z.literal(true),
  submitted: count,
  /** Ids of what was submitted, or of the same work that was already waiting; the first of them. */
  jobs: z.array(jobId).max(500),
});
export type TriggerReply = z.infer<typeof reply>;

export const trigger = defineContract({
  service: 'rebuilder.Trigger',
  door: 'orchestrator',
  kind: 'socket',
  allowed: { get: ['admin', 'webhook'], rebuild: ['admin'], report: ['admin'], upload: ['admin'] },
  maxRequestObjects: maxBuildinfos,
  maxReplyObjects: 0,
  maxObjectBytes: maxBuildinfoBytes,
  request: (queue: TriggerArgument) => requests[queue] as z.ZodType<TriggerRequest>,
  reply: () => reply,
});
