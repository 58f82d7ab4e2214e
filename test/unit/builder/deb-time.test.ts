import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { timeOfDeb } from '../../../daemons/builder/deb-time.ts';

const deb = (time: string) =>
  Buffer.from(
    `!<arch>\n${'debian-binary'.padEnd(16)}${time.padEnd(12)}0     0     100644  4         \`\n2.0\n`,
  );

describe('the time of a package', () => {
  it('is its first member’s, in seconds', () => {
    expect(timeOfDeb(deb('1700000000'))).toBe(1_700_000_000);
  });

  it('is none where it is no number, or after any of us', () => {
    for (const time of ['', 'x', '-5', '1e9', '999999999999']) expect(timeOfDeb(deb(time))).toBe(0);
  });

  it('is a sensible number whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const time = timeOfDeb(bytes);
        expect(Number.isSafeInteger(time) && time >= 0 && time <= 7_258_118_400).toBe(true);
      }),
    );
  });
});
