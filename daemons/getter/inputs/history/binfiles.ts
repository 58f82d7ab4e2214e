import { ArchiveError } from '../../../lib/archive/errors.ts';
import { withoutEpoch } from '../../../lib/domain/names.ts';
import { type Identity, isPlainName, parseTimestamp, type Sighting, type Timestamp } from './sighting.ts';

/**
 * What a snapshot archive answers to `/mr/binary/NAME/VERSION/binfiles?fileinfo=1`. snapshot.debian.org tells when a file
 * was first in an archive's pool; services of the other kind (fepitre/debian-snapshot, README) also its suite, component and
 * each time that it was there.
 */

const maxEntries = 20_000;

export function binfilesPath(one: Identity): string {
  const part = (text: string) => encodeURIComponent(text);
  return `/mr/binary/${part(one.package)}/${part(one.version)}/binfiles?fileinfo=1`;
}

/** @throws ArchiveError `malformed` or `too-large` */
export function parseBinfiles(untrusted: unknown, wanted: Identity): readonly Sighting[] {
  const result = listIn(untrusted, 'result');
  const hashes = new Set(
    result
      .filter((one) => textIn(one, 'architecture') === wanted.architecture)
      .map((one) => textIn(one, 'hash')),
  );
  // One hash may list files of other versions: same bytes under another name.
  const name = `${wanted.package}_${withoutEpoch(wanted.version)}_${wanted.architecture}.deb`;
  return [...hashes]
    .flatMap((hash) => listIn(memberOf(untrusted, 'fileinfo'), hash))
    .filter((entry) => textIn(entry, 'name') === name)
    .flatMap(sightingsOf);
}

function sightingsOf(entry: unknown): readonly Sighting[] {
  const archive = textIn(entry, 'archive_name');
  const suite = optionalName(entry, 'suite_name');
  const component = optionalName(entry, 'component_name');
  if (!isPlainName(archive)) throw malformed('archive_name', archive);
  if (suite === null) {
    const begin = timeOf(textIn(entry, 'first_seen'));
    return [{ archive, suite, component, begin, end: begin }];
  }
  return listIn(entry, 'timestamp_ranges').map((range) => {
    const [from, to] = Array.isArray(range) ? range : [];
    const [begin, end] = [timeOf(from), timeOf(to)];
    if (begin > end) throw malformed('timestamp_ranges', range);
    return { archive, suite, component, begin, end };
  });
}

function timeOf(value: unknown): Timestamp {
  const time = typeof value === 'string' ? parseTimestamp(value) : undefined;
  if (time === undefined) throw malformed('a time', value);
  return time;
}

function optionalName(entry: unknown, name: string): string | null {
  const value = memberOf(entry, name);
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string' || !isPlainName(value)) throw malformed(name, value);
  return value;
}

function textIn(value: unknown, name: string): string {
  const member = memberOf(value, name);
  if (typeof member !== 'string' || member.length > 1_000) throw malformed(name, member);
  return member;
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const member = memberOf(value, name);
  if (!Array.isArray(member)) throw malformed(name, member);
  if (member.length > maxEntries)
    throw new ArchiveError('too-large', `the snapshot archive's ${name} has more than ${maxEntries} entries`);
  return member;
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function malformed(name: string, found: unknown): ArchiveError {
  const shown = (JSON.stringify(found) ?? 'nothing').slice(0, 120);
  return new ArchiveError('malformed', `the snapshot archive's ${name}: found ${shown}`);
}
