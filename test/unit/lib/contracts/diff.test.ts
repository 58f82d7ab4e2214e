import fc from 'fast-check';
import { diff } from '../../../../daemons/lib/contracts/diff.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request to compare two files',
  parse: (untrusted) => diff.parseRequest(untrusted, ''),
  valid: fc.record({
    v: fc.constant(1),
    wallSeconds: fc.constantFrom(1, 86_400),
    outputBytes: fc.constantFrom(1, 2 ** 30),
    objects: fc.constantFrom(1, 2),
  }),
  optional: ['v', 'objects'],
});

describeParser({
  what: 'a reply with their differences',
  parse: (untrusted) => diff.parseReply(untrusted, ''),
  valid: fc.record({ v: fc.constant(1), ok: fc.constant(true), objects: fc.constantFrom(1, 3) }),
  optional: ['objects'],
});
