import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRule, unpackRule } from '../../../../daemons/lib/domain/artifact-rule.ts';
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

/** The parts of each rule as in-toto takes it apart, null for one that it does not know. */
const judge = `
import json, sys
from in_toto.rulelib import unpack_rule
def parts(rule):
  try:
    return unpack_rule(rule)
  except Exception:
    return None
print(json.dumps([parts(rule) for rule in json.load(sys.stdin)]))`;

describe('parseRule and unpackRule', () => {
  it('take, refuse and understand what in-toto does', () => {
    const rules = fc.sample(
      fc.oneof(fc.array(word, { maxLength: 11 }), fc.array(word, { maxLength: 2 }), inOrder),
      2_000,
    );
    const expected = askPython(judge, rules) as (object | null)[];
    expect(expected).toContain(null);
    expect(expected.filter((one) => one !== null && 'dest_name' in one).length).toBeGreaterThan(10);
    expect(rules.map(partsOf)).toEqual(expected);
  });

  it('names the rule and its place', () => {
    expect(() => parseRule(['KEEP', '*'], 'expected_products')).toThrow(
      new MetablockError('malformed', 'expected_products: ["KEEP","*"] is not a rule that in-toto knows'),
    );
  });
});

function partsOf(untrusted: readonly string[]): object | null {
  try {
    const rule = unpackRule(parseRule(untrusted, 'here'));
    const { kind, pattern } = rule;
    if (kind !== 'match') return { rule_type: kind, pattern };
    const { item, side, prefix } = rule.to;
    const to = { dest_prefix: prefix, dest_type: side, dest_name: item };
    return { rule_type: kind, pattern, source_prefix: rule.prefix, ...to };
  } catch (error) {
    expect(error).toBeInstanceOf(MetablockError);
    return null;
  }
}
