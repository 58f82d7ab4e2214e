import { originOf, type PackageEntry, type PackagesLookup } from '../../lib/archive/lookup.ts';
import type { BuildPart, OfficialFile } from '../../lib/domain/build.ts';
import type { Architecture, DebVersion, SourceName } from '../../lib/domain/names.ts';
import { compareDebVersions } from '../../lib/domain/version.ts';
import { type ExpectedFile, expectedFiles } from '../../lib/evidence/expected.ts';

/** One build that the indexes show: what was made together of one source, for one part. */
export type ListedBuild = Readonly<{
  source: SourceName;
  sourceVersion: DebVersion;
  version: DebVersion;
  architecture: Architecture;
  parts: readonly BuildPart[];
}>;

/** Every build of that architecture (`all` is one), or those of one source. */
export function listBuilds(
  packages: readonly PackagesLookup[],
  architecture: Architecture,
  source?: SourceName,
): readonly ListedBuild[] {
  const builds = new Map<string, ListedBuild>();
  for (const lookup of packages) {
    for (const entry of source === undefined ? lookup.allBySource() : lookup.ofSource(source)) {
      if (entry.architecture !== architecture) continue;
      const build = buildOf(entry);
      builds.set(`${build.source} ${build.version}`, build);
    }
  }
  return [...builds.values()];
}

function buildOf(entry: PackageEntry): ListedBuild {
  const { architecture } = entry;
  return { ...originOf(entry), architecture, parts: [architecture === 'all' ? 'all' : 'any'] };
}

/** The versions of a source that have builds, the newest first. */
export function sourceVersions(builds: readonly ListedBuild[]): readonly DebVersion[] {
  return [...new Set(builds.map((build) => build.sourceVersion))].sort(compareDebVersions).reverse();
}

/** Of each architecture the newest build of that source version. */
export function newestBuilds(
  builds: readonly ListedBuild[],
  sourceVersion: DebVersion | undefined,
): readonly ListedBuild[] {
  const newest = new Map<Architecture, ListedBuild>();
  for (const build of builds) {
    if (build.sourceVersion !== sourceVersion) continue;
    const known = newest.get(build.architecture);
    if (known !== undefined && compareDebVersions(known.version, build.version) >= 0) continue;
    newest.set(build.architecture, build);
  }
  return [...newest.values()];
}

/**
 * The builds of a version that somebody asked for: a build's own, or else the source's, of which the newest build is
 * meant.
 */
export function buildsOfVersion(builds: readonly ListedBuild[], version: DebVersion): readonly ListedBuild[] {
  const exact = builds.filter((build) => build.version === version);
  const named = new Set(exact.map((build) => build.architecture));
  return [...exact, ...newestBuilds(builds, version).filter((build) => !named.has(build.architecture))];
}

/** What the index names for a build, without what package each file is. */
export function officialFiles(
  packages: readonly PackagesLookup[],
  build: ListedBuild,
): readonly OfficialFile[] {
  return expectedFiles(packages, build).map(officialFile);
}

export function officialFile({ name, sha256, size }: ExpectedFile): OfficialFile {
  return { name, sha256, size };
}
