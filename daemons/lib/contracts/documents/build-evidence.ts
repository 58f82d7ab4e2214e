import { z } from 'zod';
import { buildVerdicts } from '../../domain/verdict.ts';
import { parseWith } from '../contract.ts';
import { buildIdentity, failureCode, fingerprint, poolFileName, sha256, size, version1 } from '../fields.ts';
import { judgedFileSchema } from './judged-file.ts';

/**
 * What a verdict rests on, published beside it: the signed indexes, the buildinfo, what went in and what came out, so
 * that anyone can ask the same archive and the same files again.
 */

export const maxBuildEvidenceBytes = 16 * 1_048_576;

/** As a Release spells it. */
const name = z.string().max(1_000);

const release = z.strictObject({
  /** Where the getter says that it read it: nothing vouches for that. */
  readFrom: name,
  suite: name,
  names: z.strictObject({ origin: name, label: name, suite: name, codename: name }),
  /** An InRelease, whole; or a Release with its detached signature. */
  sha256,
  signature: sha256.nullable(),
  /** When it says that it was made. */
  date: z.iso.datetime().nullable(),
  signedBy: z.array(fingerprint).max(20),
  indexes: z.array(z.strictObject({ path: z.string().max(300), sha256, size })).max(200),
});

const buildEvidence = z.strictObject({
  v: version1,
  build: buildIdentity,
  verdict: z.enum(buildVerdicts),
  code: failureCode.nullable(),
  environment: z.strictObject({
    kind: z.enum(['buildinfo', 'inferred']),
    /** What vouches for every input. */
    inputsFrom: z.literal('archive'),
    /** It held a binary of the very source and version under test. */
    selfHosted: z.boolean(),
    buildinfo: sha256.nullable(),
  }),
  releases: z.array(release).max(50),
  inputs: z
    .array(z.strictObject({ name: poolFileName, role: z.enum(['source', 'dependency', 'base']), sha256 }))
    .max(20_000),
  files: z.array(judgedFileSchema).max(4_000),
  recipe: sha256,
  engine: z.strictObject({
    kind: z.enum(['deb', 'rpm']),
    attester: z.string().max(60),
    rebuilder: z.string().max(60),
    buildPath: z.string().max(1_000),
  }),
});
export type BuildEvidence = z.infer<typeof buildEvidence>;

export function parseBuildEvidence(untrusted: unknown): BuildEvidence {
  return parseWith(buildEvidence, untrusted, 'evidence');
}
