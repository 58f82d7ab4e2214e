import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { Limiter } from '../../../../daemons/lib/net/limiter.ts';

function given(atOnce: number) {
  const clock = new VirtualClock();
  const limiter = new Limiter({ clock, atOnce });
  const entered: { name: string; at: number }[] = [];
  const leaves = new Map<string, () => void>();
  /** Asks for room; notes when it is given. */
  const ask = (name: string, host = 'a', signal?: AbortSignal) =>
    limiter.enter(host, signal).then((leave) => {
      entered.push({ name, at: clock.monotonic() });
      leaves.set(name, leave);
    });
  return { clock, limiter, entered, ask, leave: (name: string) => leaves.get(name)?.() };
}

describe('a limiter', () => {
  it('lets so many at once ask one host, and the others in their order as those leave', async () => {
    const { clock, entered, ask, leave } = given(2);
    for (const name of ['1', '2', '3', '4']) void ask(name);
    await clock.advance(0);
    expect(entered.map(({ name }) => name)).toEqual(['1', '2']);
    leave('2');
    await clock.advance(0);
    expect(entered.map(({ name }) => name)).toEqual(['1', '2', '3']);
    leave('1');
    leave('3');
    await clock.advance(0);
    expect(entered.map(({ name }) => name)).toEqual(['1', '2', '3', '4']);
  });

  it('keeps hosts apart', async () => {
    const { clock, limiter, entered, ask } = given(1);
    limiter.pause('a', 1_000);
    void ask('slow', 'a');
    void ask('quick', 'b');
    await clock.advance(0);
    expect(entered).toEqual([{ name: 'quick', at: 0 }]);
  });

  it('asks nothing of a host before its pause is over', async () => {
    const { clock, limiter, entered, ask } = given(3);
    limiter.pause('a', 1_000);
    limiter.pause('a', 10);
    void ask('1');
    await clock.advance(999);
    expect(entered).toEqual([]);
    await clock.advance(1);
    expect(entered).toEqual([{ name: '1', at: 1_000 }]);
    void ask('2');
    await clock.advance(0);
    expect(entered.at(-1)).toEqual({ name: '2', at: 1_000 });
  });

  it('waits on when the host asks for a longer pause meanwhile', async () => {
    const { clock, limiter, entered, ask } = given(3);
    limiter.pause('a', 1_000);
    void ask('1');
    await clock.advance(500);
    limiter.pause('a', 5_000);
    await clock.advance(5_000);
    expect(entered).toEqual([{ name: '1', at: 5_500 }]);
  });

  it('lets whoever waits give up at once, for room as for a pause, and takes no room with it', async () => {
    const { clock, limiter, entered, ask, leave } = given(1);
    const reason = new Error('told to stop');
    await ask('1');
    const over = new AbortController();
    const waiting = ask('2', 'a', over.signal);
    void ask('3');
    over.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    limiter.pause('a', 1_000);
    leave('1');
    const late = new AbortController();
    await clock.advance(1_000);
    expect(entered.map(({ name }) => name)).toEqual(['1', '3']);
    limiter.pause('a', 1_000);
    leave('3');
    const paused = ask('4', 'a', late.signal);
    await clock.advance(10);
    late.abort(reason);
    await expect(paused).rejects.toBe(reason);
    await expect(ask('5', 'a', AbortSignal.abort(reason))).rejects.toBe(reason);
    void ask('6');
    await clock.advance(1_000);
    expect(entered.at(-1)?.name).toBe('6');
  });

  it('never lets more in than it may, and everybody in the end, whoever gives up', async () => {
    const asks = fc.array(fc.record({ works: fc.nat(20), givesUpAfter: fc.option(fc.nat(20)) }), {
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(asks, fc.integer({ min: 1, max: 3 }), fc.nat(30), async (all, atOnce, pause) => {
        const clock = new VirtualClock();
        const limiter = new Limiter({ clock, atOnce });
        limiter.pause('a', pause);
        let inside = 0;
        let ended = 0;
        for (const { works, givesUpAfter } of all) {
          const over = new AbortController();
          if (givesUpAfter !== null) void clock.sleep(givesUpAfter).then(() => over.abort());
          void limiter
            .enter('a', over.signal)
            .then(async (leave) => {
              inside += 1;
              expect(inside).toBeLessThanOrEqual(atOnce);
              expect(clock.monotonic()).toBeGreaterThanOrEqual(pause);
              await clock.sleep(works);
              inside -= 1;
              leave();
            })
            .catch(() => expect(over.signal.aborted).toBe(true))
            .finally(() => {
              ended += 1;
            });
        }
        await clock.advance(500);
        expect(ended).toBe(all.length);
        expect(inside).toBe(0);
      }),
      { numRuns: 50 },
    );
  });
});
