import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeSignature, type Style, styles, toleranceMs } from '../../../daemons/webhook/signature.ts';
import { signedHeaders } from '../../support/forge.ts';

const now = 1_700_000_000_000;

describe('a signature', () => {
  // docs.github.com, "Validating webhook deliveries": the values to test an implementation with.
  it('is the one of GitHub’s own example', () => {
    const hook = { style: 'github', secret: "It's a Secret to Everybody" } as const;
    const headers = {
      'x-hub-signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    };
    expect(judgeSignature(hook, headers, Buffer.from('Hello, World!'), now)).toHaveProperty('mark');
    expect(judgeSignature(hook, headers, Buffer.from('Hello, World?'), now)).toEqual({
      fault: 'wrong-signature',
    });
  });

  // standard-webhooks/standard-webhooks, spec/standard-webhooks.md: the example of a signed message.
  it('is the one of the example of Standard Webhooks, of several the one that fits', () => {
    const hook = { style: 'gitlab', secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' } as const;
    const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
    const body = Buffer.from('{"test": 2432232314}');
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': `v1,${'A'.repeat(43)}= v1a,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`,
    };
    const at = 1_614_265_330_000;
    expect(judgeSignature(hook, headers, body, at)).toHaveProperty('mark');
    expect(judgeSignature(hook, headers, body, at + toleranceMs + 1)).toEqual({ fault: 'too-old' });
    expect(judgeSignature(hook, headers, body, at - toleranceMs - 1)).toEqual({ fault: 'too-old' });
    expect(judgeSignature(hook, { ...headers, 'webhook-id': `${id}x` }, body, at)).toEqual({
      fault: 'wrong-signature',
    });
  });

  it('of Forgejo is taken before the one that it sends for old receivers', () => {
    const hook = { style: 'gitea', secret: 's' } as const;
    const right = createHmac('sha256', 's').update('body').digest('hex');
    const judge = (headers: IncomingHttpHeaders) => judgeSignature(hook, headers, Buffer.from('body'), now);
    expect(judge({ 'x-gitea-signature': right })).toHaveProperty('mark');
    expect(judge({ 'x-forgejo-signature': right })).toHaveProperty('mark');
    expect(judge({ 'x-gitea-signature': right, 'x-forgejo-signature': '0'.repeat(64) })).toHaveProperty(
      'fault',
    );
  });

  it.each(styles)('in the style %s holds for its own bytes, secret and style alone', (style) => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.uint8Array(), fc.uint8Array(), (secret, one, other) => {
        const [body, wrong] = [Buffer.from(one), Buffer.from(other)];
        const headers = signedHeaders({ style, secret }, body, now);
        const judge = (by: { style: Style; secret: string }, bytes: Buffer) =>
          judgeSignature(by, headers, bytes, now);
        expect(judge({ style, secret }, body)).toHaveProperty('mark');
        expect(judge({ style, secret: `${secret}x` }, body)).toHaveProperty('fault');
        if (!body.equals(wrong)) expect(judge({ style, secret }, wrong)).toHaveProperty('fault');
        for (const another of styles.filter((known) => known !== style)) {
          expect(judge({ style: another, secret }, body)).toEqual({ fault: 'unsigned' });
        }
      }),
    );
  });

  it('of any headers is judged, and nothing is good that was not signed', () => {
    const names = [
      'x-hub-signature-256',
      'x-gitea-signature',
      'webhook-id',
      'webhook-timestamp',
      'webhook-signature',
      'x-rebuilder-timestamp',
      'x-rebuilder-signature',
    ];
    const value = fc.oneof(
      fc.string(),
      fc.constantFrom(`sha256=${'0'.repeat(64)}`, '0'.repeat(64), `v1,${'A'.repeat(43)}=`, '1700000000'),
      fc.array(fc.string(), { maxLength: 2 }),
    );
    const headers = fc.dictionary(fc.constantFrom(...names), value);
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.constantFrom(...styles), headers, (style, given) => {
        const judged = judgeSignature({ style, secret: 'secret' }, given, Buffer.from('x'), now);
        expect(judged).toHaveProperty('fault');
        seen.add('fault' in judged ? judged.fault : '');
      }),
      { numRuns: 1_000 },
    );
    expect([...seen].sort()).toEqual(['unsigned', 'wrong-signature']);
  });
});
