import type { BuildPart } from './build.ts';
import { isBuildPath } from './build-environment.ts';
import {
  type Architecture,
  type BinaryName,
  type DebVersion,
  NameError,
  type PoolFileName,
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parsePoolFileName,
  parseSha256,
  parseSourceName,
  type Sha256,
  type SourceName,
} from './names.ts';

/** Why a text is no buildinfo that a build could be repeated from. */
export class BuildinfoError extends Error {
  override readonly name = 'BuildinfoError';
  readonly code = 'bad-buildinfo';
}

export type BuildinfoFile = Readonly<{ name: PoolFileName; size: number; sha256: Sha256 }>;

/** A package that was installed; the architecture stands there only where it is not the build's own. */
export type InstalledPackage = Readonly<{
  package: BinaryName;
  version: DebVersion;
  architecture: Architecture | null;
}>;

/** deb-buildinfo(5), every layout since dpkg 1.18 (fields that say nothing to a rebuild are left out). */
export type Buildinfo = Readonly<{
  source: SourceName;
  sourceVersion: DebVersion;
  /** The build's: with `+bN` for a binNMU. */
  version: DebVersion;
  /** Architectures that were built; `source` is left out and told by `withSource`. */
  architectures: readonly Architecture[];
  withSource: boolean;
  parts: readonly BuildPart[];
  binaries: readonly BinaryName[];
  files: readonly BuildinfoFile[];
  /** The machine's own architecture; null where the file does not say. */
  buildArchitecture: Architecture | null;
  /** What a cross build was for; null for any other. */
  hostArchitecture: Architecture | null;
  buildOrigin: string | null;
  buildDate: string | null;
  buildPath: string | null;
  taintedBy: readonly string[];
  installed: readonly InstalledPackage[];
  environment: readonly (readonly [name: string, value: string])[];
  /** The binNMU's changelog entry, its header first and its trailer last, no newline around them. */
  binaryOnlyChanges: string | null;
}>;

export const maxBuildinfoInstalled = 20_000;
export const maxBuildinfoFiles = 4_000;
const maxEnvironment = 500;
const maxChanges = 200_000;

/**
 * Reads the fields of a .buildinfo, by lower-cased name, as a deb822 reader gives them: a field's further lines follow
 * after newlines, each with its leading blank. File names prove nothing and are not looked at.
 *
 * @throws BuildinfoError in one line
 */
export function parseBuildinfo(fields: ReadonlyMap<string, string>): Buildinfo {
  try {
    return read(fields);
  } catch (error) {
    if (!(error instanceof NameError)) throw error;
    throw new BuildinfoError(`buildinfo: ${error.message}`, { cause: error });
  }
}

function read(fields: ReadonlyMap<string, string>): Buildinfo {
  const source = /^(\S+)(?:\s+\(([^()\s]+)\))?$/.exec(required(fields, 'source'));
  if (source === null) throw new BuildinfoError('buildinfo: Source is not "name" or "name (version)"');
  const version = parseDebVersion(required(fields, 'version'));
  const named = words(required(fields, 'architecture'));
  const architectures = named.filter((name) => name !== 'source').map(parseArchitecture);
  const environment = lines(fields.get('environment')).map(parseVariable);
  if (environment.length > maxEnvironment) throw new BuildinfoError('buildinfo: Environment is too long');
  return {
    source: parseSourceName(source[1]),
    sourceVersion: source[2] === undefined ? version : parseDebVersion(source[2]),
    version,
    architectures,
    withSource: named.includes('source'),
    parts: partsOf(architectures),
    binaries: words(fields.get('binary') ?? '').map(parseBinaryName),
    files: filesOf(fields),
    buildArchitecture: optional(fields, 'build-architecture', parseArchitecture),
    hostArchitecture: optional(fields, 'host-architecture', parseArchitecture),
    buildOrigin: fields.get('build-origin') ?? null,
    buildDate: fields.get('build-date') ?? null,
    buildPath: optional(fields, 'build-path', parseBuildPath),
    taintedBy: words(fields.get('build-tainted-by') ?? ''),
    installed: installedOf(fields.get('installed-build-depends') ?? fields.get('build-environment') ?? ''),
    environment,
    binaryOnlyChanges: changesOf(fields.get('binary-only-changes')),
  };
}

