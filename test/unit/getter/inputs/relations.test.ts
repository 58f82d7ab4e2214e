import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSatisfiedBy, parseRelations } from '../../../../daemons/getter/inputs/relations.ts';
import { textsUpTo } from '../../../support/texts.ts';

describe('parseRelations', () => {
  it('reads groups of alternatives, with and without versions', () => {
    expect(parseRelations('libc6 (>= 2.36), perl:any | perl5 (<< 6) , \n mawk|gawk')).toEqual([
      [{ package: 'libc6', relation: '>=', version: '2.36' }],
      [
        { package: 'perl', relation: null, version: '' },
        { package: 'perl5', relation: '<<', version: '6' },
      ],
      [
        { package: 'mawk', relation: null, version: '' },
        { package: 'gawk', relation: null, version: '' },
      ],
    ]);
  });

  it('reads the signs of old packages as dpkg does', () => {
    expect(
      parseRelations('aa (< 1), bb (> 1), cc(=1)')
        .flat()
        .map(({ relation }) => relation),
    ).toEqual(['<=', '>=', '=']);
  });

  it('gives back whatever is written of package, sign and version', () => {
    const alternative = fc.record({
      package: fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,10}$/),
      relation: fc.constantFrom('<<', '<=', '=', '>=', '>>'),
      version: fc.stringMatching(/^[0-9][0-9A-Za-z.+~-]{0,10}$/),
    });
    const blank = fc.constantFrom('', ' ', '  ', '\n ');
    fc.assert(
      fc.property(fc.array(fc.array(alternative, { minLength: 1, maxLength: 3 })), blank, (groups, gap) => {
        const text = groups
          .map((group) =>
            group
              .map(
                (one) => `${gap}${one.package}${gap}(${gap}${one.relation}${gap}${one.version}${gap})${gap}`,
              )
              .join('|'),
          )
          .join(',');
        expect(parseRelations(text)).toEqual(groups);
      }),
    );
  });

  it('leaves out what cannot be read, and never stumbles over it', () => {
    const close = fc.string({ unit: fc.constantFrom(...'ab0 (=1)<>|,:\n\t$[]!') });
    fc.assert(
      fc.property(fc.oneof(close, textsUpTo(40)), (text) => {
        for (const { package: name, version } of parseRelations(text).flat()) {
          expect(name).toMatch(/^[a-z0-9][a-z0-9+.-]+$/);
          expect(version).not.toMatch(/[\s()]/);
        }
      }),
    );
    expect(parseRelations(`aa${' '.repeat(200_000)}x, bb`)).toEqual([
      [{ package: 'bb', relation: null, version: '' }],
    ]);
  });
});

describe('isSatisfiedBy', () => {
  it('takes any version where none is asked for, and none where the version is not known', () => {
    const [[any], [some]] = parseRelations('aa, aa (>= 1)') as [[never], [never]];
    expect(isSatisfiedBy(any, null)).toBe(true);
    expect(isSatisfiedBy(some, null)).toBe(false);
    expect(isSatisfiedBy(some, '1.0')).toBe(true);
    expect(isSatisfiedBy(some, '1~rc1')).toBe(false);
  });
});
