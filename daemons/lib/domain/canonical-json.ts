/** A JSON value as `JSON.parse` makes it. */
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json | undefined };

/** A value that has no canonical form. */
export class CanonicalJsonError extends Error {
  override readonly name = 'CanonicalJsonError';
  constructor(
    readonly code: 'number' | 'text' | 'depth' | 'type',
    message: string,
  ) {
    super(message);
  }
}

/** Deeper values are refused: no in-toto document comes near, and a recursion has to end somewhere. */
export const maxJsonDepth = 100;

/**
 * The canonical form in which in-toto documents are signed, as securesystemslib writes it (formats.py,
 * `encode_canonical`): keys sorted by code point, no white space, only `\` and `"` escaped, everything else as it
 * is. Members that are undefined are left out. The signed bytes are this text in UTF-8.
 *
 * @throws CanonicalJsonError for fractions, integers beyond 2^53, lone surrogates, and too deep a nesting
 */
export function canonicalJson(value: Json): string {
  return encode(value, 0);
}

/** Orders strings as Python does, by code point; JavaScript's own order is by UTF-16 unit. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      if (isSurrogate(x) !== isSurrogate(y)) return isSurrogate(x) ? 1 : -1;
      return x - y;
    }
  }
  return a.length - b.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function encode(value: Json, depth: number): string {
  if (depth > maxJsonDepth) throw new CanonicalJsonError('depth', `nested deeper than ${maxJsonDepth}`);
  if (typeof value === 'string') return encodeText(value);
  if (typeof value === 'number') return encodeNumber(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => encode(item, depth + 1)).join(',')}]`;
  if (typeof value !== 'object')
    throw new CanonicalJsonError('type', `no canonical form of a ${typeof value}`);
  const members = Object.entries(value as { readonly [key: string]: Json | undefined })
    .filter((member): member is [string, Json] => member[1] !== undefined)
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([key, member]) => `${encodeText(key)}:${encode(member, depth + 1)}`);
  return `{${members.join(',')}}`;
}

function encodeText(text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new CanonicalJsonError('text', 'a lone surrogate has no UTF-8 form');
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

function encodeNumber(value: number): string {
  if (!Number.isSafeInteger(value)) {
    throw new CanonicalJsonError('number', `${value} is not an integer below 2^53`);
  }
  return String(Object.is(value, -0) ? 0 : value);
}

/** Whether two documents would be signed alike. */
export function isSame(one: Json, other: Json): boolean {
  return canonicalJson(one) === canonicalJson(other);
}
