import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CanonicalJsonError,
  canonicalJson,
  compareCodePoints,
  type Json,
} from '../../../../daemons/lib/domain/canonical-json.ts';
import { askPython } from '../../../support/python.ts';

/** Text that is well-formed UTF-16, with everything that sorting and escaping could get wrong in it. */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '"',
      '\\',
      '/',
      '\n',
      '\t',
      '\u0000',
      '\u007f',
      '\u00e9',
      '\ud7ff',
      '\ue000',
      '\uffff',
      '😀',
      '\u{10ffff}',
    ),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 8,
});

const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    text,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(text, tie('value'), { maxKeys: 5 }),
  ),
}));

const judge = `
import json, sys
from securesystemslib.formats import encode_canonical
print(json.dumps([encode_canonical(value) for value in json.load(sys.stdin)]))
`;

describe('canonicalJson', () => {
  it('writes what securesystemslib writes, for any value', () => {
    const values = fc.sample(value, { numRuns: 3_000 });
    const expected = askPython(judge, values) as string[];
    expect(expected).toHaveLength(values.length);
    values.forEach((one, index) => {
      expect(canonicalJson(one)).toBe(expected[index]);
    });
  });

  it('writes a link of 10,000 products as securesystemslib does', () => {
    const names = fc.sample(text, { numRuns: 10_000 }).map((name, at) => `${name}${at}`);
    const link = {
      _type: 'link',
      products: Object.fromEntries(names.map((name) => [name, { sha256: 'ab' }])),
    };
    expect([canonicalJson(link)]).toEqual(askPython(judge, [link]));
  });

  it('reads back as the same value', () => {
    const clean = fc
      .jsonValue({ noUnicodeString: false })
      .filter((one) => !/[\d]\.|e[-+]|-0/.test(JSON.stringify(one)));
    fc.assert(
      fc.property(clean, (one) => {
        let written: string;
        try {
          written = canonicalJson(one as Json);
        } catch (error) {
          expect(error).toBeInstanceOf(CanonicalJsonError);
          return;
        }
        // JSON.parse refuses the raw control characters that this form leaves as they are; JSON has no -0.
        if (/^\P{Cc}*$/u.test(written)) expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(one)));
      }),
    );
  });

  it('sorts keys by code point, not by UTF-16 unit', () => {
    expect(canonicalJson({ '😀': 1, '\uffff': 2 })).toBe('{"\uffff":2,"😀":1}');
    expect(compareCodePoints('\uffff', '😀')).toBeLessThan(0);
  });

  it('leaves out members that are undefined and keeps a member called __proto__', () => {
    expect(canonicalJson({ a: undefined, b: 1 })).toBe('{"b":1}');
    expect(canonicalJson(JSON.parse('{"__proto__":1}'))).toBe('{"__proto__":1}');
  });

  it.each([
    ['a fraction', 1.5, 'number'],
    ['an integer beyond 2^53', 2 ** 53, 'number'],
    ['not a number', Number.NaN, 'number'],
    ['a lone surrogate', '\ud800', 'text'],
    ['a lone surrogate in a key', { 'a\udc00': 1 }, 'text'],
  ])('refuses %s', (_what, one, code) => {
    expect(() => canonicalJson(one as Json)).toThrow(expect.objectContaining({ code }));
  });

  it('refuses a nesting that no document has', () => {
    const deep = Array.from({ length: 200 }).reduce<Json>((inner) => [inner], 1);
    expect(() => canonicalJson(deep)).toThrow(expect.objectContaining({ code: 'depth' }));
  });
});
