import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxSignedDocuments, sign, signKinds } from '../../../../daemons/lib/contracts/sign.ts';
import { describeParser } from '../../../support/parser-laws.ts';

describeParser({
  what: 'a request to sign',
  parse: (untrusted) => sign.parseRequest(untrusted, 'manifest'),
  valid: fc.constant({ v: 1, objects: 1 }),
  optional: ['v', 'objects'],
});

describeParser({
  what: 'a reply with a signature',
  parse: (untrusted) => sign.parseReply(untrusted, 'manifest'),
  valid: fc.record({
    v: fc.constant(1),
    ok: fc.constant(true),
    keyid: fc.stringMatching(/^[0-9a-f]{64}$/),
    signatures: fc.array(fc.stringMatching(/^[0-9a-f]{128}$/), { minLength: 1, maxLength: 3 }),
  }),
  lists: { signatures: maxSignedDocuments },
});

describe('what is to be signed', () => {
  it('is of a kind that the vault knows', () => {
    for (const kind of signKinds) expect(sign.parseArgument(kind)).toBe(kind);
    for (const wrong of ['', 'layout', 'reproducible+', '__proto__']) {
      expect(() => sign.parseArgument(wrong)).toThrow('rebuilder.Sign has no argument');
    }
  });
});
