import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addMonths, parseRfcDate, parseUtcTime } from '../../../../daemons/lib/domain/date.ts';
import { askPython } from '../../../support/python.ts';

describe('parseRfcDate', () => {
  it('agrees with Date on every date that Date writes', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true }),
        (date) => {
          const seconds = Math.floor(date.getTime() / 1_000) * 1_000;
          expect(parseRfcDate(date.toUTCString())).toBe(seconds);
        },
      ),
    );
  });

  it('agrees with Date on every zone', () => {
    const twoDigits = (number: number) => String(number).padStart(2, '0');
    fc.assert(
      fc.property(
        fc.nat(4_000_000_000),
        fc.nat(14),
        fc.nat(59),
        fc.constantFrom('+', '-'),
        (at, hours, minutes, sign) => {
          const shift = (sign === '+' ? 1 : -1) * (hours * 60 + minutes) * 60;
          const local = new Date((at + shift) * 1_000).toUTCString();
          expect(parseRfcDate(local.replace('GMT', `${sign}${twoDigits(hours)}${twoDigits(minutes)}`))).toBe(
            at * 1_000,
          );
        },
      ),
    );
  });

  it.each([
    ['Thu, 07 May 2026 21:10:44 +0000', 1778188244000],
    ['Tue, 22 Aug 2021 22:12:19 +1400', Date.UTC(2021, 7, 22, 8, 12, 19)],
    ['22 Aug 2021 22:12:19 -0430', Date.UTC(2021, 7, 23, 2, 42, 19)],
    ['Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['  1 Jan 2024  1:02:03 Z ', Date.UTC(2024, 0, 1, 1, 2, 3)],
  ])('reads %s', (written, time) => {
    expect(parseRfcDate(written)).toBe(time);
  });

  it.each([
    '',
    'yesterday',
    'Thu, 29 Feb 2023 00:00:00 GMT',
    '29 Feb 1900 00:00:00 GMT',
    '0 Jan 2024 00:00:00 GMT',
    '1 jan 2024 00:00:00 GMT',
    '1 Jan 24 00:00:00 GMT',
    '1 Jan 2024 24:00:00 GMT',
    '1 Jan 2024 00:60:00 GMT',
    '1 Jan 2024 00:00:61 GMT',
    '1 Jan 2024 00:00:00',
    '1 Jan 2024 00:00:00 CEST',
    '1 Jan 2024 00:00:00 GMT and more',
    `1${' '.repeat(100_000)}Jan`,
  ])('refuses %j', (written) => {
    expect(parseRfcDate(written)).toBeUndefined();
  });

  it('answers any text with a whole second or nothing', () => {
    const near = fc
      .tuple(
        fc.constantFrom('Thu, 07 May 2026 21:10:44 +0000', '1 Jan 2024 0:00:00 GMT'),
        fc.nat(30),
        fc.string({ maxLength: 2 }),
      )
      .map(([text, at, by]) => text.slice(0, at) + by + text.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        const time = parseRfcDate(text);
        if (time !== undefined) expect(Number.isSafeInteger(time / 1_000)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('parseUtcTime', () => {
  it('reads every time that Date writes in whole seconds', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true }),
        (date) => {
          const text = `${date.toISOString().slice(0, 19)}Z`;
          expect(parseUtcTime(text)).toBe(Math.floor(date.getTime() / 1_000) * 1_000);
        },
      ),
    );
  });

  it.each([
    '',
    '2030-01-01',
    '2030-01-01T00:00:00+00:00',
    '2030-01-01T00:00:00.0Z',
    '2030-13-01T00:00:00Z',
    '2030-02-29T00:00:00Z',
    '2030-01-01T24:00:00Z',
    '0000-01-01T00:00:00Z',
    ' 2030-01-01T00:00:00Z',
    '2030-01-01T00:00:00Z\n',
  ])('refuses %j', (text) => {
    expect(parseUtcTime(text)).toBeUndefined();
  });
});

describe('addMonths', () => {
  it('counts as dateutil does, by which in-toto counts', () => {
    const cases = fc.sample(fc.tuple(fc.nat(4_000_000_000), fc.integer({ min: -1_200, max: 1_200 })), 500);
    const script = `
import json, sys, datetime
from dateutil.relativedelta import relativedelta
epoch = datetime.datetime(1970, 1, 1)
print(json.dumps([int((epoch + datetime.timedelta(seconds=at) + relativedelta(months=n) - epoch).total_seconds())
  for at, n in json.load(sys.stdin)]))`;
    expect(cases.map(([at, months]) => addMonths(at * 1_000, months) / 1_000)).toEqual(
      askPython(script, cases),
    );
  });
});
