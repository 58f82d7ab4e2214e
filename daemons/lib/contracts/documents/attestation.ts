import { z } from 'zod';
import { buildVerdicts } from '../../domain/verdict.ts';
import { parseWith } from '../contract.ts';
import { failureCode, fingerprint, publicationPath, say, sha256, size, version1 } from '../fields.ts';
import { judgedFileSchema } from './judged-file.ts';

/** What the attester decided, file by file, and what is to be published for it. */

export const maxAttestationBytes = 16 * 1_048_576;
/** One for each kind of verdict, and room for more. */
export const maxSigners = 4;

const attestation = z.strictObject({
  v: version1,
  verdict: z.enum(buildVerdicts),
  code: failureCode.nullable(),
  say,
  environment: z.enum(['buildinfo', 'inferred']),
  selfHosted: z.boolean(),
  files: z.array(judgedFileSchema).max(4_000),
  /** Documents to be published, each an object of this outcome, with the OpenPGP key that signed it, if one did. */
  publish: z
    .array(z.strictObject({ path: publicationPath, sha256, size, signedBy: fingerprint.optional() }))
    .max(20_000),
  /** Fingerprints of the keys that signed. */
  signedBy: z.array(fingerprint).max(maxSigners),
});
export type Attestation = z.infer<typeof attestation>;

export function parseAttestation(untrusted: unknown): Attestation {
  return parseWith(attestation, untrusted, 'attestation');
}
