import type { PackageEntry, PackagesLookup, SourceFile, SourcesLookup } from '../../lib/archive/lookup.ts';
import type { IndexName, LookupStore } from '../../lib/archive/lookup-store.ts';
import { type Evidence, parseEvidence } from '../../lib/contracts/documents/feed.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import { withoutCredentials } from '../../lib/net/errors.ts';
import type { Kept } from '../kept.ts';
import type { ReadSuite } from './suite.ts';

/** The look-ups of one suite, and where its files are. */
export type OpenSuite = Readonly<{
  /** As the evidence names it. */
  archive: string;
  suite: string;
  packages: readonly PackagesLookup[];
  sources: readonly SourcesLookup[];
}>;

const packagesPath = /(?:^|\/)Packages(?:\.[a-z]+)?$/;
const sourcesPath = /(?:^|\/)Sources(?:\.[a-z]+)?$/;

export const maxEvidenceBytes = 1_048_576;

/** The document that says which signed indexes vouch for a feed: the same bytes for the same indexes. */
export function evidenceOf(dist: string, suites: readonly ReadSuite[]): Evidence {
  return {
    v: 1,
    dist,
    releases: suites.map((suite) => ({
      archive: withoutCredentials(suite.source.uri),
      suite: suite.source.suite,
      release: suite.releaseObject,
      signature: suite.signatureObject,
      indexes: suite.indexes.map(({ path, sha256, size }) => ({ path, sha256, size })),
    })),
  };
}

export function formatEvidence(evidence: Evidence): Buffer {
  return Buffer.from(`${JSON.stringify(evidence)}\n`);
}

export function readEvidence(bytes: Buffer): Evidence {
  return parseEvidence(JSON.parse(bytes.toString('utf8')));
}

/** Every object that an evidence document names. */
export function evidenceObjects(evidence: Evidence): readonly Sha256[] {
  const objects = evidence.releases.flatMap((release) => [
    release.release,
    ...(release.signature === null ? [] : [release.signature]),
    ...release.indexes.map((index) => index.sha256),
  ]);
  return [...new Set(objects)];
}

/**
 * Opens the indexes of an evidence document, each by its hash.
 *
 * @param bring makes sure that an index is kept; asked only when its look-up is not
 */
export async function openSuites(
  evidence: Evidence,
  parts: Readonly<{ lookups: LookupStore; kept: Kept }>,
  bring: (release: Evidence['releases'][number], index: IndexName) => Promise<void> = async () => {},
): Promise<readonly OpenSuite[]> {
  return await Promise.all(
    evidence.releases.map(async (release) => {
      const file = (index: IndexName) => async () => {
        await bring(release, index);
        return parts.kept.path(index.sha256);
      };
      const named = (kind: RegExp) => release.indexes.filter((index) => kind.test(index.path));
      const [packages, sources] = await Promise.all([
        Promise.all(named(packagesPath).map((index) => parts.lookups.packages(index, file(index)))),
        Promise.all(named(sourcesPath).map((index) => parts.lookups.sources(index, file(index)))),
      ]);
      return { archive: release.archive, suite: release.suite, packages, sources };
    }),
  );
}

export function allPackages(suites: readonly OpenSuite[]): readonly PackagesLookup[] {
  return suites.flatMap((suite) => suite.packages);
}

/** A package by its exact identity, and the archive that has it. */
export function findPackage(
  suites: readonly OpenSuite[],
  name: string,
  version: string,
  architecture: string,
): { archive: string; entry: PackageEntry; lookup: PackagesLookup } | undefined {
  for (const { archive, packages } of suites) {
    for (const lookup of packages) {
      const [entry] = lookup.binaries(name, version, architecture);
      if (entry !== undefined) return { archive, entry, lookup };
    }
  }
  return undefined;
}

/** The files of a source, and the archive that has them; undefined when no index names it. */
export function findSource(
  suites: readonly OpenSuite[],
  source: string,
  version: string,
): { archive: string; files: readonly SourceFile[] } | undefined {
  for (const { archive, sources } of suites) {
    for (const lookup of sources) {
      const files = lookup.files(source, version);
      if (files.length > 0) return { archive, files };
    }
  }
  return undefined;
}
