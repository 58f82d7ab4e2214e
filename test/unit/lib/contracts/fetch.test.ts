import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fetchObjects, maxFetched } from '../../../../daemons/lib/contracts/fetch.ts';
import { encodeHeader } from '../../../../daemons/lib/wire/header.ts';
import { fences, jobIds, sha256s, some } from '../../../support/contract-values.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request for objects',
  parse: (untrusted) => fetchObjects.parseRequest(untrusted, 'attest'),
  valid: fc.record({
    v: fc.constant(1),
    job: jobIds,
    fence: fences,
    want: fc.constantFrom('content', 'presence'),
    sha256: some(sha256s),
  }),
  optional: ['v'],
  lists: { sha256: maxFetched },
});

describeParser({
  what: 'a reply with objects',
  parse: (untrusted) => fetchObjects.parseReply(untrusted, 'attest'),
  valid: fc.record({
    v: fc.constant(1),
    ok: fc.constant(true),
    present: fc.stringMatching(/^[01]{0,20}$/),
    objects: fc.constantFrom(1, maxFetched),
  }),
  optional: ['present', 'objects'],
  emptyNames: ['present'],
});

describe('the largest request for objects', () => {
  it('fits into a header, and one for no object is none', () => {
    const request = { v: 1, job: 'abcdefghijklmnop.deb', fence: 2 ** 50, want: 'presence' };
    const sha256 = Array.from({ length: maxFetched }, () => 'f'.repeat(64));
    const largest = fetchObjects.parseRequest({ ...request, sha256 }, 'get');
    expect(() => encodeHeader(largest)).not.toThrow();
    expect(() => fetchObjects.parseRequest({ ...request, sha256: [] }, 'get')).toThrow('sha256');
  });
});
