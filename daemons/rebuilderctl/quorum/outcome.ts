import type { Sha256 } from '../../lib/domain/names.ts';

/** What one rebuilder says of a package. */
export type Word = Readonly<{ rebuilder: string }> &
  (
    | Readonly<{
        says: 'reproduced';
        sha256: Sha256;
        /** Every product that its link lists, one text for one set. */
        products: string;
        /** The key that signed, for one vote a key. */
        key: string;
      }>
    /** It rebuilt other bytes. */
    | Readonly<{ says: 'differs'; rebuilt: Sha256 }>
    /** Its link of this version does not list the file. */
    | Readonly<{ says: 'other-files' }>
    | Readonly<{ says: 'absent' }>
    | Readonly<{ says: 'unreachable'; say: string }>
    /** It answered with what cannot be believed. */
    | Readonly<{ says: 'refused'; say: string }>
  );

export const outcomes = ['agreed', 'uneven', 'short', 'unknown', 'outvoted', 'disagreed'] as const;
/**
 * `agreed`: as many as the threshold asks for made the same bytes, and nobody others. `uneven`: they did, and their links
 * differ in what else they say. `short`: too few did. `unknown`: too few did, and not all could be asked. `outvoted`: enough
 * did, and somebody made others. `disagreed`: too few did, and somebody made others.
 */
export type Outcome = (typeof outcomes)[number];

export interface Judged {
  readonly outcome: Outcome;
  /** The bytes that most made; undefined if nobody made any. */
  readonly sha256: Sha256 | undefined;
  /** Different keys by which they are vouched for. */
  readonly votes: number;
  /** Whether apt would install it by these links and this layout; null without a layout. */
  readonly apt: boolean | null;
}

type Reproduced = Extract<Word, { says: 'reproduced' }>;

/**
 * Weighs what rebuilders say of one package.
 *
 * @param apt what apt would decide about such bytes
 */
export function judgeWords(
  words: readonly Word[],
  threshold: number,
  apt: (sha256: Sha256) => boolean | null,
): Judged {
  const reproduced = words.filter((word): word is Reproduced => word.says === 'reproduced');
  const [sha256, agreeing = []] = majority(reproduced) ?? [];
  const votes = keysOf(agreeing);
  const isEnough = votes >= threshold;
  const accepts = sha256 === undefined ? false : apt(sha256);
  const sets = new Set(
    words.flatMap((word) =>
      word.says === 'reproduced' ? [word.products] : word.says === 'other-files' ? [word.says] : [],
    ),
  );
  const dissent = words.some((word) => word.says === 'differs') || agreeing.length < reproduced.length;
  const away = words.some(({ says }) => says === 'unreachable');
  const outcome = ((): Outcome => {
    if (dissent) return isEnough ? 'outvoted' : 'disagreed';
    if (!isEnough) return away ? 'unknown' : 'short';
    return sets.size > 1 || accepts === false ? 'uneven' : 'agreed';
  })();
  return { outcome, sha256, votes, apt: accepts };
}

/** The hash that most keys vouch for, and its links; the first one asked where as many vouch for another. */
function majority(words: readonly Reproduced[]): readonly [Sha256, readonly Reproduced[]] | undefined {
  const groups = new Map<Sha256, Reproduced[]>();
  for (const word of words) groups.set(word.sha256, [...(groups.get(word.sha256) ?? []), word]);
  return [...groups].reduce<readonly [Sha256, readonly Reproduced[]] | undefined>(
    (best, group) => (best === undefined || keysOf(group[1]) > keysOf(best[1]) ? group : best),
    undefined,
  );
}

function keysOf(words: readonly Reproduced[]): number {
  return new Set(words.map(({ key }) => key)).size;
}
