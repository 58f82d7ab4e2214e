import { z } from 'zod';
import type { Caller } from './contract.ts';
import {
  buildId,
  buildSpec,
  count,
  debVersion,
  dist,
  fence,
  jobId,
  publicationPath,
  sha256,
  sourceName,
} from './fields.ts';

/** What a job asks of the role that leases it: small, with the sha256 of whatever is large. */

export const queues = ['get', 'rebuild', 'attest', 'diff', 'report', 'upload'] as const;
export type Queue = (typeof queues)[number];

/** Who does the work of each queue: the only callers of the four services that a lease is for. */
export const queueWorkers = {
  get: ['getter'],
  rebuild: ['rebuilder'],
  attest: ['attester'],
  diff: ['rebuilder'],
  report: ['reporter'],
  upload: ['uploader'],
} as const satisfies Record<Queue, readonly Caller[]>;

export const maxFilesAhead = 100;

const resumePoint = z.string().max(4_000);

export const getPayload = z.discriminatedUnion('kind', [
  /** Reads the archive of these dists; with `only`, for that one source and nothing else. */
  z.strictObject({
    kind: z.literal('feed'),
    dists: z.array(dist).min(1).max(20),
    only: z
      .strictObject({
        source: sourceName,
        version: debVersion.nullable(),
        buildinfos: z.array(sha256).max(20),
      })
      .nullable(),
    resume: resumePoint.nullable(),
  }),
  /** Finds source and exact dependencies of one build. */
  z.strictObject({ kind: z.literal('inputs'), build: buildSpec }),
  /** Brings the official files for people to compare, after the verdict is settled. */
  z.strictObject({ kind: z.literal('official'), build: buildSpec }),
]);

export const rebuildPayload = z.strictObject({
  kind: z.enum(['deb', 'rpm']),
  /** The Recipe document: the blinded buildinfo and the inputs. */
  recipe: sha256,
});

export const attestPayload = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('build'),
    build: buildSpec,
    recipe: sha256,
    report: sha256,
    /** The original buildinfo, if the environment came from one. */
    buildinfo: sha256.nullable(),
    /** Files of the report, where they are few and small: they come in one call with it. It alone says what they are. */
    files: z.array(sha256).max(maxFilesAhead).default([]),
    /** Links and statements published earlier for the same source and version: what they say is kept after they were checked. */
    earlier: z.array(z.strictObject({ path: publicationPath, sha256 })).max(40),
  }),
  z.strictObject({ kind: z.literal('manifest'), publication: sha256 }),
]);

/** Builds that a job of them all names. */
export const maxCarried = 400;

/**
 * The builds that got a verdict since the last such job was done, the newest first, so that the journals say which build
 * went when; nothing else rests on it. `last` is the number of the last verdict.
 */
const carried = z.strictObject({ builds: z.array(buildId).max(maxCarried), more: count, last: count });
export type Carried = z.infer<typeof carried>;

export const reportPayload = z.strictObject({ kind: z.literal('results'), carried: carried.optional() });

export const uploadPayload = z.strictObject({
  kind: z.literal('publication'),
  /** The Publication document: every path with its sha256. */
  publication: sha256,
  carried: carried.optional(),
});

export const diffPayload = z.strictObject({ kind: z.literal('diff'), report: sha256, official: sha256 });

export const payloads = {
  get: getPayload,
  rebuild: rebuildPayload,
  attest: attestPayload,
  diff: diffPayload,
  report: reportPayload,
  upload: uploadPayload,
} as const satisfies Record<Queue, z.ZodType>;

export type GetPayload = z.infer<typeof getPayload>;
export type RebuildPayload = z.infer<typeof rebuildPayload>;
export type AttestPayload = z.infer<typeof attestPayload>;
export type DiffPayload = z.infer<typeof diffPayload>;
export type ReportPayload = z.infer<typeof reportPayload>;
export type UploadPayload = z.infer<typeof uploadPayload>;
export type Payloads = Readonly<{
  get: GetPayload;
  rebuild: RebuildPayload;
  attest: AttestPayload;
  diff: DiffPayload;
  report: ReportPayload;
  upload: UploadPayload;
}>;

/** A job as its lessee sees it. */
export const leasedJob = z.strictObject({
  id: jobId,
  fence,
  /** Milliseconds until the lease ends unless it is renewed. */
  leaseMs: z.int().min(1_000).max(86_400_000),
  /** For `journalctl`: what the job is about. */
  about: z.string().max(300),
  payload: z.unknown(),
});
