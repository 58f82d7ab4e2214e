import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseMoments } from '../../../../../daemons/getter/inputs/history/moments.ts';
import type { Sighting, Timestamp } from '../../../../../daemons/getter/inputs/history/sighting.ts';

const at = (day: number) => `202106${String(day).padStart(2, '0')}T000000Z` as Timestamp;
const seen = (begin: number, end: number, more: Partial<Sighting> = {}): Sighting => ({
  archive: 'debian',
  suite: 'sid',
  component: 'main',
  begin: at(begin),
  end: at(end),
  ...more,
});

describe('the moments that together had every binary', () => {
  it('are one where one had them all', () => {
    const sightings = new Map([
      ['a', [seen(1, 9)]],
      ['b', [seen(5, 12, { component: 'contrib' })]],
    ]);
    expect(chooseMoments(sightings)).toEqual([
      {
        archive: 'debian',
        suite: 'sid',
        timestamp: at(9),
        components: ['contrib', 'main'],
        has: ['a', 'b'],
      },
    ]);
  });

  it('are of the suite that had most of them first, and of others only for the rest', () => {
    const security = { archive: 'debian-security', suite: 'bullseye-security' };
    const sightings = new Map([
      ['a', [seen(1, 9), seen(1, 2, security)]],
      ['b', [seen(1, 9)]],
      ['c', [seen(3, 4, security)]],
    ]);
    expect(chooseMoments(sightings).map(({ suite, has }) => [suite, has])).toEqual([
      ['sid', ['a', 'b']],
      ['bullseye-security', ['c']],
    ]);
  });

  it('leave out what no suite is known of', () => {
    expect(chooseMoments(new Map([['a', [seen(1, 1, { suite: null })]]]))).toEqual([]);
  });

  /** Of one suite, an interval a name: brute force over every set of days. */
  function fewest(intervals: readonly (readonly [number, number])[], days: number): number {
    let least = days;
    for (let set = 0; set < 2 ** days; set += 1) {
      const chosen = Array.from({ length: days }, (_, day) => day + 1).filter(
        (day) => set & (1 << (day - 1)),
      );
      const covers = intervals.every(([from, to]) => chosen.some((day) => from <= day && day <= to));
      if (covers) least = Math.min(least, chosen.length);
    }
    return least;
  }

  it('are as few as can be where each binary had one time, and each has what it says', () => {
    const interval = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 8 }));
    fc.assert(
      fc.property(fc.array(interval, { minLength: 1, maxLength: 9 }), (pairs) => {
        const intervals = pairs.map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
        const sightings = new Map(intervals.map(([from, to], n) => [`p${n}`, [seen(from, to)]]));
        const moments = chooseMoments(sightings);
        expect(moments).toHaveLength(fewest(intervals, 8));
        expect(moments.flatMap(({ has }) => has).sort()).toEqual([...sightings.keys()].sort());
        for (const { timestamp, has } of moments) {
          for (const name of has) {
            const [{ begin, end } = seen(0, 0)] = sightings.get(name) ?? [];
            expect(begin <= timestamp && timestamp <= end).toBe(true);
          }
        }
      }),
    );
  });

  it('cover everything once, whatever was where and how often', () => {
    const sighting = fc
      .tuple(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 5 }),
        fc.constantFrom('sid', 'bullseye'),
      )
      .map(([begin, length, suite]) => seen(begin, begin + length, { suite }));
    const all = fc.dictionary(
      fc.string({ minLength: 1 }),
      fc.array(sighting, { minLength: 1, maxLength: 4 }),
    );
    fc.assert(
      fc.property(all, (sightings) => {
        const moments = chooseMoments(new Map(Object.entries(sightings)));
        expect(moments.flatMap(({ has }) => has).sort()).toEqual(Object.keys(sightings).sort());
        for (const { suite, timestamp, has } of moments) {
          for (const name of has) {
            const there = sightings[name]?.some(
              (one) => one.suite === suite && one.begin <= timestamp && timestamp <= one.end,
            );
            expect(there).toBe(true);
          }
        }
      }),
    );
  });
});
