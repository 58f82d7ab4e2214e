import type { IndexName } from '../../lib/archive/lookup-store.ts';
import type { Evidence } from '../../lib/contracts/documents/feed.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import { withoutCredentials } from '../../lib/net/errors.ts';
import { CallError } from '../../lib/wire/call.ts';
import type { JobContext } from '../../lib/worker/worker.ts';
import type { AptSource } from '../debian/apt-sources.ts';
import {
  evidenceObjects,
  maxEvidenceBytes,
  type OpenSuite,
  openSuites,
  readEvidence,
} from '../debian/evidence.ts';
import { parseDebianDist } from '../debian/read-feed.ts';
import { asJobFailure } from '../failures.ts';
import type { Parts } from '../parts.ts';
import type { ReleaseTrust } from './scratch-root.ts';

/** The indexes that a build's evidence names, and how to reach and trust what they list. */
export type BuildIndexes = Readonly<{
  evidence: Evidence;
  suites: readonly OpenSuite[];
  /** The URI to fetch from: as the evidence names it, with the operator's credentials if there are any. */
  uriOf(archive: string): string;
  trustOf(release: Evidence['releases'][number]): ReleaseTrust;
  /** Makes sure that the Releases and Packages indexes themselves are kept, for apt. */
  bringAll(): Promise<void>;
}>;

/**
 * Opens what the feed read, as it was then. What is not kept any more comes from the orchestrator, or, by its hash, from
 * the mirror.
 */
export async function openBuildIndexes(
  context: JobContext<'get'>,
  build: BuildSpec,
  parts: Parts,
): Promise<BuildIndexes> {
  if (!(await parts.kept.has(build.evidence))) await fromOrchestrator(context, [build.evidence], parts);
  const evidence = readEvidence(await parts.kept.read(build.evidence, maxEvidenceBytes));
  const { sources } = await parts.select(parseDebianDist(build.dist));
  const sourceOf = (archive: string, suite?: string): AptSource | undefined =>
    sources.find(
      (source) =>
        withoutCredentials(source.uri) === archive && (suite === undefined || source.suite === suite),
    );
  const uriOf = (archive: string) => sourceOf(archive)?.uri ?? archive;
  const bring = async (release: Evidence['releases'][number], index: IndexName) => {
    if (await parts.kept.has(index.sha256)) return;
    if (await fromOrchestrator(context, [index.sha256], parts)) return;
    const folder = index.path.replace(/[^/]+$/, '');
    const uri = `${uriOf(release.archive)}/dists/${release.suite}/${folder}by-hash/SHA256/${index.sha256}`;
    await parts.kept.bring({ ...index, uri }, context.signal);
  };
  try {
    return {
      evidence,
      suites: await openSuites(evidence, parts, bring),
      uriOf,
      trustOf: (release) => trustOf(sourceOf(release.archive, release.suite), sources, parts),
      bringAll: async () => {
        const missing: Sha256[] = [];
        for (const object of evidenceObjects(evidence))
          if (!(await parts.kept.has(object))) missing.push(object);
        for (const release of evidence.releases) {
          for (const index of release.indexes.filter(({ sha256 }) => missing.includes(sha256)))
            await bring(release, index);
          const signed = [release.release, release.signature].filter((object) => object !== null);
          await fromOrchestrator(
            context,
            signed.filter((object) => missing.includes(object)),
            parts,
          );
        }
      },
    };
  } catch (error) {
    throw asJobFailure(error);
  }
}

/** A source that is not configured any more is trusted as the first of its distribution. */
function trustOf(source: AptSource | undefined, sources: readonly AptSource[], parts: Parts): ReleaseTrust {
  const known = source ?? sources[0];
  if (known === undefined) return { keyrings: [], trusted: false };
  return { keyrings: parts.trustOf(known).keyrings, trusted: known.trusted };
}

/** Whether the orchestrator gave them all. */
async function fromOrchestrator(
  context: JobContext<'get'>,
  objects: readonly Sha256[],
  parts: Parts,
): Promise<boolean> {
  if (objects.length === 0) return true;
  try {
    await context.fetch(objects, async (_sha256, incoming) => {
      await parts.kept.putStream(incoming.bytes);
    });
    return true;
  } catch (error) {
    if (!(error instanceof CallError) || !error.inBand) throw error;
    return false;
  }
}
