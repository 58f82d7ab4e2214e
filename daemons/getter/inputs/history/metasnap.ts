import { ArchiveError } from '../../../lib/archive/errors.ts';
import { type Identity, isPlainName, nameOf, parseTimestamp, type Sighting } from './sighting.ts';

/**
 * metasnap, which knows when each suite of an archive listed which binary (metasnap.debian.net; devscripts,
 * scripts/debootsnap.py): one question for many binaries.
 */

const maxLines = 500_000;

/** The field `pkgs` of a question. */
export function formatQuestion(wanted: readonly Identity[]): string {
  return wanted.map(nameOf).join(',');
}

/**
 * Reads the answer 200: a line `NAME ARCHITECTURE VERSION SUITE COMPONENT BEGIN END` for each time that a suite had one.
 *
 * @returns what was asked for, by `nameOf`
 * @throws ArchiveError `malformed` or `too-large`
 */
export function parseAnswer(
  archive: string,
  text: string,
  wanted: readonly Identity[],
): ReadonlyMap<string, readonly Sighting[]> {
  const asked = new Set(wanted.map(nameOf));
  const found = new Map<string, Sighting[]>();
  for (const line of linesOf(text)) {
    const [
      name = '',
      architecture = '',
      version = '',
      suite = '',
      component = '',
      from = '',
      to = '',
      ...more
    ] = line.split(' ');
    const [begin, end] = [parseTimestamp(from), parseTimestamp(to)];
    const isWhole = more.length === 0 && isPlainName(suite) && isPlainName(component);
    if (!isWhole || begin === undefined || end === undefined || begin > end) {
      throw new ArchiveError('malformed', `metasnap: not a line of an answer: ${shown(line)}`);
    }
    const key = nameOf({ package: name, architecture, version });
    if (!asked.has(key)) continue;
    const sightings = found.get(key) ?? [];
    sightings.push({ archive, suite, component, begin, end });
    found.set(key, sightings);
  }
  return found;
}

/**
 * Reads the answer 404: a line `NAME ARCHITECTURE VERSION` for each binary that this archive never had; the question is
 * then asked again without them.
 *
 * @throws ArchiveError `malformed` or `too-large`
 */
export function parseUnknown(text: string, wanted: readonly Identity[]): readonly Identity[] {
  const unknown = new Set(
    linesOf(text).map((line) => {
      const [name = '', architecture = '', version, ...more] = line.split(' ');
      if (version === undefined || more.length > 0)
        throw new ArchiveError('malformed', `metasnap: not the name of a binary: ${shown(line)}`);
      return nameOf({ package: name, architecture, version });
    }),
  );
  return wanted.filter((one) => unknown.has(nameOf(one)));
}

function linesOf(text: string): readonly string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length > maxLines) throw new ArchiveError('too-large', `metasnap: more than ${maxLines} lines`);
  return lines;
}

function shown(line: string): string {
  return JSON.stringify(line.slice(0, 120));
}
