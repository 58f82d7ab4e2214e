import fc from 'fast-check';
import { parseEvidence, parseFeedBuild } from '../../../../../daemons/lib/contracts/documents/feed.ts';
import {
  buildSpecs,
  counts,
  dists,
  ofBuildSpec,
  officialFiles,
  sha256s,
  sizes,
  some,
  texts,
} from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';

describeParser({
  what: 'a build of a feed',
  parse: parseFeedBuild,
  valid: fc.record({ build: buildSpecs, priority: counts, files: some(officialFiles) }),
  texts: ofBuildSpec.texts,
  lists: { ...ofBuildSpec.lists, files: 2_000 },
});

describeParser({
  what: 'an evidence document',
  parse: parseEvidence,
  valid: fc.record({
    v: fc.constant(1),
    dist: dists,
    releases: some(
      fc.record({
        archive: texts,
        suite: texts,
        release: sha256s,
        signature: sha256s,
        indexes: some(
          fc.record({
            path: fc.constantFrom('main/binary-amd64/Packages.xz', 'non-free-firmware/source/Sources'),
            sha256: sha256s,
            size: sizes,
          }),
        ),
      }),
    ),
  }),
  nullable: ['signature'],
  texts: { archive: 1_000, suite: 200 },
  lists: { releases: 40, indexes: 200 },
});
