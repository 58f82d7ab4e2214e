import { parseRfcDate } from '../domain/date.ts';
import { parseSha256, type Sha256 } from '../domain/names.ts';
import { type Deb822Caps, fieldLines, parseStanza } from './deb822.ts';
import { ArchiveError } from './errors.ts';

/** A file that a Release names: sha256 and size of its bytes as served. */
export type ReleaseFile = Readonly<{ path: string; sha256: Sha256; size: number }>;

/** What a suite's Release says of itself (wiki.debian.org/DebianRepository/Format). Times are wall milliseconds. */
export type Release = Readonly<{
  origin: string;
  label: string;
  suite: string;
  codename: string;
  date: number | undefined;
  validUntil: number | undefined;
  acquireByHash: boolean;
  architectures: readonly string[];
  components: readonly string[];
  /** Whether `binary-ARCH/Packages` leaves out the packages of architecture `all`. */
  separateAll: boolean;
  /** By path relative to the Release. */
  files: ReadonlyMap<string, ReleaseFile>;
}>;

export const maxReleaseBytes = 16 * 1_048_576;
export const maxReleaseFiles = 100_000;
const maxFileSize = 2 ** 40;
const caps: Deb822Caps = { bytes: maxReleaseBytes, stanzas: 1, fields: 200, fieldBytes: maxReleaseBytes };

/**
 * Reads a Release, or the signed text of an InRelease. Only its SHA256 list counts.
 *
 * @throws ArchiveError `malformed` or `too-large`
 */
export function parseRelease(text: string | Uint8Array): Release {
  const stanza = parseStanza(text, caps);
  const files = new Map<string, ReleaseFile>();
  for (const line of fieldLines(stanza.get('sha256'))) {
    const file = parseFileLine(line);
    if (!isPlainPath(file.path)) continue;
    const known = files.get(file.path);
    if (known !== undefined && (known.sha256 !== file.sha256 || known.size !== file.size)) {
      throw new ArchiveError('malformed', `Release gives two hashes for ${file.path}`);
    }
    files.set(file.path, file);
    if (files.size > maxReleaseFiles) throw new ArchiveError('too-large', 'Release names too many files');
  }
  const architectures = words(stanza.get('architectures'));
  return {
    origin: stanza.get('origin') ?? '',
    label: stanza.get('label') ?? '',
    suite: stanza.get('suite') ?? '',
    codename: stanza.get('codename') ?? '',
    date: timeOf(stanza.get('date'), 'Date'),
    validUntil: timeOf(stanza.get('valid-until'), 'Valid-Until'),
    acquireByHash: stanza.get('acquire-by-hash')?.toLowerCase() === 'yes',
    architectures,
    components: words(stanza.get('components')),
    separateAll:
      architectures.includes('all') &&
      !words(stanza.get('no-support-for-architecture-all')).includes('Packages'),
    files,
  };
}

/** Suffixes of index files that can be read here, the smallest download first. */
const indexSuffixes = ['.xz', '.zst', '.gz', ''] as const;

/** The index to fetch for `main/binary-amd64/Packages` or `main/source/Sources`, in the best form the Release names. */
export function findIndex(release: Release, plainPath: string): ReleaseFile | undefined {
  for (const suffix of indexSuffixes) {
    const file = release.files.get(plainPath + suffix);
    if (file !== undefined) return file;
  }
  return undefined;
}

/** How far in the future a Release may be dated: apt's Acquire::Max-FutureTime. */
const maxFutureMs = 10_000;

/**
 * Refuses a Release that is no longer, or not yet, valid.
 *
 * @throws ArchiveError `expired` or `not-yet-valid`
 */
export function checkDates(
  release: Release,
  now: number,
  check: Readonly<{ validUntil: boolean; date: boolean }>,
): void {
  const name = release.codename || release.suite || 'this suite';
  if (check.date && release.date !== undefined && release.date > now + maxFutureMs) {
    const seconds = Math.ceil((release.date - now) / 1_000);
    throw new ArchiveError('not-yet-valid', `the Release of ${name} is dated ${seconds} s in the future`);
  }
  if (check.validUntil && release.validUntil !== undefined && release.validUntil < now) {
    const hours = Math.floor((now - release.validUntil) / 3_600_000);
    throw new ArchiveError('expired', `the Release of ${name} expired ${hours} h ago (Valid-Until)`);
  }
}

/**
 * Refuses a Release of another suite, however well signed: it says itself which it is of. An archive's security updates
 * of `buster/updates` were released as `buster`; a suite such as `noble-proposed` may share its codename `noble`.
 *
 * @throws ArchiveError `malformed`
 */
export function checkReleaseName(release: Release, suite: string): void {
  const names = [release.suite, release.codename].filter((name) => name !== '');
  const isNamed = names.includes(suite) || names.includes(suite.replace(/\/updates$/, ''));
  if (isNamed && !names.some((name) => name.startsWith(`${suite}-`) || name.startsWith(`${suite}/`))) return;
  const own = names.length === 0 ? 'names no suite: expected Suite or Codename' : `is of ${names.join(', ')}`;
  throw new ArchiveError('malformed', `the Release there ${own}`);
}

function parseFileLine(line: string): ReleaseFile {
  const [hash = '', size = '', path = '', ...rest] = line.split(/\s+/);
  if (path === '' || rest.length > 0 || !/^\d{1,13}$/.test(size) || Number(size) > maxFileSize) {
    throw new ArchiveError(
      'malformed',
      `Release: not "SHA256 SIZE PATH": ${JSON.stringify(line.slice(0, 120))}`,
    );
  }
  try {
    return { path, sha256: parseSha256(hash), size: Number(size) };
  } catch (cause) {
    throw new ArchiveError('malformed', `Release: the hash of ${path} is no sha256`, { cause });
  }
}

/** A path that no folder structure can misread; nothing else in a Release is ever asked for. */
function isPlainPath(path: string): boolean {
  return path.length <= 300 && /^[A-Za-z0-9][A-Za-z0-9+._-]*(?:\/[A-Za-z0-9][A-Za-z0-9+._-]*)*$/.test(path);
}

function timeOf(text: string | undefined, field: string): number | undefined {
  if (text === undefined) return undefined;
  const time = parseRfcDate(text);
  if (time === undefined) {
    throw new ArchiveError('malformed', `Release: ${field} ${JSON.stringify(text.slice(0, 60))} is no date`);
  }
  return time;
}

function words(value: string | undefined): readonly string[] {
  return (value ?? '').split(/\s+/).filter((word) => word !== '');
}
