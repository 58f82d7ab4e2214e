import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Queue, queues } from '../../../../daemons/lib/contracts/job.ts';
import { maxReturned, returnOutcome } from '../../../../daemons/lib/contracts/return.ts';
import {
  counts,
  failureCodes,
  fences,
  jobIds,
  officialFiles,
  sha256s,
  some,
  texts,
} from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

/** The request around an outcome. */
function returned(outcome: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.record({
    v: fc.constant(1),
    job: jobIds,
    fence: fences,
    digest: sha256s,
    outcome,
    objects: fc.constantFrom(1, maxReturned),
  });
}

const done = fc.constant('done');
const outcomes: Readonly<Record<Queue, fc.Arbitrary<unknown>>> = {
  get: fc.oneof(
    fc.record({
      status: done,
      kind: fc.constant('feed'),
      builds: sha256s,
      count: counts,
      resume: texts,
      say: texts,
    }),
    fc.record({ status: done, kind: fc.constant('inputs'), recipe: sha256s, buildinfo: sha256s }),
    fc.record({ status: done, kind: fc.constant('official'), files: some(officialFiles) }),
  ),
  rebuild: fc.record({ status: done, report: sha256s }),
  attest: fc.record({ status: done, attestation: sha256s }),
  diff: fc.record({ status: done, text: sha256s }),
  report: fc.record({ status: done, pages: sha256s }),
  upload: fc.record({ status: done, sent: counts, say: texts }),
};

const ofReturn = {
  optional: ['v', 'objects'],
  nullable: ['builds', 'resume', 'buildinfo', 'text', 'outcome.log'],
  texts: { say: 2_000, resume: 4_000 },
  lists: { files: 500 },
} as const;

describe.each([...queues])('for the queue %s', (queue) => {
  describeParser({
    what: 'what was done',
    parse: (untrusted) => returnOutcome.parseRequest(untrusted, queue),
    valid: returned(outcomes[queue]),
    ...ofReturn,
  });
});

describeParser({
  what: 'a job that failed',
  parse: (untrusted) => returnOutcome.parseRequest(untrusted, 'rebuild'),
  valid: returned(
    fc.record({
      status: fc.constant('failed'),
      code: failureCodes,
      fault: fc.constantFrom('package', 'ours'),
      say: texts,
      log: sha256s,
      files: some(officialFiles),
    }),
  ),
  ...ofReturn,
  optional: [...ofReturn.optional, 'files'],
});

describeParser({
  what: 'a job that is handed back',
  parse: (untrusted) => returnOutcome.parseRequest(untrusted, 'get'),
  valid: returned(fc.record({ status: fc.constant('handed-back'), say: texts })),
  ...ofReturn,
});

describeParser({
  what: 'a reply about what was returned',
  parse: (untrusted) => returnOutcome.parseReply(untrusted, 'get'),
  valid: fc.record({
    v: fc.constant(1),
    ok: fc.constant(true),
    result: fc.constantFrom('settled', 'already', 'lost'),
  }),
});

describe('an outcome', () => {
  it('of one queue is none of another', () => {
    for (const queue of queues) {
      const [one] = fc.sample(returned(outcomes[queue]), { numRuns: 1, seed: 7 });
      returnOutcome.parseRequest(one, queue);
      for (const other of queues.filter((name) => name !== queue)) {
        expect(() => returnOutcome.parseRequest(one, other), `${queue} as ${other}`).toThrow('outcome');
      }
    }
  });
});
