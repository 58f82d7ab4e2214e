import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { RateLimit } from '../../../../daemons/lib/daemon/rate-limit.ts';

describe('a rate', () => {
  it('lets a burst of one minute pass, then one after the other', async () => {
    const clock = new VirtualClock();
    const limit = new RateLimit(clock, 60);
    const taken = () => Array.from({ length: 100 }, () => limit.take(1)).filter(Boolean).length;
    expect(taken()).toBe(60);
    await clock.advance(999);
    expect(taken()).toBe(0);
    await clock.advance(1);
    expect(taken()).toBe(1);
    await clock.advance(3_600_000);
    expect(taken()).toBe(60);
  });

  it('takes many at once, more than it holds only when it is full, and then waits for what is owed', async () => {
    const clock = new VirtualClock();
    const limit = new RateLimit(clock, 60);
    expect([limit.take(50), limit.take(50), limit.take(10)]).toEqual([true, false, true]);
    await clock.advance(60_000);
    expect([limit.take(90), limit.take(1)]).toEqual([true, false]);
    await clock.advance(31_000);
    expect(limit.take(1)).toBe(true);
  });

  it('is never exceeded over any time, and not more than needed below it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5_000 }),
        fc.array(fc.tuple(fc.nat(90_000), fc.nat(200)), { maxLength: 20 }),
        async (perMinute, asks) => {
          const clock = new VirtualClock();
          const limit = new RateLimit(clock, perMinute);
          let taken = 0;
          for (const [wait, times] of asks) {
            await clock.advance(wait);
            for (let ask = 0; ask < times; ask++) if (limit.take(1)) taken += 1;
            expect(taken).toBeLessThanOrEqual(perMinute + (clock.monotonic() * perMinute) / 60_000 + 1e-6);
          }
          await clock.advance(60_000);
          expect(limit.take(1)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });
});
