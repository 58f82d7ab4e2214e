import fc from 'fast-check';
import { parseBuildEvidence } from '../../../../../daemons/lib/contracts/documents/build-evidence.ts';
import {
  architectures,
  dists,
  failureCodes,
  fingerprints,
  judgedFiles,
  nullableOfJudgedFile,
  partLists,
  poolFileNames,
  sha256s,
  sizes,
  some,
  sourceNames,
  texts,
  versions,
} from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';

describeParser({
  what: 'evidence',
  parse: parseBuildEvidence,
  valid: fc.record({
    v: fc.constant(1),
    build: fc.record({
      dist: dists,
      source: sourceNames,
      sourceVersion: versions,
      version: versions,
      architecture: architectures,
      parts: partLists,
    }),
    verdict: fc.constantFrom('reproducible', 'unreproducible', 'failure'),
    code: failureCodes,
    environment: fc.record({
      kind: fc.constantFrom('buildinfo', 'inferred'),
      inputsFrom: fc.constant('archive'),
      selfHosted: fc.boolean(),
      buildinfo: sha256s,
    }),
    releases: some(
      fc.record({
        readFrom: texts,
        suite: texts,
        names: fc.record({ origin: texts, label: texts, suite: texts, codename: texts }),
        sha256: sha256s,
        signature: sha256s,
        date: fc.constantFrom('2026-11-28T05:50:00.000Z', '2024-02-29T23:59:59.123Z'),
        signedBy: some(fingerprints),
        indexes: some(fc.record({ path: texts, sha256: sha256s, size: sizes })),
      }),
    ),
    inputs: some(
      fc.record({
        name: poolFileNames,
        role: fc.constantFrom('source', 'dependency', 'base'),
        sha256: sha256s,
      }),
    ),
    files: some(judgedFiles),
    recipe: sha256s,
    engine: fc.record({
      kind: fc.constantFrom('deb', 'rpm'),
      attester: texts,
      rebuilder: texts,
      buildPath: texts,
    }),
  }),
  nullable: [
    '/code',
    'environment.buildinfo',
    'releases.*.signature',
    'date',
    ...nullableOfJudgedFile.map((name) => `files.*.${name}`),
  ],
  texts: {
    readFrom: 1_000,
    'releases.*.suite': 1_000,
    'names.origin': 1_000,
    'names.label': 1_000,
    'names.suite': 1_000,
    'names.codename': 1_000,
    'indexes.*.path': 300,
    'engine.attester': 60,
    'engine.rebuilder': 60,
    buildPath: 1_000,
  },
  lists: { parts: 2, releases: 50, signedBy: 20, indexes: 200, inputs: 20_000, files: 4_000 },
});