function partsOf(architectures: readonly Architecture[]): readonly BuildPart[] {
  const parts: BuildPart[] = [];
  if (architectures.some((name) => name !== 'all')) parts.push('any');
  if (architectures.some((name) => name === 'all')) parts.push('all');
  return parts;
}

function filesOf(fields: ReadonlyMap<string, string>): readonly BuildinfoFile[] {
  const files = lines(fields.get('checksums-sha256')).map((line) => {
    const [sha256, size = '', name, ...rest] = line.split(/\s+/);
    if (rest.length > 0 || !/^\d{1,13}$/.test(size)) {
      throw new BuildinfoError('buildinfo: Checksums-Sha256 has a line that is not "hash size name"');
    }
    return { name: parsePoolFileName(name), size: Number(size), sha256: parseSha256(sha256) };
  });
  if (files.length > maxBuildinfoFiles) throw new BuildinfoError('buildinfo: Checksums-Sha256 is too long');
  return files;
}

function installedOf(text: string): readonly InstalledPackage[] {
  const items = text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  if (items.length > maxBuildinfoInstalled) {
    throw new BuildinfoError('buildinfo: Installed-Build-Depends is too long');
  }
  return items.map((item) => {
    const match = /^([^\s:()]+)(?::([^\s()]+))?\s*\(\s*=\s*([^\s()]+)\s*\)$/.exec(item);
    if (match === null) {
      throw new BuildinfoError(
        `buildinfo: ${JSON.stringify(item.slice(0, 80))} is not "package (= version)"`,
      );
    }
    return {
      package: parseBinaryName(match[1]),
      version: parseDebVersion(match[3]),
      architecture: match[2] === undefined ? null : parseArchitecture(match[2]),
    };
  });
}

/** `NAME="value"`; dpkg-genbuildinfo puts a backslash before each double quote and escapes nothing else. */
function parseVariable(line: string): readonly [string, string] {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)="([^\0]*)"$/.exec(line);
  if (match === null) {
    throw new BuildinfoError(
      `buildinfo: Environment: ${JSON.stringify(line.slice(0, 80))} is not NAME="value"`,
    );
  }
  return [match[1] as string, (match[2] as string).replaceAll('\\"', '"')];
}

function parseBuildPath(path: string): string {
  if (!isBuildPath(path)) {
    throw new BuildinfoError(
      `buildinfo: Build-Path ${JSON.stringify(path.slice(0, 80))} is no plain absolute path`,
    );
  }
  return path;
}

function changesOf(value: string | undefined): string | null {
  if (value === undefined) return null;
  if (value.length > maxChanges) throw new BuildinfoError('buildinfo: Binary-Only-Changes is too long');
  const text = value
    .split('\n')
    .map((line) => line.replace(/^[ \t]/, '').trimEnd())
    .map((line) => (line === '.' ? '' : line))
    .join('\n');
  const trimmed = withoutNewlinesAround(text);
  return trimmed === '' ? null : trimmed;
}

/** By hand: `/\n+$/` looks at each run of newlines once for every newline in it. */
function withoutNewlinesAround(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === '\n') start += 1;
  while (end > start && text[end - 1] === '\n') end -= 1;
  return text.slice(start, end);
}

function required(fields: ReadonlyMap<string, string>, name: string): string {
  const value = fields.get(name);
  if (value === undefined || value === '') throw new BuildinfoError(`buildinfo: no field ${name}`);
  return value;
}

function optional<T>(
  fields: ReadonlyMap<string, string>,
  name: string,
  parse: (text: string) => T,
): T | null {
  const value = fields.get(name);
  return value === undefined || value === '' ? null : parse(value);
}

function lines(value: string | undefined): readonly string[] {
  return (value ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function words(value: string): readonly string[] {
  return value.split(/\s+/).filter((word) => word !== '');
}
