import { originOf, type PackageEntry } from '../archive/lookup.ts';
import type { BuildSpec, OfficialFile } from '../domain/build.ts';
import {
  type Architecture,
  type BinaryName,
  type DebVersion,
  type PoolFileName,
  parsePoolFileName,
} from '../domain/names.ts';

/** A file that a signed index says must come out of a build, and the package that it is. */
export type ExpectedFile = OfficialFile &
  Readonly<{ package: BinaryName; version: DebVersion; architecture: Architecture }>;

/** The look-up of one Packages index that this needs. */
export interface PackagesBySource {
  ofSource(source: string, sourceVersion?: string): readonly PackageEntry[];
}

export type BuildIdentity = Pick<
  BuildSpec,
  'source' | 'sourceVersion' | 'version' | 'architecture' | 'parts'
>;

/**
 * What a build must make, from the signed indexes alone: the binaries of its source and source version, of its own
 * version (a binNMU's bear its `+bN`), of its architecture for the part `any` and of `all` for that part. Where two
 * indexes give one name different hashes, both are expected: users may get either.
 */
export function expectedFiles(
  packages: readonly PackagesBySource[],
  build: BuildIdentity,
): readonly ExpectedFile[] {
  const found = new Map<string, ExpectedFile>();
  for (const entry of packages.flatMap((index) => index.ofSource(build.source, build.sourceVersion))) {
    if (!isMadeBy(entry, build)) continue;
    const file = expectedFile(entry);
    found.set(`${file.name} ${file.sha256}`, file);
  }
  return [...found.values()].sort((a, b) => compare(a.name, b.name) || compare(a.sha256, b.sha256));
}

/** Whether a binary of the index came out of this very build. */
export function isMadeBy(entry: PackageEntry, build: BuildIdentity): boolean {
  const origin = originOf(entry);
  const part = entry.architecture === 'all' ? 'all' : 'any';
  return (
    origin.source === build.source &&
    origin.sourceVersion === build.sourceVersion &&
    origin.version === build.version &&
    build.parts.includes(part) &&
    (part === 'all' || entry.architecture === build.architecture)
  );
}

function expectedFile(entry: PackageEntry): ExpectedFile {
  const { package: name, version, architecture, sha256, size } = entry;
  return { name: poolName(entry), sha256, size, package: name, version, architecture };
}

function poolName(entry: PackageEntry): PoolFileName {
  return parsePoolFileName(entry.path.slice(entry.path.lastIndexOf('/') + 1));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
