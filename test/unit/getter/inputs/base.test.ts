import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { baseOf, type Member } from '../../../../daemons/getter/inputs/base.ts';
import { isSatisfiedBy, parseRelations } from '../../../../daemons/getter/inputs/relations.ts';

function member(
  name: string,
  depends = '',
  more: { essential?: boolean; provides?: string; version?: string } = {},
): Member {
  const { essential = false, provides = '', version = '1' } = more;
  return {
    entry: { package: name, version, architecture: 'amd64' } as unknown as Member['entry'],
    relations: { essential, depends, provides },
  };
}

function base(...members: readonly Member[]): readonly string[] {
  return [...baseOf(members)].map(({ entry }) => entry.package as string).sort();
}

describe('baseOf', () => {
  it('is what is essential, build-essential, and what they need', () => {
    const members = [
      member('bash', 'libc (>= 1)', { essential: true }),
      member('libc', 'gcc-base'),
      member('gcc-base'),
      member('build-essential', 'make'),
      member('make', 'libc'),
      member('debhelper', 'make'),
    ];
    expect(base(...members)).toEqual(['bash', 'build-essential', 'gcc-base', 'libc', 'make']);
  });

  it('takes the first alternative that is there, or one that is in it already', () => {
    expect(base(member('aa', 'xx | yy | zz', { essential: true }), member('yy'), member('zz'))).toEqual([
      'aa',
      'yy',
    ]);
    expect(base(member('aa', 'zz, yy | zz', { essential: true }), member('yy'), member('zz'))).toEqual([
      'aa',
      'zz',
    ]);
  });

  it('minds versions', () => {
    const old = [member('aa', 'xx (>= 2) | yy', { essential: true }), member('xx'), member('yy')];
    expect(base(...old)).toEqual(['aa', 'yy']);
    const good = [
      member('aa', 'xx (>= 2) | yy', { essential: true }),
      member('xx', '', { version: '2.1' }),
      member('yy'),
    ];
    expect(base(...good)).toEqual(['aa', 'xx']);
  });

  it('finds who provides a name, in that version', () => {
    expect(base(member('aa', 'awk', { essential: true }), member('mawk', '', { provides: 'awk' }))).toEqual([
      'aa',
      'mawk',
    ]);
    const versioned = (provides: string) =>
      base(member('aa', 'api (>= 3)', { essential: true }), member('pp', '', { provides }));
    expect(versioned('api')).toEqual(['aa']);
    expect(versioned('api (= 2)')).toEqual(['aa']);
    expect(versioned('api (= 3.1)')).toEqual(['aa', 'pp']);
  });

  it('is closed: whatever of it can be satisfied is', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const arbitrary = fc.tuple(
      ...names.map((name) =>
        fc.record({
          name: fc.constant(name),
          needs: fc.array(fc.array(fc.constantFrom(...names, 'none'), { minLength: 1, maxLength: 3 }), {
            maxLength: 3,
          }),
          essential: fc.boolean(),
        }),
      ),
    );
    fc.assert(
      fc.property(arbitrary, (specs) => {
        const members = specs.map(({ name, needs, essential }) =>
          member(`p${name}`, needs.map((group) => group.map((one) => `p${one}`).join(' | ')).join(', '), {
            essential,
          }),
        );
        const found = new Set(base(...members));
        for (const { entry, relations } of members) {
          if (relations.essential) expect(found.has(entry.package)).toBe(true);
          if (!found.has(entry.package)) continue;
          for (const group of parseRelations(relations.depends)) {
            const possible = group.filter((one) => one.package !== 'pnone');
            if (possible.length > 0) expect(possible.some((one) => found.has(one.package))).toBe(true);
          }
        }
      }),
    );
  });
});

describe('parseRelations', () => {
  it('reads groups of alternatives', () => {
    expect(parseRelations('aa (>= 1:2~) | bb:any, cc:i386 (<<3),, $x')).toEqual([
      [
        { package: 'aa', relation: '>=', version: '1:2~' },
        { package: 'bb', relation: null, version: '' },
      ],
      [{ package: 'cc', relation: '<<', version: '3' }],
    ]);
  });

  it('needs a version only where one is asked for', () => {
    const [[free] = [], [bound] = []] = parseRelations('aa, aa (= 2)');
    expect(free && isSatisfiedBy(free, null)).toBe(true);
    expect(bound && isSatisfiedBy(bound, null)).toBe(false);
    expect(bound && isSatisfiedBy(bound, '2-0')).toBe(true);
  });
});
