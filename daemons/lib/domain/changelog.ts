import { parseRfcDate } from './date.ts';

/** One entry of a changelog, its header first and its trailer last, no newline around them. */
export type ChangelogEntry = Readonly<{ source: string; version: string; text: string }>;

const maxEntryLines = 40;
const maxLineLength = 600;
/** Bytes of the longest entry that counts: a few lines are all that a binNMU's ever is, and it goes into a build. */
const maxEntryBytes = 2_000;

const header =
  /^([a-z0-9][a-z0-9+.-]*) \(([^\s()]+)\)(?: [A-Za-z0-9][A-Za-z0-9+.~-]*){1,3};(?: (?:urgency|binary-only)=[a-z]+,?){1,2}$/;
/** Rules and tools hand an entry on: no character that a shell or make could take for more than text, but in sbuild's words. */
const bodyLine =
  /^(?: {2}\* Binary-only non-maintainer upload for [a-z0-9 -]+; no source changes\.| {2,}[\p{L}\p{N} .,:/()+~#*@_='"<>?!%^[\]{}-]*)?$/u;
const trailer = /^ -- [\p{L}\p{N} .,/()'_+-]+ <[A-Za-z0-9.@_+-]+> {2}(.+)$/u;

/**
 * The newest entry of a changelog in deb-changelog(5) form, as archives write that of a binary-only rebuild, or undefined
 * if it does not begin with a whole one of that form: what does not look like an entry must not pass as one.
 */
export function newestEntry(changelog: string): ChangelogEntry | undefined {
  const lines = changelog.split('\n', maxEntryLines);
  const start = lines.findIndex((line) => line.trim() !== '');
  const length = lines.slice(start).findIndex((line) => line.startsWith(' -- '));
  if (length < 0) return undefined;
  const entry = lines.slice(start, start + length + 1).map((line) => line.trimEnd());
  const text = entry.join('\n');
  if (Buffer.byteLength(text) > maxEntryBytes) return undefined;
  if (entry.some((line) => line.length > maxLineLength)) return undefined;
  const [, source, version] = header.exec(entry[0] ?? '') ?? [];
  const [, date] = trailer.exec(entry.at(-1) ?? '') ?? [];
  if (source === undefined || version === undefined || date === undefined) return undefined;
  if (parseRfcDate(date) === undefined) return undefined;
  if (!entry.slice(1, -1).every((line) => bodyLine.test(line))) return undefined;
  return { source, version, text };
}
