import fc from 'fast-check';
import { maxLeasesPerWorker, renew } from '../../../../daemons/lib/contracts/renew.ts';
import { counts, fences, jobIds, sizes, some, texts } from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request that renews leases',
  parse: (untrusted) => renew.parseRequest(untrusted, 'rebuild'),
  valid: fc.record({
    v: fc.constant(1),
    leases: some(
      fc.record({
        job: jobIds,
        fence: fences,
        progress: fc.record({ stage: texts, done: counts, total: counts, say: texts }),
        log: fc.record({ offset: sizes, object: fc.constantFrom(0, maxLeasesPerWorker - 1) }),
      }),
    ),
    objects: fc.constantFrom(1, maxLeasesPerWorker),
  }),
  optional: ['v', 'objects', 'leases.*.progress', 'leases.*.log'],
  nullable: ['done', 'total'],
  texts: { stage: 60, say: 2_000 },
  lists: { leases: maxLeasesPerWorker },
});

describeParser({
  what: 'a reply about leases',
  parse: (untrusted) => renew.parseReply(untrusted, 'rebuild'),
  valid: fc.record({
    v: fc.constant(1),
    ok: fc.constant(true),
    leases: some(fc.record({ job: jobIds, answer: fc.constantFrom('held', 'cancelled', 'lost') })),
  }),
  lists: { leases: maxLeasesPerWorker },
});
