import { type Place, PolicySyntaxError } from './errors.ts';
import { repr } from './python-text.ts';

/**
 * What may stand where a policy or a caller names a qube (facts: policy, "Line").
 * `value` is what follows the prefix of `@type:`, `@tag:`, `@dispvm:` and `@dispvm:@tag:`.
 */
export type Token = Readonly<{
  kind:
    | 'name'
    | 'wildcard'
    | 'adminvm'
    | 'anyvm'
    | 'default'
    | 'dispvm'
    | 'type'
    | 'tag'
    | 'dispvm-of'
    | 'dispvm-tag';
  text: string;
  value: string;
}>;

/** The four places of a token; the words are those of dom0's messages. */
export type TokenPlace = 'source' | 'target' | 'redirect' | 'intendedtarget';

type Entry = Readonly<{ text: string; kind: Token['kind']; places: readonly TokenPlace[] }>;

const exacts: readonly Entry[] = [
  { text: '*', kind: 'wildcard', places: ['source', 'target'] },
  { text: '@adminvm', kind: 'adminvm', places: ['source', 'target', 'redirect', 'intendedtarget'] },
  { text: '@anyvm', kind: 'anyvm', places: ['source', 'target'] },
  { text: '@default', kind: 'default', places: ['target', 'intendedtarget'] },
  { text: '@dispvm', kind: 'dispvm', places: ['target', 'redirect', 'intendedtarget'] },
];

const prefixes: readonly Entry[] = [
  { text: '@type:', kind: 'type', places: ['source', 'target'] },
  { text: '@tag:', kind: 'tag', places: ['source', 'target'] },
  { text: '@dispvm:', kind: 'dispvm-of', places: ['source', 'target', 'redirect', 'intendedtarget'] },
  { text: '@dispvm:@tag:', kind: 'dispvm-tag', places: ['source', 'target'] },
];

/** @throws PolicySyntaxError when the token is not allowed at that place. */
export function parseToken(place: TokenPlace, text: string, at?: Place): Token {
  const refuse = (what: string): PolicySyntaxError =>
    new PolicySyntaxError(at?.file, at === undefined ? 0 : at.line, what);
  if (text === '') throw refuse(`invalid empty ${place} token`);
  if (!text.startsWith('@') && text !== '*') return { kind: 'name', text, value: text };
  for (const entry of exacts) {
    if (text === entry.text && entry.places.includes(place)) return { kind: entry.kind, text, value: text };
  }
  for (const entry of prefixes) {
    if (!entry.places.includes(place) || !text.startsWith(entry.text)) continue;
    const value = text.slice(entry.text.length);
    if (value === '') throw refuse(`invalid empty ${entry.text} token: ${repr(text)}`);
    if (!value.startsWith('@')) return { kind: entry.kind, text, value };
  }
  throw refuse(`invalid ${place} token: ${repr(text)}`);
}

/** The three spellings of dom0, interchangeable but for `@type:` and `@tag:`. */
export function isDom0(text: string): boolean {
  return text === '@adminvm' || text === 'dom0' || text === 'uuid:00000000-0000-0000-0000-000000000000';
}
