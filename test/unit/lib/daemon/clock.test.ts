import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isoTime, systemClock, VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';

describe('the clock of the system', () => {
  it('sleeps at least as long as it is asked to, and never backwards', async () => {
    const before = systemClock.monotonic();
    await systemClock.sleep(20);
    // Timers may fire up to a millisecond early.
    expect(systemClock.monotonic() - before).toBeGreaterThan(18);
    await systemClock.sleep(-1_000);
  });

  it('wakes with the reason of its signal, at once if that was aborted before', async () => {
    const reason = new Error('told to stop');
    await expect(systemClock.sleep(600_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const over = new AbortController();
    const asleep = systemClock.sleep(600_000, over.signal);
    over.abort(reason);
    await expect(asleep).rejects.toBe(reason);
  });

  it('sleeps longer than a timer can', async () => {
    const over = new AbortController();
    const long = systemClock.sleep(2 ** 33, over.signal).then(
      () => 'awake',
      () => 'aborted',
    );
    expect(await Promise.race([long, systemClock.sleep(30).then(() => 'asleep')])).toBe('asleep');
    over.abort();
    expect(await long).toBe('aborted');
  });

  it('gives chances from 0 up to 1', () => {
    for (let count = 0; count < 100; count++) {
      const chance = systemClock.random();
      expect(chance).toBeGreaterThanOrEqual(0);
      expect(chance).toBeLessThan(1);
    }
  });
});

describe('the virtual clock', () => {
  it('wakes every sleeper at its own instant, in order, whatever they do next', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { minLength: 1, maxLength: 6 }),
        fc.nat(120),
        async (sleepers, until) => {
          const clock = new VirtualClock();
          const woken: { at: number; due: number }[] = [];
          for (const [first, second] of sleepers) {
            void clock.sleep(first).then(async () => {
              woken.push({ at: clock.monotonic(), due: first });
              await clock.sleep(second);
              woken.push({ at: clock.monotonic(), due: first + second });
            });
          }
          await clock.advance(until);
          const due = sleepers
            .flatMap(([first, second]) => [first, first + second])
            .filter((at) => at <= until);
          expect(woken.map(({ at }) => at)).toEqual(due.sort((a, b) => a - b));
          for (const one of woken) expect(one.at).toBe(one.due);
          expect(clock.monotonic()).toBe(until);
          expect(clock.now()).toBe(clock.epoch + until);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('stands still by itself, and forgets who is told to wake', async () => {
    const clock = new VirtualClock();
    const over = new AbortController();
    const reason = new Error('told to stop');
    const asleep = clock.sleep(10, over.signal);
    await systemClock.sleep(15);
    expect(clock.monotonic()).toBe(0);
    expect(clock.sleeping).toBe(1);
    over.abort(reason);
    await expect(asleep).rejects.toBe(reason);
    expect(clock.sleeping).toBe(0);
    await expect(clock.sleep(10, over.signal)).rejects.toBe(reason);
  });

  it('repeats its chances for a seed, and has others for another', () => {
    const chances = (seed: number) => {
      const clock = new VirtualClock(seed);
      return Array.from({ length: 20 }, () => clock.random());
    };
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(chances(seed)).toEqual(chances(seed));
        expect(chances(seed)).not.toEqual(chances(seed + 1));
        for (const chance of chances(seed)) expect(chance >= 0 && chance < 1).toBe(true);
      }),
    );
  });
});

describe('isoTime', () => {
  it('writes wall time as documents do', () => {
    expect(isoTime(1_700_000_000_000)).toBe('2023-11-14T22:13:20.000Z');
  });
});
