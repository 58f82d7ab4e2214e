import { z } from 'zod';
import { parseWith } from '../contract.ts';
import { buildSpec, count, dist, officialFile, sha256, size, version1 } from '../fields.ts';

/** What a feed returns: one JSON line a build. */

export const maxFeedLine = 524_288;

const feedBuild = z.strictObject({
  build: buildSpec,
  /** Lower is wanted sooner. */
  priority: count,
  /** What the signed index names for the build: shown while nothing is attested, never judged by. */
  files: z.array(officialFile).max(2_000),
});
export type FeedBuild = z.infer<typeof feedBuild>;

export function parseFeedBuild(untrusted: unknown): FeedBuild {
  return parseWith(feedBuild, untrusted, 'build of a feed');
}

/**
 * Which signed indexes vouch for a feed's binaries and sources. The attester verifies each Release with its own keys
 * and reads the indexes again; `archive` is shown, `suite` names the keys.
 */
const evidence = z.strictObject({
  v: version1,
  dist,
  releases: z
    .array(
      z.strictObject({
        archive: z.string().max(1_000),
        suite: z.string().max(200),
        /** An InRelease, whole; or a Release with its detached signature. */
        release: sha256,
        signature: sha256.nullable(),
        indexes: z
          .array(
            z.strictObject({
              /** As the Release names it: `main/binary-amd64/Packages.xz`. */
              path: z
                .string()
                .max(300)
                .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]*(?:\/[A-Za-z0-9][A-Za-z0-9+._-]*)*$/),
              sha256,
              size,
            }),
          )
          .max(200),
      }),
    )
    .min(1)
    .max(40),
});
export type Evidence = z.infer<typeof evidence>;

export function parseEvidence(untrusted: unknown): Evidence {
  return parseWith(evidence, untrusted, 'evidence');
}
