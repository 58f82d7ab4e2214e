import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { buildIdentity, poolFileName, rebuilderId, sha256 } from '../fields.ts';
import { areSorted, malformed, readCanonical } from './canonical.ts';

/**
 * A verdict of ours as an in-toto Statement v1 (facts: in-toto §9; in-toto/attestation, spec/v1/statement.md). The
 * subject is what users get: the official files by the sha256 that a signed index names. The predicate says whether
 * they came out again, and `rebuilt` what came instead. No predicate of in-toto's own says that something did not.
 */

export const statementType = 'https://in-toto.io/Statement/v1';
export const rebuildPredicateType = 'https://github.com/fepitre/package-rebuilder/rebuild/v1';

export const maxStatementBytes = 4 * 1_048_576;
const maxFiles = 4_000;

const file = z.strictObject({ name: poolFileName, digest: z.strictObject({ sha256 }) });
/** UTC, whole seconds: `2026-01-31T12:00:00Z`. */
export const timestamp = z.iso.datetime({ precision: 0 });
const engineVersion = z.string().regex(/^[0-9A-Za-z][0-9A-Za-z.+~-]{0,63}$/, 'not a version');

const fromBuildinfo = z.strictObject({ kind: z.literal('buildinfo'), sha256 });
const inferred = z.strictObject({ kind: z.literal('inferred') });

const said = {
  build: buildIdentity,
  /** The build's environment held a binary of the very source and version under test. */
  selfHosted: z.boolean(),
  /** The evidence document, if one is published. */
  evidence: sha256.nullable(),
  /** Who rebuilt, if the operator gave a name, and the version of this suite. */
  rebuilder: z.strictObject({ id: rebuilderId.nullable(), version: engineVersion }),
  finishedOn: timestamp,
};

const predicate = z.discriminatedUnion('verdict', [
  z.strictObject({
    verdict: z.literal('reproducible'),
    ...said,
    environment: z.discriminatedUnion('kind', [fromBuildinfo, inferred]),
  }),
  z.strictObject({
    verdict: z.literal('unreproducible'),
    ...said,
    /** In an inferred environment a difference proves nothing (DESIGN §4): there is no way to say it here. */
    environment: fromBuildinfo,
    /** What came out instead of each file of the subject, under the same name. */
    rebuilt: z.array(file).min(1).max(maxFiles),
  }),
]);

const statement = z.strictObject({
  _type: z.literal(statementType),
  subject: z.array(file).min(1).max(maxFiles),
  predicateType: z.literal(rebuildPredicateType),
  predicate,
});
export type Statement = z.infer<typeof statement>;

/** The statement's shape; what its parts owe each other is `readStatement`'s. */
export function parseStatement(untrusted: unknown): Statement {
  return parseWith(statement, untrusted, 'statement');
}

/** A statement in the bytes that are its payload, in canonical form, its files sorted by name, each once. */
export function readStatement(untrusted: Uint8Array): Statement {
  const read = readCanonical(untrusted, {
    parse: parseStatement,
    maxBytes: maxStatementBytes,
    what: 'statement',
  });
  const names = read.subject.map(({ name }) => name);
  if (!areSorted(names)) throw malformed('statement', 'subject: not sorted by name, each name once');
  if (read.predicate.verdict === 'unreproducible') checkRebuilt(read.subject, read.predicate.rebuilt);
  return read;
}

function checkRebuilt(subject: Statement['subject'], rebuilt: Statement['subject']): void {
  const isDifferent = (at: number) =>
    rebuilt[at]?.name === subject[at]?.name && rebuilt[at]?.digest.sha256 !== subject[at]?.digest.sha256;
  if (rebuilt.length !== subject.length || !subject.every((_, at) => isDifferent(at))) {
    throw malformed('statement', 'predicate.rebuilt: expected each file of the subject, with another sha256');
  }
}
