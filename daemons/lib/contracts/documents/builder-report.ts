import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { count, failureCode, poolFileName, say, seconds, sha256, size, version1 } from '../fields.ts';

/** What the builder says of one build, from inside the disposable: an opinion, shown to people, never judged by. */

export const maxReportBytes = 4 * 1_048_576;

const timings = z.strictObject({ environment: seconds, build: seconds });

const builderReport = z.strictObject({
  v: version1,
  status: z.enum(['done', 'failed']),
  code: failureCode.nullable(),
  say,
  seconds: timings,
  /** Which limits were in force, and by what: `cgroup v2`, `cgroup v1`, `rlimits`. */
  limitedBy: z.string().max(60),
  /** Whether a kept base was used. */
  base: z.enum(['kept', 'made']),
  /** Files the build made that nobody expects; not sent. */
  extra: z.array(z.string().max(255)).max(1_000),
});
export type BuilderReport = z.infer<typeof builderReport>;

export function parseBuilderReport(untrusted: unknown): BuilderReport {
  return parseWith(builderReport, untrusted, 'builder report');
}

/** What the rebuilder returns for a build: the builder's opinion, and the files by the hashes it took itself. */
const buildReport = z.strictObject({
  v: version1,
  builder: builderReport,
  log: sha256,
  files: z.array(z.strictObject({ name: poolFileName, sha256, size })).max(4_000),
  rebuilder: z.strictObject({ version: z.string().max(60), inputBytes: count.or(size) }),
});
export type BuildReport = z.infer<typeof buildReport>;

export function parseBuildReport(untrusted: unknown): BuildReport {
  return parseWith(buildReport, untrusted, 'build report');
}
