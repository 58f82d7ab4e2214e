import { unpackRule } from '../domain/artifact-rule.ts';
import type { Hashes } from '../domain/link.ts';
import { VerificationError } from './errors.ts';
import { matchCandidates, type RecordedItems, type RuleFailure } from './rules.ts';

/** What a rule that does not hold means for the file at hand. */
export function explained(
  failure: RuleFailure,
  file: Readonly<{ name: string; sha256: string }>,
  recorded: RecordedItems,
): VerificationError {
  const found = failure.artifacts.includes(file.name) ? lookedFor(failure, file.name, recorded) : [];
  if (found.length === 0) return violated(failure);
  const listed = found.filter((one) => one.there !== undefined);
  const [first] = listed;
  if (first?.there === undefined) {
    return new VerificationError(
      'file-not-in-link',
      `${file.name} is not in the link of step ${found[0]?.step}`,
    );
  }
  const same = listed.find((one) => one.there?.sha256 === file.sha256);
  if (same !== undefined) {
    return new VerificationError(
      'hash-set-differs',
      `${file.name}: the link of step ${same.step} has ${Object.keys(same.there ?? {}).join(', ')}: in-toto wants sha256 alone`,
    );
  }
  return new VerificationError(
    'hash-differs',
    `${file.name} has sha256 ${file.sha256}, the link of step ${first.step} ${first.there.sha256 ?? 'none'}`,
  );
}

/** Where the rules before looked for it, and what stood there. */
function lookedFor(
  failure: RuleFailure,
  path: string,
  recorded: RecordedItems,
): readonly Readonly<{ step: string; there: Hashes | undefined }>[] {
  return failure.before.flatMap((words) => {
    const rule = unpackRule(words);
    if (rule.kind !== 'match') return [];
    return matchCandidates(rule, [path], recorded).map(({ there }) => ({ step: rule.to.item, there }));
  });
}

function violated({ item, side, rule, artifacts }: RuleFailure): VerificationError {
  const shown = artifacts.slice(0, 5).join(', ') + (artifacts.length > 5 ? ', ...' : '');
  const what = rule[0]?.toLowerCase() === 'require' ? 'is not there' : 'is left over';
  return new VerificationError(
    'rule-violated',
    `${rule.join(' ')}, of the ${side} of ${item}: ${shown} ${what}`,
  );
}
