import { ArchiveError } from './errors.ts';

/**
 * Streams through a Packages or Sources index. These hold tens of megabytes, so stanzas are neither split into lines
 * nor put into maps: the fields that were asked for are cut out of the text, which is read as Latin-1 (all of them are ASCII).
 */

export const maxIndexBytes = 1_073_741_824;
export const maxStanzaBytes = 4 * 1_048_576;

/** Values by the position of their name in the list that was asked for; '' when the stanza lacks the field. */
export type FieldValues = readonly string[];

/**
 * Calls `onStanza` for each stanza with the values of `fields`. A field's further lines follow after newlines. The
 * values are valid during the call: keep copies of what they say, not the strings, or the whole index stays in memory.
 *
 * @throws ArchiveError `too-large` when a stanza passes its cap
 */
export async function scanIndex(
  bytes: AsyncIterable<Buffer>,
  fields: readonly string[],
  onStanza: (values: FieldValues) => void,
): Promise<void> {
  const cut = cutter(fields);
  let rest: Buffer[] = [];
  let restBytes = 0;
  for await (const chunk of bytes) {
    rest.push(chunk);
    restBytes += chunk.length;
    if (restBytes < 262_144) continue;
    const text = Buffer.concat(rest);
    const end = text.lastIndexOf('\n\n');
    if (end >= 0) scanText(text.toString('latin1', 0, end + 1), cut, onStanza);
    const left = end < 0 ? text : text.subarray(end + 2);
    if (left.length > maxStanzaBytes)
      throw new ArchiveError('too-large', 'a stanza of the index is too large');
    rest = [left];
    restBytes = left.length;
  }
  scanText(Buffer.concat(rest).toString('latin1'), cut, onStanza);
}

/** Cuts the wanted fields out of one stanza, `text` from `start` to `end`. */
type Cutter = (text: string, start: number, end: number) => string[];

function scanText(text: string, cut: Cutter, onStanza: (values: FieldValues) => void): void {
  for (let start = 0; start < text.length; ) {
    if (text.charCodeAt(start) === 0x0a) {
      start += 1;
      continue;
    }
    const gap = text.indexOf('\n\n', start);
    const end = gap < 0 ? text.length : gap;
    onStanza(cut(text, start, end));
    start = end + 2;
  }
}

function cutter(fields: readonly string[]): Cutter {
  // By first character and length: most lines of a stanza are told apart without comparing text.
  const byShape = new Map<number, { name: string; position: number }[]>();
  for (const [position, field] of fields.entries()) {
    const name = field.toLowerCase();
    const key = shape(name.charCodeAt(0), name.length);
    byShape.set(key, [...(byShape.get(key) ?? []), { name, position }]);
  }
  return (text, start, end) => {
    const values: string[] = new Array(fields.length).fill('');
    let last = -1;
    for (let at = start; at < end; ) {
      const newline = text.indexOf('\n', at);
      const lineEnd = newline < 0 || newline > end ? end : newline;
      const first = text.charCodeAt(at);
      if (first === 0x20 || first === 0x09) {
        if (last >= 0) values[last] += `\n${text.slice(at, lineEnd)}`;
      } else {
        const colon = text.indexOf(':', at);
        last = -1;
        const length = colon - at;
        const candidates =
          colon < 0 || colon > lineEnd ? undefined : byShape.get(shape(first | 0x20, length));
        if (candidates !== undefined) {
          const written = text.slice(at, colon).toLowerCase();
          const found = candidates.find((candidate) => candidate.name === written);
          if (found !== undefined) {
            last = found.position;
            values[last] = text.slice(colon + 1, lineEnd).trim();
          }
        }
      }
      at = lineEnd + 1;
    }
    return values;
  };
}

function shape(first: number, length: number): number {
  return first * 256 + length;
}
