import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filterNames } from '../../../../daemons/lib/intoto/fnmatch.ts';
import { askPython } from '../../../support/python.ts';

const letter = fc.constantFrom(...'ab-[]!^*?\\&|~c.\nz/', '😀');
const within = fc.string({ unit: letter, maxLength: 9 });
const pattern = fc.oneof(
  within,
  fc.tuple(within, fc.constantFrom('', '*', '?')).map(([set, more]) => `[${set}]${more}`),
);
const name = fc.string({ unit: fc.constantFrom(...'abc-[]!^z\n\\', '😀'), maxLength: 4 });

describe('filterNames', () => {
  it('finds the names that Python’s fnmatch.filter finds', () => {
    const cases = fc.sample(fc.tuple(fc.array(name, { maxLength: 5 }), pattern), 5_000);
    const expected = askPython(
      'import fnmatch, json, sys; print(json.dumps([fnmatch.filter(*case) for case in json.load(sys.stdin)]))',
      cases,
    ) as string[][];
    expect(expected.some((found) => found.length > 0)).toBe(true);
    cases.forEach(([names, glob], at) => {
      expect(filterNames(names, glob), JSON.stringify(glob)).toEqual(expected[at]);
    });
  });

  it('is not slowed by a pattern of many stars', () => {
    expect(filterNames(['a'.repeat(4_000)], `${'*a'.repeat(1_000)}*b`)).toEqual([]);
  });
});
