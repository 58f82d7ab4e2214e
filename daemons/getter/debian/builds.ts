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

/**
 * Those of one source that are meant: of the newest source version, or of the version asked for, which may be the
 * source's or the build's own; of several builds of one part the newest.
 */
export function chooseBuilds(
  builds: readonly ListedBuild[],
  version: DebVersion | null,
): readonly ListedBuild[] {
  const wanted = version ?? newest(builds.map((build) => build.sourceVersion));
  const exact = builds.filter((build) => build.version === wanted);
  const ofSource = builds.filter((build) => build.sourceVersion === wanted);
  const chosen: ListedBuild[] = [];
  for (const architecture of new Set(builds.map((build) => build.architecture))) {
    const ofPart = (build: ListedBuild) => build.architecture === architecture;
    // A build's own version, if it was asked for by that, is meant even where later binNMUs of the source exist.
    const candidates = version === null ? ofSource : [...ofSource, ...exact];
    const matching = candidates.filter(ofPart);
    const best = newest(matching.map((build) => build.version));
    const found =
      (version === null ? undefined : exact.find(ofPart)) ?? matching.find((build) => build.version === best);
    if (found !== undefined) chosen.push(found);
  }
  return chosen;
}

function newest(versions: readonly DebVersion[]): DebVersion | undefined {
  return versions.toSorted(compareDebVersions).at(-1);
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
