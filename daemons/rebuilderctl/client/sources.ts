import { CommandError } from '../errors.ts';

/**
 * apt's sources, with the place of each URI in the text: what is rewritten is the scheme, and not a byte besides. Lines are
 * taken apart as apt does it (apt-pkg/sourcelist.cc, ParseFileOneLine and ParseFileDeb822; contrib/strutl.cc,
 * ParseQuoteWord), so that an entry that apt would use is never overlooked.
 */

/** One line, or one stanza of deb822, that is enabled. */
export interface SourceEntry {
  /** `deb`, `deb-src`. */
  readonly types: readonly string[];
  readonly uris: readonly Uri[];
  readonly suites: readonly string[];
}

export interface Uri {
  readonly text: string;
  /** Where it begins in the file's text. */
  readonly start: number;
}

/** `one-line` is sources.list(5)'s older style, of files `.list`; `deb822` that of files `.sources`. */
export type SourcesStyle = 'one-line' | 'deb822';

export const maxSourcesBytes = 1_048_576;

export function styleOf(path: string): SourcesStyle {
  return path.endsWith('.sources') ? 'deb822' : 'one-line';
}

/**
 * Every entry that apt would use, in order; what it would not understand is left to apt to refuse.
 *
 * @param text one character for each byte (latin1): only then do places and bytes agree
 */
export function readEntries(text: string, style: SourcesStyle): readonly SourceEntry[] {
  if (text.length > maxSourcesBytes) throw new CommandError(`sources of more than ${maxSourcesBytes} bytes`);
  return style === 'deb822' ? readStanzas(text) : readLines(text);
}

/** What apt takes for a blank: `\s` of JavaScript holds bytes of other characters, too. */
const blank = String.raw`[\t-\r ]`;
/** Quotes and brackets hold blanks together. */
const word = String.raw`(?:"[^"]*"|\[[^\]]*\]|[^\t-\r "\[])+`;
const oneLine = new RegExp(
  `^(${blank}*(deb|deb-src)${blank}+(?:\\[[^\\]]*\\]${blank}*)?)(${word})${blank}+(${word})`,
);

function readLines(text: string): readonly SourceEntry[] {
  return linesOf(text).flatMap(({ line, start }): readonly SourceEntry[] => {
    const match = oneLine.exec(withoutComment(line));
    if (match === null) return [];
    const [, before = '', type = '', uri = '', suite = ''] = match;
    return [{ types: [type], uris: [{ text: uri, start: start + before.length }], suites: [suite] }];
  });
}

/** A # ends a line, but for one in brackets. */
function withoutComment(line: string): string {
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '#') return line.slice(0, at);
    const closing = line[at] === '[' ? line.indexOf(']', at) : -1;
    if (closing > 0) at = closing;
  }
  return line;
}

function readStanzas(text: string): readonly SourceEntry[] {
  const entries: SourceEntry[] = [];
  let fields = new Map<string, Uri[]>();
  let values: Uri[] | undefined;
  const end = () => {
    const entry = entryOf(fields);
    if (entry !== undefined) entries.push(entry);
    fields = new Map();
    values = undefined;
  };
  for (const { line, start } of linesOf(text)) {
    if (/^\r?$/.test(line)) end();
    if (line.startsWith('#')) continue;
    const name = /^[^\t-\r :]+[ \t]*:/.exec(line)?.[0];
    if (name !== undefined) {
      values = [];
      fields.set(name.slice(0, -1).trim().toLowerCase(), values);
    }
    values?.push(...wordsOf(line, name?.length ?? 0, start));
  }
  end();
  return entries;
}

function entryOf(fields: ReadonlyMap<string, readonly Uri[]>): SourceEntry | undefined {
  const texts = (name: string) => (fields.get(name) ?? []).map(({ text }) => text);
  const isOff = /^(?:no|false|without|off|disable|0)$/i.test(texts('enabled')[0] ?? '');
  const types = texts('types');
  if (isOff || types.length === 0) return undefined;
  return { types, uris: fields.get('uris') ?? [], suites: texts('suites') };
}

function wordsOf(line: string, from: number, start: number): readonly Uri[] {
  return [...line.slice(from).matchAll(/[^\t-\r ]+/g)].map((match) => ({
    text: match[0],
    start: start + from + match.index,
  }));
}

function linesOf(text: string): readonly Readonly<{ line: string; start: number }>[] {
  let start = 0;
  return text.split('\n').map((line) => {
    const found = { line, start };
    start += line.length + 1;
    return found;
  });
}
