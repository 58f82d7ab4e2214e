import { z } from 'zod';
import { buildVerdicts, shownStates } from '../../domain/verdict.ts';
import { parseWith } from '../contract.ts';
import {
  buildId,
  buildSpec,
  count,
  debVersion,
  dist,
  failureCode,
  fingerprint,
  jobId,
  parts,
  publicationPath,
  say,
  seconds,
  sha256,
  sourceName,
  wallTime,
} from '../fields.ts';
import { queues } from '../job.ts';
import { maxSigners } from './attestation.ts';
import { judgedFileSchema } from './judged-file.ts';
import { noticeSchema } from './notice.ts';

/** The rows that `rebuilder.Query` answers with, as JSON lines. */

const jobRow = z.strictObject({
  id: jobId,
  build: buildId.nullable(),
  queue: z.enum(queues),
  kind: z.string().max(20),
  about: z.string().max(300),
  state: z.enum(['pending', 'leased', 'settled', 'set-aside', 'cancelled']),
  holder: z.string().max(63).nullable(),
  tries: count,
  submitted: wallTime,
  changed: wallTime,
  progress: z.string().max(300).nullable(),
  /** Why it failed last, if it did. */
  code: failureCode.nullable().default(null),
  say: say.nullable(),
});
export type JobRow = z.infer<typeof jobRow>;

const phaseSeconds = z.strictObject({
  get: seconds.nullable(),
  inputs: seconds.nullable(),
  environment: seconds.nullable(),
  build: seconds.nullable(),
  attest: seconds.nullable(),
});
export type PhaseSeconds = z.infer<typeof phaseSeconds>;

/** One that was signed, and when: what was published for it stays, whatever a later attempt comes to. */
const attestedVerdict = z.strictObject({ verdict: z.enum(buildVerdicts), at: wallTime });
export type AttestedVerdict = z.infer<typeof attestedVerdict>;

const resultRow = z.strictObject({
  build: buildId,
  dist,
  source: sourceName,
  version: debVersion,
  sourceVersion: debVersion,
  parts,
  environment: z.enum(['buildinfo', 'inferred']),
  selfHosted: z.boolean(),
  /** What people see now. */
  state: z.enum(shownStates),
  /** null until settled. */
  verdict: z.enum(buildVerdicts).nullable(),
  code: failureCode.nullable(),
  say,
  files: z.array(judgedFileSchema).max(4_000),
  seconds: phaseSeconds,
  log: sha256.nullable(),
  attestation: sha256.nullable(),
  /** Of each verdict that was signed, the last time, the oldest first; `failure` is one that was signed in part. */
  attested: z.array(attestedVerdict).max(buildVerdicts.length).default([]),
  changed: wallTime,
});
export type ResultRow = z.infer<typeof resultRow>;

/** `history`: one verdict that a build was settled with. */
const verdictRow = z.strictObject({
  build: buildId,
  at: wallTime,
  verdict: z.enum(buildVerdicts),
  code: failureCode.nullable(),
  say,
  /** The attester's document, kept as long as the verdict. */
  attestation: sha256.nullable(),
  /** Fingerprints of the keys that signed what was published for it. */
  signedBy: z.array(fingerprint).max(maxSigners),
});
export type VerdictRow = z.infer<typeof verdictRow>;

/** What it takes to replace the documents of a build that a key signed. */
export const signedNexts = ['sign', 'rebuild', 'wait', 'withdraw'] as const;

/** `signed`: a build of which something published is signed by a key. */
const signedRow = z.strictObject({
  build: buildId,
  dist,
  source: sourceName,
  version: debVersion,
  state: z.enum(shownStates),
  /** How many documents. */
  documents: count,
  /**
   * `sign`: its rebuilt files are here; `rebuild`: they are not; `wait`: it is being done anew; `withdraw`: others stand in
   * the place of all of them.
   */
  next: z.enum(signedNexts),
});
export type SignedRow = z.infer<typeof signedRow>;

/** `result`: the row, what it refers to, and the build. */
const resultWhole = z.strictObject({
  row: resultRow,
  spec: buildSpec,
  recipe: sha256.nullable(),
  report: sha256.nullable(),
  buildinfo: sha256.nullable(),
  evidence: sha256,
  publish: z.array(z.strictObject({ path: publicationPath, sha256 })).max(20_000),
});
export type ResultWhole = z.infer<typeof resultWhole>;

/** Dists that one suite may follow, and workers that may call on it. */
export const maxDists = 2_000;
export const maxWorkers = 2_000;
/** Notices that `status` tells, of all workers together, and keys that are being replaced. */
export const maxNoticesTold = 500;
export const maxRevokedTold = 100;
const bytes = z.int().min(0);

const statusView = z.strictObject({
  version: z.string().max(60),
  now: wallTime,
  queues: z
    .array(
      z.strictObject({
        queue: z.enum(queues),
        pending: count,
        leased: count,
        setAside: count,
        paused: z.boolean(),
      }),
    )
    .max(queues.length),
  states: z
    .array(z.strictObject({ dist, state: z.enum(shownStates), count }))
    .max(maxDists * shownStates.length),
  workers: z
    .array(
      z.strictObject({
        qube: z.string().max(63),
        queue: z.enum(queues),
        lastSeen: wallTime,
        jobs: z.array(jobId).max(64),
      }),
    )
    .max(maxWorkers),
  feeds: z
    .array(
      z.strictObject({
        dist,
        lastRead: wallTime.nullable(),
        say: say.nullable(),
        next: wallTime.nullable(),
      }),
    )
    .max(maxDists),
  /** What roles want people to know: keys and layouts whose end is near, say. */
  notices: z
    .array(noticeSchema.extend({ qube: z.string().max(63), queue: z.enum(queues) }))
    .max(maxNoticesTold)
    .default([]),
  /** Keys that are being replaced, and how many builds each still signed. */
  revoked: z
    .array(z.strictObject({ key: fingerprint, since: wallTime, builds: count, stillSigns: z.boolean() }))
    .max(maxRevokedTold)
    .default([]),
  /** null where only the disk is the limit. */
  objects: z.strictObject({ count, bytes, quotaBytes: bytes.nullable() }),
});
export type StatusView = z.infer<typeof statusView>;

export function parseJobRow(untrusted: unknown): JobRow {
  return parseWith(jobRow, untrusted, 'row of view jobs');
}
export function parseResultRow(untrusted: unknown): ResultRow {
  return parseWith(resultRow, untrusted, 'row of view results');
}
export function parseVerdictRow(untrusted: unknown): VerdictRow {
  return parseWith(verdictRow, untrusted, 'row of view history');
}
export function parseSignedRow(untrusted: unknown): SignedRow {
  return parseWith(signedRow, untrusted, 'row of view signed');
}
export function parseResultWhole(untrusted: unknown): ResultWhole {
  return parseWith(resultWhole, untrusted, 'view result');
}
export function parseStatusView(untrusted: unknown): StatusView {
  return parseWith(statusView, untrusted, 'view status');
}
