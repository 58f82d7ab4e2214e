import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { control, verbs } from '../../../../daemons/lib/contracts/control.ts';
import { buildIds, counts, dists, fingerprints, jobIds } from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request to steer jobs',
  parse: (untrusted) => control.parseRequest(untrusted, 'cancel'),
  valid: fc.record({
    v: fc.constant(1),
    which: fc.oneof(
      fc.record({ job: jobIds }),
      fc.record({ build: buildIds }),
      fc.record({ queue: fc.constantFrom('get', 'rebuild', 'upload') }),
      fc.record({ dist: dists }),
      fc.record({ all: fc.constant(true) }),
    ),
  }),
  optional: ['v'],
});

describeParser({
  what: 'a request to replace what a key signed',
  parse: (untrusted) => control.parseRequest(untrusted, 'resign'),
  valid: fc.record({
    v: fc.constant(1),
    which: fc.record({ signedBy: fingerprints }),
    how: fc.constantFrom('sign', 'rebuild', 'withdraw', 'believe'),
  }),
  optional: ['v', 'how'],
});

describeParser({
  what: 'a reply about what was steered',
  parse: (untrusted) => control.parseReply(untrusted, 'pause'),
  valid: fc.record({ v: fc.constant(1), ok: fc.constant(true), changed: counts, withdrawn: counts }),
  optional: ['withdrawn'],
});

describe('a request to steer', () => {
  it('is never about everything by omission', () => {
    for (const which of [{}, { all: false }, [], null, undefined]) {
      expect(() => control.parseRequest({ which }, 'cancel')).toThrow('which');
    }
  });

  it('names one thing', () => {
    expect(() => control.parseRequest({ which: { all: true, queue: 'get' } }, 'drain')).toThrow('which');
  });

  it('names a key for nothing but its replacement, and that in full', () => {
    const which = { signedBy: 'AB'.repeat(20) };
    expect(control.parseRequest({ which }, 'resign')).toEqual({ v: 1, which, how: 'sign' });
    for (const verb of verbs.filter((one) => one !== 'resign')) {
      expect(() => control.parseRequest({ which }, verb)).toThrow('which');
    }
    for (const short of ['ABABABAB', 'AB'.repeat(19), '']) {
      expect(() => control.parseRequest({ which: { signedBy: short } }, 'resign')).toThrow();
    }
    expect(() => control.parseRequest({ which: { all: true }, how: 'rebuild' }, 'resign')).toThrow();
  });

  it('has a verb that is known', () => {
    for (const verb of verbs) expect(control.parseArgument(verb)).toBe(verb);
    expect(() => control.parseArgument('delete')).toThrow('expected one of cancel, requeue');
  });
});
