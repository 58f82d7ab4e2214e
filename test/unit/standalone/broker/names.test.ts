import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadRequest, parseServiceName, sanitizeTarget } from '../../../../daemons/standalone/broker/names.ts';

describe('names that a caller sends', () => {
  it.each([
    ['vault', 'vault'],
    ['@dispvm:dvm-1.x_y', '@dispvm:dvm-1.x_y'],
    ['a b/c=d,e%f$g+h', 'a_b_c_d_e_f_g_h'],
    ['ü', '__'],
  ])('lose what dom0 does not know: target %s', (typed, kept) => {
    expect(sanitizeTarget(Buffer.from(typed))).toBe(kept);
  });

  it.each([
    ['test.Service', 'test.Service', ''],
    ['test.Service+', 'test.Service', ''],
    ['test.Service+a+b', 'test.Service', 'a+b'],
    ['te st@:+a/b', 'te_st__', 'a_b'],
  ])('are split at the first plus: service %s', (typed, service, argument) => {
    expect(parseServiceName(Buffer.from(typed))).toEqual({ service, argument });
  });

  it('are refused without a service', () => {
    expect(() => parseServiceName(Buffer.from(''))).toThrow(BadRequest);
    expect(() => parseServiceName(Buffer.from('+a'))).toThrow(BadRequest);
  });

  it('of any bytes keep their length and know only their alphabet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        const target = sanitizeTarget(Buffer.from(bytes));
        expect(target).toMatch(/^[A-Za-z0-9_.@:-]+$/);
        expect(target.length).toBe(bytes.length);
        if (bytes[0] === 0x2b) return;
        const { service, argument } = parseServiceName(Buffer.from(bytes));
        expect(service).toMatch(/^[A-Za-z0-9_.-]+$/);
        expect(argument).toMatch(/^[A-Za-z0-9_.+-]*$/);
      }),
    );
  });
});
