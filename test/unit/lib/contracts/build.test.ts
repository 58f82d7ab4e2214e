import fc from 'fast-check';
import { build, maxBuildInputs, maxBuildOutputs } from '../../../../daemons/lib/contracts/build.ts';
import { sizes } from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request to build',
  parse: (untrusted) => build.parseRequest(untrusted, 'deb'),
  valid: fc.record({
    v: fc.constant(1),
    limits: fc.record({
      wallSeconds: fc.constantFrom(1, 86_400 * 30),
      memoryMiB: fc.constantFrom(64, 2 ** 30),
      processes: fc.constantFrom(16, 10 ** 6),
      logBytes: sizes,
      outputBytes: sizes,
    }),
    objects: fc.constantFrom(1, maxBuildInputs + 1),
  }),
  optional: ['v', 'objects'],
});

describeParser({
  what: 'a reply with what was built',
  parse: (untrusted) => build.parseReply(untrusted, 'deb'),
  valid: fc.record({
    v: fc.constant(1),
    ok: fc.constant(true),
    objects: fc.constantFrom(1, maxBuildOutputs),
  }),
  optional: ['objects'],
});
