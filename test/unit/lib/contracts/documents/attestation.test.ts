import fc from 'fast-check';
import { parseAttestation } from '../../../../../daemons/lib/contracts/documents/attestation.ts';
import {
  failureCodes,
  fingerprints,
  judgedFiles,
  nullableOfJudgedFile,
  publicationPaths,
  sha256s,
  sizes,
  some,
  texts,
} from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';

describeParser({
  what: 'an attestation',
  parse: parseAttestation,
  valid: fc.record({
    v: fc.constant(1),
    verdict: fc.constantFrom('reproducible', 'unreproducible', 'failure'),
    code: failureCodes,
    say: texts,
    environment: fc.constantFrom('buildinfo', 'inferred'),
    selfHosted: fc.boolean(),
    files: some(judgedFiles),
    publish: some(
      fc.record({ path: publicationPaths, sha256: sha256s, size: sizes, signedBy: fingerprints }),
    ),
    signedBy: some(fingerprints),
  }),
  optional: ['publish.*.signedBy'],
  nullable: ['code', ...nullableOfJudgedFile],
  texts: { say: 2_000 },
  lists: { files: 4_000, publish: 20_000, '/signedBy': 4 },
});
