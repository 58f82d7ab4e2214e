import { MetablockError } from './metablock.ts';

/** A rule about materials or products, as a layout spells it: `["DISALLOW", "*.deb"]`. */
export type Rule = readonly string[];

const plainRules = ['create', 'modify', 'delete', 'allow', 'disallow', 'require'];
/** `MATCH pattern [IN path] WITH MATERIALS|PRODUCTS [IN path] FROM step`: the words after the pattern, `.` any text. */
const matchForms = [
  ['with', 'kind', 'from', '.'],
  ['in', '.', 'with', 'kind', 'from', '.'],
  ['with', 'kind', 'in', '.', 'from', '.'],
  ['in', '.', 'with', 'kind', 'in', '.', 'from', '.'],
];

/**
 * The forms that in-toto knows, in any case (in_toto/rulelib.py, unpack_rule): it loads no layout with another.
 *
 * @throws MetablockError `malformed`
 */
export function parseRule(untrusted: readonly string[], where: string): Rule {
  const [keyword = '', , ...rest] = untrusted.map((word) => word.toLowerCase());
  const isPlain = plainRules.includes(keyword) && untrusted.length === 2;
  const isMatch = keyword === 'match' && matchForms.some((form) => fits(rest, form));
  if (!isPlain && !isMatch) {
    const shown = JSON.stringify(untrusted).slice(0, 120);
    throw new MetablockError('malformed', `${where}: ${shown} is not a rule that in-toto knows`);
  }
  return untrusted;
}

function fits(words: readonly string[], form: readonly string[]): boolean {
  return (
    words.length === form.length &&
    form.every((wanted, at) => {
      const word = words[at] ?? '';
      if (wanted === 'kind') return word === 'materials' || word === 'products';
      return wanted === '.' || word === wanted;
    })
  );
}

/** A rule in parts. `prefix` texts are folders, empty when there is none. */
export type ArtifactRule =
  | Readonly<{ kind: PlainKind; pattern: string }>
  | Readonly<{ kind: 'match'; pattern: string; prefix: string; to: MatchTarget }>;
export type MatchRule = Extract<ArtifactRule, { kind: 'match' }>;
export type PlainKind = 'create' | 'modify' | 'delete' | 'allow' | 'disallow' | 'require';
/** Where a MATCH rule looks for the same artifact: in what a step or an inspection recorded. */
export type MatchTarget = Readonly<{ item: string; side: 'materials' | 'products'; prefix: string }>;

/** Takes a rule that `parseRule` let through apart (in_toto/rulelib.py, unpack_rule). */
export function unpackRule(rule: Rule): ArtifactRule {
  const [keyword = '', pattern = '', ...rest] = rule;
  if (keyword.toLowerCase() !== 'match') return { kind: keyword.toLowerCase() as PlainKind, pattern };
  const form =
    matchForms.find((one) =>
      fits(
        rest.map((word) => word.toLowerCase()),
        one,
      ),
    ) ?? [];
  const wordAfter = (keyword: string, from = 0) => rest[form.indexOf(keyword, from) + 1] ?? '';
  const withAt = form.indexOf('with');
  const isIn = (at: number) => form[at] === 'in';
  return {
    kind: 'match',
    pattern,
    prefix: isIn(0) ? wordAfter('in') : '',
    to: {
      item: wordAfter('from'),
      side: wordAfter('with').toLowerCase() as MatchTarget['side'],
      prefix: isIn(withAt + 2) ? wordAfter('in', withAt) : '',
    },
  };
}
