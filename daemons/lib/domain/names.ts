/** Names that cross a wall: each has one parser, and only its type may join a path. */

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type Sha256 = Branded<'Sha256'>;
export type SourceName = Branded<'SourceName'>;
export type BinaryName = Branded<'BinaryName'>;
export type DebVersion = Branded<'DebVersion'>;
export type Architecture = Branded<'Architecture'>;
export type Suite = Branded<'Suite'>;
export type PoolFileName = Branded<'PoolFileName'>;
export type QubeName = Branded<'QubeName'>;
export type Fingerprint = Branded<'Fingerprint'>;
export type PublicationPath = Branded<'PublicationPath'>;
export type RebuilderId = Branded<'RebuilderId'>;

/** A foreign text that is not what its place calls for. */
export class NameError extends Error {
  override readonly name = 'NameError';
  readonly code = 'bad-name';
  constructor(
    readonly expected: string,
    readonly found: string,
  ) {
    super(`expected ${expected}, found ${JSON.stringify(found.slice(0, 80))}`);
  }
}

const maxNameLength = 255;
/** Room for a package and a version of the longest names in one path. */
export const maxPublicationPath = 600;

function parseAs<Name extends string>(
  untrusted: unknown,
  pattern: RegExp,
  expected: string,
  maxLength = maxNameLength,
): Branded<Name> {
  // An object is not made a text of: its own `toString` may be anything.
  if (typeof untrusted !== 'string') throw new NameError(expected, typeof untrusted);
  if (untrusted.length > maxLength || !pattern.test(untrusted)) throw new NameError(expected, untrusted);
  return untrusted as Branded<Name>;
}

/** 64 lower-case hexadecimal digits. */
export function parseSha256(untrusted: unknown): Sha256 {
  return parseAs<'Sha256'>(untrusted, /^[0-9a-f]{64}$/, 'a sha256 in lower-case hexadecimal');
}

/** Debian Policy 5.6.1. */
export function parseSourceName(untrusted: unknown): SourceName {
  return parseAs<'SourceName'>(untrusted, /^[a-z0-9][a-z0-9+.-]+$/, 'a source package name');
}

/** Debian Policy 5.6.7. */
export function parseBinaryName(untrusted: unknown): BinaryName {
  return parseAs<'BinaryName'>(untrusted, /^[a-z0-9][a-z0-9+.-]+$/, 'a binary package name');
}

/** deb-version(7): optional numeric epoch, then an upstream version and revision of a closed alphabet; a colon only behind an epoch. */
export function parseDebVersion(untrusted: unknown): DebVersion {
  return parseAs<'DebVersion'>(
    untrusted,
    /^(?:\d{1,9}:[0-9A-Za-z][0-9A-Za-z.+~:-]*|[0-9A-Za-z][0-9A-Za-z.+~-]*)$/,
    'a Debian version',
  );
}

/** dpkg-architecture(1) names: `amd64`, `all`, `kfreebsd-amd64`. */
export function parseArchitecture(untrusted: unknown): Architecture {
  return parseAs<'Architecture'>(untrusted, /^[a-z0-9][a-z0-9-]{0,30}$/, 'a Debian architecture');
}

/** A suite or codename as an archive's `dists/` spells it, sub-folders included (`bookworm/updates`). */
export function parseSuite(untrusted: unknown): Suite {
  return parseAs<'Suite'>(
    untrusted,
    /^[A-Za-z0-9][A-Za-z0-9.+~_-]*(?:\/[A-Za-z0-9][A-Za-z0-9.+~_-]*)*$/,
    'a suite or codename',
  );
}

/** A file of an archive's pool or of a source package: no folder, no leading dot. */
export function parsePoolFileName(untrusted: unknown): PoolFileName {
  return parseAs<'PoolFileName'>(untrusted, /^[0-9A-Za-z][0-9A-Za-z.+~_%-]*$/, 'a file name of an archive');
}

/** A qube's name: qubes-core-admin, qubes/vm/__init__.py (validate_name). */
export function parseQubeName(untrusted: unknown): QubeName {
  return parseAs<'QubeName'>(untrusted, /^[a-zA-Z][a-zA-Z0-9_.-]{0,30}$/, 'a qube name');
}

/** A full version 4 OpenPGP fingerprint; upper case in our own texts, whatever case came in. */
export function parseFingerprint(untrusted: unknown): Fingerprint {
  return parseAs<'Fingerprint'>(
    untrusted,
    /^[0-9a-fA-F]{40}$/,
    'a full OpenPGP fingerprint (40 hexadecimal digits)',
  ).toUpperCase() as Fingerprint;
}

/** A path below the publication's root: plain segments of a file name's length joined by `/`, none of them `.` or `..`. */
export function parsePublicationPath(untrusted: unknown): PublicationPath {
  return parseAs<'PublicationPath'>(
    untrusted,
    /^[0-9A-Za-z][0-9A-Za-z.+~:_%-]{0,254}(?:\/[0-9A-Za-z][0-9A-Za-z.+~:_%-]{0,254})*$/,
    'a path of the publication',
    maxPublicationPath,
  );
}

/** The path that a file's name would be, if it can be one. */
export function publicationPathOf(name: string): PublicationPath | undefined {
  try {
    return parsePublicationPath(name);
  } catch {
    return undefined;
  }
}

/** Whoever rebuilds, in statements: a web address of a closed alphabet, no segment of it `.` or `..`. */
export function parseRebuilderId(untrusted: unknown): RebuilderId {
  return parseAs<'RebuilderId'>(
    untrusted,
    /^https:\/\/[A-Za-z0-9][A-Za-z0-9.-]*(?::\d{1,5})?(?:\/[A-Za-z0-9~_-][A-Za-z0-9._~-]*)*\/?$/,
    'an https:// URL of plain segments',
  );
}

/** The same version without its epoch, as pool file names write it. */
export function withoutEpoch(version: DebVersion): string {
  return version.replace(/^\d+:/, '');
}
