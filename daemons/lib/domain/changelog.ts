import { parseRfcDate } from './date.ts';

/** One entry of a changelog, its header first and its trailer last, no newline around them. */
export type ChangelogEntry = Readonly<{ source: string; version: string; text: string }>;

const maxEntryLines = 100;
const maxLineLength = 1_000;
/** The longest entry that counts: a few lines are all that a binNMU's ever is, and it goes into a build. */
const maxEntryLength = 4_096;

/**
 * The newest entry of a changelog in deb-changelog(5) form, or undefined if it does not begin with a whole one of
 * that form: what does not look like an entry must not pass as one.
 */
export function newestEntry(changelog: string): ChangelogEntry | undefined {
  const lines = changelog.split('\n', maxEntryLines);
  const start = lines.findIndex((line) => line.trim() !== '');
  const header = /^([a-z0-9][a-z0-9+.-]*) \(([^\s()]+)\)(?: [A-Za-z0-9+.~_-]+)+; [a-z-]+=\S.*$/.exec(
    lines[start] ?? '',
  );
  const length = lines.slice(start).findIndex((line) => line.startsWith(' -- '));
  if (header === null || length < 0) return undefined;
  const entry = lines.slice(start, start + length + 1).map((line) => line.trimEnd());
  const body = entry.slice(1, -1);
  const trailer = /^ -- [^<>]* ?<[^<>]*> {2}(.+)$/.exec(entry.at(-1) ?? '');
  const plain = entry.every((line) => line.length <= maxLineLength && !/\p{Cc}/u.test(line));
  if (trailer === null || parseRfcDate(trailer[1] ?? '') === undefined || !plain) return undefined;
  if (!body.every((line) => line === '' || line.startsWith('  '))) return undefined;
  const text = entry.join('\n');
  if (text.length > maxEntryLength) return undefined;
  return { source: header[1] as string, version: header[2] as string, text };
}
