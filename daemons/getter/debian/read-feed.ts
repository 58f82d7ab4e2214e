import { ArchiveError } from '../../lib/archive/errors.ts';
import type { PackagesLookup } from '../../lib/archive/lookup.ts';
import type { Evidence } from '../../lib/contracts/documents/feed.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import { type Dist, DistError, parseDist } from '../../lib/domain/dist.ts';
import type { Architecture, Sha256 } from '../../lib/domain/names.ts';
import { NetError, withoutCredentials } from '../../lib/net/errors.ts';
import { asJobFailure } from '../failures.ts';
import type { Parts } from '../parts.ts';
import type { AptSource } from './apt-sources.ts';
import { allPackages, evidenceOf, formatEvidence, type OpenSuite, openSuites } from './evidence.ts';
import type { ReadSuite } from './suite.ts';

export type DebianDist = Extract<Dist, { project: 'debian' }>;

/** One dist, read: its indexes and the evidence that names them, which is kept. */
export type Feed = Readonly<{
  dist: Dist;
  architecture: Architecture;
  evidence: Evidence;
  evidenceObject: Sha256;
  suites: readonly OpenSuite[];
  packages: readonly PackagesLookup[];
  /** Where an archive of the evidence is fetched from. */
  uriOf(archive: string): string;
}>;

/** @throws JobFailure for a dist of another kind than this getter reads */
export function parseDebianDist(text: string): DebianDist {
  let dist: Dist;
  try {
    dist = parseDist(text);
  } catch (error) {
    if (!(error instanceof DistError)) throw error;
    throw new JobFailure('protocol', error.message, { cause: error });
  }
  if (dist.project === 'debian') return dist;
  throw new JobFailure('protocol', `${text}: only Debian archives are read so far`);
}

/**
 * Reads the suites of each dist: its own, its updates, its security updates. All of them must be there and good, but for
 * ones that nobody named and that the archive does not have. Dists of the same indexes share one reading.
 *
 * @throws JobFailure `archive-unreachable` or `archive-untrusted`
 */
export async function readFeeds(
  dists: readonly string[],
  parts: Parts,
  signal: AbortSignal,
): Promise<readonly Feed[]> {
  const readings = new Map<string, Promise<readonly ReadSuite[]>>();
  try {
    return await Promise.all(
      dists.map(async (text) => {
        const dist = parseDebianDist(text);
        const architecture = dist.architecture === 'all' ? parts.buildArchitecture : dist.architecture;
        const key = `${dist.suite} ${architecture}`;
        const reading = readings.get(key) ?? readSuites(dist, architecture, parts, signal);
        readings.set(key, reading);
        return await feedOf(dist, await reading, parts);
      }),
    );
  } catch (error) {
    throw asJobFailure(error);
  }
}

async function readSuites(
  dist: DebianDist,
  architecture: Architecture,
  parts: Parts,
  signal: AbortSignal,
): Promise<readonly ReadSuite[]> {
  const { sources, derived } = await parts.select(dist);
  if (!sources.some((source) => source.suite === dist.suite)) {
    throw new JobFailure(
      'archive-unreachable',
      `no configured source offers ${dist.suite} for ${architecture}`,
    );
  }
  const read = await Promise.all(
    sources.map((source) => readOne(source, dist, derived, architecture, parts, signal)),
  );
  return ofOneOrigin(read.filter((suite) => suite !== undefined));
}

async function feedOf(dist: DebianDist, suites: readonly ReadSuite[], parts: Parts): Promise<Feed> {
  const evidence = evidenceOf(dist.text, suites);
  const [evidenceObject, opened] = await Promise.all([
    parts.kept.put(formatEvidence(evidence)),
    openSuites(evidence, parts),
  ]);
  const uris = new Map(suites.map(({ source }) => [withoutCredentials(source.uri), source.uri]));
  return {
    dist,
    architecture: dist.architecture,
    evidence,
    evidenceObject,
    suites: opened,
    packages: allPackages(opened),
    uriOf: (archive) => uris.get(archive) ?? archive,
  };
}

async function readOne(
  source: AptSource,
  dist: DebianDist,
  derived: boolean,
  architecture: Architecture,
  parts: Parts,
  signal: AbortSignal,
): Promise<ReadSuite | undefined> {
  try {
    return await parts.suites.read(source, architecture, signal);
  } catch (error) {
    const missing =
      (error instanceof ArchiveError || error instanceof NetError) && error.code === 'not-found';
    if (derived && missing && source.suite !== dist.suite) return undefined;
    throw error;
  }
}

/**
 * A host may have other people's archives whose suites are named like the distribution's: where Debian's own is among
 * them, it alone is meant.
 */
function ofOneOrigin(suites: readonly ReadSuite[]): readonly ReadSuite[] {
  const own = suites.filter((suite) => suite.release.origin === 'Debian');
  return own.length > 0 ? own : suites;
}
