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

const accepts = () => true;

describe('what rebuilders say of a package', () => {
  it.each<[string, string, readonly Word[]]>([
    ['two made the same', 'agreed', [made('1'), made('2')]],
    ['three made the same', 'agreed', [made('1'), made('2'), made('3')]],
    ['two made it, the third has none', 'agreed', [made('1'), said('absent'), made('2')]],
    ['two made it, the third is away', 'agreed', [made('1'), away, made('2')]],
    ['one made it', 'short', [made('1'), said('absent')]],
    ['one key at two places', 'short', [made('1'), made('1')]],
    ['one made it, the other lists other files', 'short', [made('1'), said('other-files')]],
    ['one made it, the other is not believed', 'short', [made('1'), lies]],
    ['nobody made it', 'short', [said('absent'), said('absent')]],
    ['one made it, the other is away', 'unknown', [made('1'), away]],
    ['all are away', 'unknown', [away, away]],
    ['two made it, the third lists other files', 'uneven', [made('1'), made('2'), said('other-files')]],
    ['other architectures besides', 'uneven', [made('1'), made('2', 'a', 'Q')]],
    ['two agree, the third’s link differs', 'outvoted', [made('1'), made('2'), made('3', 'b', 'Q')]],
    ['two agree, the third made others and says so', 'outvoted', [made('1'), differs, made('2')]],
    ['one each', 'disagreed', [made('1'), made('2', 'b', 'Q')]],
    ['one made it, the other others', 'disagreed', [made('1'), differs]],
    ['nobody made it, one made others', 'disagreed', [said('absent'), differs]],
  ])('%s: %s', (_what, outcome, words) => {
    expect(judgeWords(words, 2, accepts)).toMatchObject({ outcome });
  });

  it('is never agreed where apt refuses', () => {
    const words = [made('1'), made('2')];
    expect(judgeWords(words, 2, () => false)).toMatchObject({ outcome: 'uneven', apt: false });
    expect(judgeWords(words, 2, () => null)).toMatchObject({ outcome: 'agreed', apt: null });
    expect(judgeWords([], 2, accepts)).toMatchObject({ outcome: 'short', apt: false });
  });

  it('is enough by one rebuilder where the threshold is one', () => {
    expect(judgeWords([made('1'), made('2', 'a', 'Q')], 1, accepts)).toMatchObject({
      outcome: 'uneven',
      apt: true,
    });
    expect(judgeWords([made('1'), said('absent')], 1, accepts)).toMatchObject({
      outcome: 'agreed',
      votes: 1,
    });
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
        const { outcome, votes } = judgeWords(all, threshold, accepts);
        expect(judgeWords([...all].reverse(), threshold, accepts)).toMatchObject({ outcome, votes });
        if (outcome === 'agreed') expect(votes).toBeGreaterThanOrEqual(threshold);
      }),
    );
  });
});
