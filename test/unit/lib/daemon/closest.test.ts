import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { closest } from '../../../../daemons/lib/daemon/closest.ts';

const known = ['dists', 'mirror', 'objects-quota', 'signing-key'];

describe('closest', () => {
  it.each([
    ['mirorr', 'mirror'],
    ['Mirror', 'mirror'],
    ['object_quota', 'objects-quota'],
    ['dist', 'dists'],
  ])('takes %s for %s', (word, meant) => {
    expect(closest(word, known)[0]).toBe(meant);
  });

  it('names all where none is near', () => {
    expect(closest('something else altogether', known)).toEqual(known);
  });

  it('answers any word with words that are known, a known one with itself first', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 300 }), fc.constantFrom(...known)), (word) => {
        const near = closest(word, known);
        expect(near.length).toBeGreaterThan(0);
        for (const one of near) expect(known).toContain(one);
        if (known.includes(word)) expect(near[0]).toBe(word);
      }),
    );
  });

  it('takes its time from no long word', () => {
    expect(closest('x'.repeat(10_000_000), known)).toEqual(known);
  });
});
