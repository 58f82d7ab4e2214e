import { Recent } from '../daemon/recent.ts';
import type { Architecture, BinaryName, DebVersion, Sha256, SourceName } from '../domain/names.ts';
import { buildVersion } from '../domain/version.ts';
import type { SortedTable } from './table.ts';

/** A binary package as a signed Packages index names it. `path` is relative to the archive's root. */
export type PackageEntry = Readonly<{
  package: BinaryName;
  version: DebVersion;
  architecture: Architecture;
  source: SourceName;
  sourceVersion: DebVersion;
  sha256: Sha256;
  size: number;
  path: string;
}>;

/** What apt and dpkg would read of a package's relations: texts as the index has them, on one line each. */
export type PackageRelations = Readonly<{ essential: boolean; depends: string; provides: string }>;

/** A file of a source package as a signed Sources index names it. `directory` is relative to the archive's root. */
export type SourceFile = Readonly<{ name: string; sha256: Sha256; size: number; directory: string }>;

/** The build that made a binary: its source, the source's version, and the build's own (with a binNMU's `+bN`). */
export type BuildOrigin = Readonly<{ source: SourceName; sourceVersion: DebVersion; version: DebVersion }>;

/** Which build a package of the index came from. */
export function originOf(entry: PackageEntry): BuildOrigin {
  return {
    source: entry.source,
    sourceVersion: entry.sourceVersion,
    version: buildVersion(entry.sourceVersion, entry.version) as DebVersion,
  };
}

/** Packages that were asked for exactly: most builds need the same few hundred. */
const mostRemembered = 2_048;

/** A Packages index, looked up by binary or by source. Values were checked when the tables were made. */
export class PackagesLookup {
  readonly #remembered = new Recent<string, readonly PackageEntry[]>(mostRemembered);
  readonly #byBinary: SortedTable;
  readonly #bySource: SortedTable;
  readonly #relations: SortedTable;

  constructor(byBinary: SortedTable, bySource: SortedTable, relations: SortedTable) {
    this.#byBinary = byBinary;
    this.#bySource = bySource;
    this.#relations = relations;
  }

  get count(): number {
    return this.#byBinary.count;
  }

  /** All versions and architectures of a binary, or those asked for. */
  binaries(name: string, version?: string, architecture?: string): readonly PackageEntry[] {
    const key = [name, version, architecture].filter((part) => part !== undefined);
    if (key.length < 3) return this.#find(key);
    const exact = key.join(' ');
    const known = this.#remembered.get(exact);
    if (known !== undefined) return known;
    const found = this.#find(key);
    this.#remembered.set(exact, found);
    return found;
  }

  #find(key: readonly string[]): readonly PackageEntry[] {
    return [...this.#byBinary.find(...key)].map(entryOf);
  }

  /** Everything that builds of one source made: of all its versions, or of one. */
  ofSource(source: string, sourceVersion?: string): readonly PackageEntry[] {
    const key = sourceVersion === undefined ? [source] : [source, sourceVersion];
    return [...this.#bySource.find(...key)].flatMap(([, , name = '', version = '', architecture = '']) =>
      this.binaries(name, version, architecture),
    );
  }

  /** Every package, ordered by source, source version, name. */
  *allBySource(): Generator<PackageEntry> {
    for (const [, , name = '', version = '', architecture = ''] of this.#bySource.rows()) {
      yield* this.#find([name, version, architecture]);
    }
  }

  /** What a package needs and gives, undefined when the index lacks it. */
  relations(name: string, version: string, architecture: string): PackageRelations | undefined {
    const [row] = this.#relations.find(name, version, architecture);
    if (row === undefined) return undefined;
    return { essential: row[3] === 'essential', depends: row[4] ?? '', provides: row[5] ?? '' };
  }
}

function entryOf(row: readonly string[]): PackageEntry {
  return {
    package: row[0] as BinaryName,
    version: row[1] as DebVersion,
    architecture: row[2] as Architecture,
    source: row[3] as SourceName,
    sourceVersion: row[4] as DebVersion,
    sha256: row[5] as Sha256,
    size: Number(row[6]),
    path: row[7] as string,
  };
}

/** A Sources index, looked up by source and version. */
export class SourcesLookup {
  readonly #table: SortedTable;

  constructor(table: SortedTable) {
    this.#table = table;
  }

  /** How many files the index names. */
  get count(): number {
    return this.#table.count;
  }

  /** The .dsc and what it lists; empty when the index has no such source. */
  files(source: string, version: string): readonly SourceFile[] {
    return [...this.#table.find(source, version)].map((row) => ({
      name: row[2] as string,
      sha256: row[3] as Sha256,
      size: Number(row[4]),
      directory: row[5] as string,
    }));
  }

  /** Which versions of a source the index has. */
  versions(source: string): readonly DebVersion[] {
    return [...new Set([...this.#table.find(source)].map((row) => row[1] as DebVersion))];
  }
}
