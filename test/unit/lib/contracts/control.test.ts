import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { control, verbs } from '../../../../daemons/lib/contracts/control.ts';
import { buildIds, counts, dists, jobIds } from '../../../support/contract-values.ts';
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
  what: 'a reply about what was steered',
  parse: (untrusted) => control.parseReply(untrusted, 'pause'),
  valid: fc.record({ v: fc.constant(1), ok: fc.constant(true), changed: counts }),
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

  it('has a verb that is known', () => {
    for (const verb of verbs) expect(control.parseArgument(verb)).toBe(verb);
    expect(() => control.parseArgument('delete')).toThrow('expected one of cancel, requeue');
  });
});
