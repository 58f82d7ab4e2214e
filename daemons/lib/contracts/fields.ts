import { z } from 'zod';
import { buildParts } from '../domain/build.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseFingerprint,
  parsePoolFileName,
  parsePublicationPath,
  parseRebuilderId,
  parseSha256,
  parseSourceName,
} from '../domain/names.ts';
import { failureCodes, fileVerdicts } from '../domain/verdict.ts';

/** The fields that several contracts share, each capped. */

function named<T>(parse: (untrusted: unknown) => T) {
  return z.string().transform((text, context): T => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : 'malformed' });
      return z.NEVER;
    }
  });
}

export const maxSay = 2_000;
export const maxListed = 500;

export const version1 = z.literal(1);
export const sha256 = named(parseSha256);
export const sourceName = named(parseSourceName);
export const binaryName = named(parseBinaryName);
export const debVersion = named(parseDebVersion);
export const architecture = named(parseArchitecture);
export const poolFileName = named(parsePoolFileName);
export const fingerprint = named(parseFingerprint);
export const publicationPath = named(parsePublicationPath);
export const rebuilderId = named(parseRebuilderId);
export const size = z
  .int()
  .min(0)
  .max(2 ** 40);
export const count = z
  .int()
  .min(0)
  .max(2 ** 31);
/** Milliseconds of wall time, only ever shown. */
export const wallTime = z
  .int()
  .min(0)
  .max(2 ** 53 - 1);
export const seconds = z
  .number()
  .min(0)
  .max(10 ** 8);
export const say = z.string().max(maxSay);
/** Of a closed alphabet, no segment of it `.` or `..`; the grammar is its reader's to judge, row by row. */
export const dist = z
  .string()
  .min(1)
  .max(200)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9.+~_-]*(?:\/[A-Za-z0-9][A-Za-z0-9.+~_-]*)*$/,
    'not a dist such as bookworm.amd64',
  );
export const jobId = z.string().regex(/^[a-z2-7]{16}\.[a-z]{3,12}$/, 'not a job id');
export const buildId = z.string().regex(/^[a-z2-7]{16}$/, 'not a build id');
export const fence = z
  .int()
  .min(1)
  .max(2 ** 50);
export const failureCode = z.enum(failureCodes);
export const fileVerdict = z.enum(fileVerdicts);
export const parts = z.array(z.enum(buildParts)).min(1).max(2);
/** How many objects follow the header as frames; absent means none. */
export function objects(max: number) {
  return z.int().min(1).max(max).optional();
}

export const environmentSource = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('inferred') }),
  z.strictObject({ kind: z.literal('buildinfo'), objects: z.array(sha256).min(1).max(20) }),
  z.strictObject({ kind: z.literal('buildinfo-at'), urls: z.array(z.string().max(1_000)).min(1).max(20) }),
]);

/** Which build it is, as everyone outside knows it. */
export const buildIdentity = z.strictObject({
  dist,
  source: sourceName,
  sourceVersion: debVersion,
  version: debVersion,
  architecture,
  parts,
});

export const buildSpec = buildIdentity.extend({
  environment: environmentSource,
  evidence: sha256,
});

export const officialFile = z.strictObject({ name: poolFileName, sha256, size });
