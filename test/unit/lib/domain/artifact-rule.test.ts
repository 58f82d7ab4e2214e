import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRule } from '../../../../daemons/lib/domain/artifact-rule.ts';
import { MetablockError } from '../../../../daemons/lib/domain/metablock.ts';
import { askPython } from '../../../support/python.ts';

const word = fc.constantFrom(
  ...['MATCH', 'match', 'IN', 'WITH', 'with', 'MATERIALS', 'products', 'FROM', 'from', '*.deb', 'in', ''],
  ...['CREATE', 'Modify', 'DELETE', 'ALLOW', 'disallow', 'REQUIRE', 'KEEP', 'rebuild'],
);
const inOrder = fc
  .tuple(
    fc.constantFrom([], ['IN', 'a/']),
    fc.constantFrom('MATERIALS', 'products', 'links'),
    fc.constantFrom([], ['in', 'b']),
    fc.array(word, { maxLength: 1 }),
  )
  .map(([source, kind, target, more]) => [
    'MATCH',
    '*',
    ...source,
    'WITH',
    kind,
    ...target,
    'FROM',
    'x',
    ...more,
  ]);

describe('parseRule', () => {
  it('takes and refuses what in-toto does', () => {
    const rules = fc.sample(
      fc.oneof(fc.array(word, { maxLength: 11 }), fc.array(word, { maxLength: 2 }), inOrder),
      2_000,
    );
    const expected = askPython(
      `
import json, sys
from in_toto.rulelib import unpack_rule
def known(rule):
  try:
    unpack_rule(rule)
    return True
  except Exception:
    return False
print(json.dumps([known(rule) for rule in json.load(sys.stdin)]))`,
      rules,
    ) as boolean[];
    expect(new Set(expected)).toEqual(new Set([true, false]));
    expect(rules.map(accepts)).toEqual(expected);
  });

  it('names the rule and its place', () => {
    expect(() => parseRule(['KEEP', '*'], 'expected_products')).toThrow(
      new MetablockError('malformed', 'expected_products: ["KEEP","*"] is not a rule that in-toto knows'),
    );
  });
});

function accepts(rule: readonly string[]): boolean {
  try {
    parseRule(rule, 'here');
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(MetablockError);
    return false;
  }
}
