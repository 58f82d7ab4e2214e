import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { replyErrors } from '../../../../daemons/lib/contracts/contract.ts';
import { encodeHeader } from '../../../../daemons/lib/wire/header.ts';
import { parseRefusal, refusalHeader } from '../../../../daemons/lib/wire/refusal.ts';
import { ReplyError } from '../../../../daemons/lib/wire/reply-error.ts';
import { overTheWire } from '../../../support/json-places.ts';
import { textsUpTo } from '../../../support/texts.ts';

describe('a refusal', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.constantFrom(...replyErrors), textsUpTo(40), (code, say) => {
        expect(parseRefusal(overTheWire(refusalHeader(new ReplyError(code, say))))).toEqual({ code, say });
      }),
    );
  });

  it('fits into a header, however much was to be said', () => {
    const header = refusalHeader(new ReplyError('internal', '\u0000'.repeat(1_000_000)));
    expect(() => encodeHeader(header)).not.toThrow();
  });

  it('of a code that is not ours counts as internal', () => {
    for (const error of ['surprise', '', 1, null, undefined, '__proto__', { toString: 1 }]) {
      expect(parseRefusal({ ok: false, error, say: 'no' })).toEqual({ code: 'internal', say: 'no' });
    }
  });

  it('is told from a reply by nothing but its ok, in any value', () => {
    const near = fc.record(
      { ok: fc.constantFrom(false, true, 'false', 0, null), error: fc.jsonValue(), say: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(near, fc.jsonValue()), (header) => {
        const refused = parseRefusal(header);
        expect(refused !== undefined).toBe(Object(header).ok === false);
        if (refused === undefined) return;
        expect(replyErrors).toContain(refused.code);
        expect(refused.say.length).toBeLessThanOrEqual(2_000);
      }),
    );
  });
});
