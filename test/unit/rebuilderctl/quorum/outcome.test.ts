import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSha256 } from '../../../../daemons/lib/domain/names.ts';
import { judgeWords, type Word } from '../../../../daemons/rebuilderctl/quorum/outcome.ts';

const made = (key: string, byte = 'a', products = 'P'): Word => ({
  rebuilder: `https://${key}.example.org`,
  says: 'reproduced',
  sha256: parseSha256(byte.repeat(64)),
  products,
  key,
});
const said = (says: 'absent' | 'other-files'): Word => ({ rebuilder: 'https://a.example.org', says });
const away: Word = { rebuilder: 'https://away.example.org', says: 'unreachable', say: 'timed out' };
const lies: Word = { rebuilder: 'https://bad.example.org', says: 'refused', say: 'not signed' };
const differs: Word = {
  rebuilder: 'https://d.example.org',
  says: 'differs',
  rebuilt: parseSha256('d'.repeat(64)),
};

describe('what rebuilders say of a package', () => {
  it.each<[string, string, boolean, readonly Word[]]>([
    ['two made the same', 'agreed', true, [made('1'), made('2')]],
    ['three made the same', 'agreed', true, [made('1'), made('2'), made('3')]],
    ['two made it, the third has none', 'agreed', true, [made('1'), said('absent'), made('2')]],
    ['two made it, the third is away', 'agreed', true, [made('1'), away, made('2')]],
    ['one made it', 'short', false, [made('1'), said('absent')]],
    ['one key at two places', 'short', false, [made('1'), made('1')]],
    ['one made it, the other lists other files', 'short', false, [made('1'), said('other-files')]],
    ['one made it, the other is not believed', 'short', false, [made('1'), lies]],
    ['nobody made it', 'short', false, [said('absent'), said('absent')]],
    ['one made it, the other is away', 'unknown', false, [made('1'), away]],
    ['all are away', 'unknown', false, [away, away]],
    ['other architectures besides', 'uneven', false, [made('1'), made('2', 'a', 'Q')]],
    ['two agree, the third’s link differs', 'outvoted', false, [made('1'), made('2'), made('3', 'b', 'Q')]],
    ['two agree, the third made others and says so', 'outvoted', true, [made('1'), differs, made('2')]],
    ['one each', 'disagreed', false, [made('1'), made('2', 'b', 'Q')]],
    ['one made it, the other others', 'disagreed', false, [made('1'), differs]],
    ['nobody made it, one made others', 'disagreed', false, [said('absent'), differs]],
  ])('%s: %s', (_what, outcome, apt, words) => {
    expect(judgeWords(words, 2)).toMatchObject({ outcome, apt });
  });

  it('is enough by one rebuilder where the threshold is one', () => {
    expect(judgeWords([made('1'), made('2', 'a', 'Q')], 1)).toMatchObject({ outcome: 'uneven', apt: true });
    expect(judgeWords([made('1'), said('absent')], 1)).toMatchObject({ outcome: 'agreed', votes: 1 });
  });

  it('is weighed the same in whatever order they are asked', () => {
    const words = fc.constantFrom(
      made('1'),
      made('2'),
      made('3'),
      made('3', 'b', 'Q'),
      said('absent'),
      away,
      lies,
      differs,
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 6 }), fc.integer({ min: 1, max: 3 }), (all, threshold) => {
        const { outcome, votes, apt } = judgeWords(all, threshold);
        expect(judgeWords([...all].reverse(), threshold)).toMatchObject({ outcome, votes, apt });
        if (apt) expect(votes).toBeGreaterThanOrEqual(threshold);
        if (outcome === 'agreed') expect(apt).toBe(true);
      }),
    );
  });
});
