import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseUtcTime } from '../../../../daemons/lib/domain/date.ts';
import { CommandError } from '../../../../daemons/rebuilderctl/errors.ts';
import { defaultExpiry, parseExpiry } from '../../../../daemons/rebuilderctl/layout/expiry.ts';

const now = parseUtcTime('2028-01-31T12:34:56Z') ?? 0;

describe('parseExpiry', () => {
  it.each([
    ['1d', '2028-02-01T12:34:56Z'],
    ['2w', '2028-02-14T12:34:56Z'],
    ['1m', '2028-02-29T12:34:56Z'],
    ['13m', '2029-02-28T12:34:56Z'],
    ['1y', '2029-01-31T12:34:56Z'],
    ['100y', '2128-01-31T12:34:56Z'],
    ['2031-02-03', '2031-02-03T00:00:00Z'],
    ['2031-02-03T04:05:06Z', '2031-02-03T04:05:06Z'],
  ])('reads %s', (text, expected) => {
    expect(parseExpiry(text, now)).toBe(expected);
  });

  it.each([
    '',
    '0d',
    '1',
    '-1d',
    '1h',
    '101y',
    '99999y',
    '99999d',
    '2028-01-31',
    '2030-02-30',
    'never',
    '2031-02-03T04:05:06+00:00',
  ])('refuses %j', (text) => {
    expect(() => parseExpiry(text, now)).toThrow(CommandError);
  });

  it('answers any text with a time to come or a CommandError', () => {
    const counted = fc
      .tuple(fc.nat(200_000), fc.constantFrom('d', 'w', 'm', 'y', ''))
      .map(([n, unit]) => `${n}${unit}`);
    fc.assert(
      fc.property(fc.oneof(fc.string(), counted), (text) => {
        try {
          expect(parseUtcTime(parseExpiry(text, now))).toBeGreaterThan(now);
        } catch (error) {
          expect(error).toBeInstanceOf(CommandError);
        }
      }),
    );
  });
});

it('a layout whose maker named no expiry gets a month', () => {
  expect(defaultExpiry(now)).toBe('2028-02-29T12:34:56Z');
});
