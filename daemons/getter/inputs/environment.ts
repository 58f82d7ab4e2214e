import type { PackageEntry, PackagesLookup } from '../../lib/archive/lookup.ts';
import type { RecipeDependency } from '../../lib/contracts/documents/recipe.ts';
import type { BuildPart } from '../../lib/domain/build.ts';
import type { BuildVariable } from '../../lib/domain/build-environment.ts';
import type { Buildinfo } from '../../lib/domain/buildinfo.ts';
import {
  type Architecture,
  type PoolFileName,
  parsePoolFileName,
  type Sha256,
} from '../../lib/domain/names.ts';
import { baseOf, type Member } from './base.ts';

/** A package of an environment, and the archive that has it. */
export type Installed = Readonly<{ archive: string; entry: PackageEntry; lookup: PackagesLookup }>;

/** What a build is repeated in: recorded by a buildinfo, or inferred. */
export type Environment = Readonly<{
  kind: 'buildinfo' | 'inferred';
  parts: readonly BuildPart[];
  buildArchitecture: Architecture;
  buildPath: string;
  environment: readonly BuildVariable[];
  binaryOnlyChanges: string | null;
  installed: readonly Installed[];
  /** Names of `installed` that are its base, where that is known from how it was made. */
  base: ReadonlySet<string> | null;
  buildinfo: Readonly<{ object: Sha256; content: Buildinfo }> | null;
}>;

/** The name of a package's file in the pool. */
export function fileNameOf(entry: PackageEntry): PoolFileName {
  return parsePoolFileName(entry.path.slice(entry.path.lastIndexOf('/') + 1));
}

/** The packages of an environment as a recipe lists them, in the order of their names, base marked. */
export function recipeDependencies(environment: Environment): readonly RecipeDependency[] {
  const base = environment.base ?? closedBase(environment.installed);
  return environment.installed
    .map(({ entry }) => ({
      package: entry.package,
      version: entry.version,
      architecture: entry.architecture,
      file: fileNameOf(entry),
      base: base.has(entry.package),
    }))
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** The base of packages that came without one. */
function closedBase(installed: readonly Installed[]): ReadonlySet<string> {
  const members: Member[] = installed.map(({ entry, lookup }) => ({
    entry,
    relations: lookup.relations(entry.package, entry.version, entry.architecture) ?? {
      essential: false,
      depends: '',
      provides: '',
    },
  }));
  return new Set([...baseOf(members)].map(({ entry }) => entry.package));
}
