/** How Python reads and shows text, where dom0's parser leans on it: lines, blanks and `repr`. */

/** Everything `str.isspace` holds for; JavaScript's own notion differs in U+001C to U+001F, U+0085 and U+FEFF. */
const blank = '[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const blanks = new RegExp(`${blank}+`, 'u');
const outerBlanks = new RegExp(`^${blank}+|${blank}+$`, 'gu');

export function strip(text: string): string {
  return text.replace(outerBlanks, '');
}

/** `str.split()`: the words between runs of blanks. */
export function words(text: string): string[] {
  return text.split(blanks).filter((word) => word !== '');
}

/** The lines of a file opened as text: every newline convention ends a line. */
export function fileLines(text: string): string[] {
  return text.split(/\r\n|\r|\n/);
}

/** `repr` of a string. */
export function repr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = text.replace(/[\\'"]|[^\x20-\x7e]/gu, (char) => showChar(char, quote));
  return quote + body + quote;
}

/** `repr` of a list of strings. */
export function reprList(items: readonly string[]): string {
  return `[${items.map(repr).join(', ')}]`;
}

/** `repr` of a tuple of strings. */
export function reprTuple(items: readonly string[]): string {
  return items.length === 1 ? `(${repr(items[0] ?? '')},)` : `(${items.map(repr).join(', ')})`;
}

const shortEscapes: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\r', '\\r'],
]);

function showChar(char: string, quote: string): string {
  if (char === "'" || char === '"') return char === quote ? `\\${char}` : char;
  const short = shortEscapes.get(char);
  if (short !== undefined) return short;
  if (!/[\p{C}\p{Z}]/u.test(char)) return char;
  const hex = (char.codePointAt(0) ?? 0).toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Code-point order, as Python sorts strings. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
