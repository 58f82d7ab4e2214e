import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { readFile, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { parseQubeName, type Sha256 } from '../../../daemons/lib/domain/names.ts';
import { LiveLogs, maxLiveLog } from '../../../daemons/orchestrator/live-logs.ts';
import { ShaSet } from '../../../daemons/orchestrator/sha-set.ts';
import { LedgerTime } from '../../../daemons/orchestrator/time.ts';
import { Wakeups } from '../../../daemons/orchestrator/wakeups.ts';
import { latelyMs, Workers } from '../../../daemons/orchestrator/workers.ts';
import { sha } from './given.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'keeping-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('a live log', () => {
  it('is the same however its parts are repeated, and never longer than its cap', async () => {
    const logs = await LiveLogs.open(dir, async () => true);
    const parts = [Buffer.from('one\n'), Buffer.from('two\n'), Buffer.from('three\n')];
    const offsets = [0, 4, 8];
    for (const turn of [0, 0, 1, 0, 1, 2, 2, 1])
      await logs.append('job', 1, offsets[turn] ?? 0, parts[turn] ?? Buffer.alloc(0));
    expect(await readFile(logs.path('job', 1), 'utf8')).toBe('one\ntwo\nthree\n');
    await logs.append('job', 1, 15, Buffer.from('after a gap'));
    expect(await logs.size('job', 1)).toBe(14);
    await truncate(logs.path('job', 1), maxLiveLog - 1);
    await logs.append('job', 1, maxLiveLog - 1, Buffer.from('xy'));
    await logs.append('job', 1, maxLiveLog, Buffer.from('xy'));
    expect(await logs.size('job', 1)).toBe(maxLiveLog);
    expect(await logs.size('job', 2)).toBeUndefined();
  });

  it('of a lease that is over is removed at start', async () => {
    const logs = await LiveLogs.open(dir, async () => true);
    for (const [job, fence] of [
      ['held', 2],
      ['held', 1],
      ['over', 1],
    ] as const) {
      await logs.append(job, fence, 0, Buffer.from('x'));
    }
    await LiveLogs.open(dir, async (job, fence) => job === 'held' && fence === 2);
    expect(readdirSync(dir)).toEqual(['held.2']);
  });
});

describe('a set of sha256', () => {
  it('knows exactly what was put into it', () => {
    const set = new ShaSet();
    const hashes = Array.from({ length: 5_000 }, (_, index) => sha(String(index)));
    for (const hash of [...hashes, ...hashes]) set.add(hash);
    expect(set.size).toBe(5_000);
    expect(hashes.every((hash) => set.has(hash))).toBe(true);
    expect(
      Array.from({ length: 5_000 }, (_, index) => sha(`not ${index}`)).some((hash) => set.has(hash)),
    ).toBe(false);
    const near = hashes[0]?.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) as Sha256;
    expect(set.has(near)).toBe(false);
  });
});

describe('ledger time', () => {
  it('goes on from what was stored, and not with the wall clock', async () => {
    const clock = new VirtualClock();
    const time = new LedgerTime(clock, 5_000);
    await clock.advance(250);
    expect(time.now()).toEqual({ ms: 5_250, wall: clock.now() });
  });
});

describe('a wake-up', () => {
  it('is not missed between the look and the wait', async () => {
    const clock = new VirtualClock();
    const wakeups = new Wakeups(clock);
    const ticket = wakeups.ticket('get');
    wakeups.wake(['get']);
    await wakeups.wait('get', ticket, 1_000, new AbortController().signal);
    expect(clock.monotonic()).toBe(0);
  });

  it('reaches all who wait for that queue, and nobody else; time and signal end a wait, too', async () => {
    const clock = new VirtualClock();
    const wakeups = new Wakeups(clock);
    const signal = new AbortController();
    const ended: string[] = [];
    const wait = (name: string, queue: 'get' | 'rebuild', ms: number) =>
      wakeups.wait(queue, wakeups.ticket(queue), ms, signal.signal).then(() => void ended.push(name));
    const waits = [
      wait('a', 'get', 9_000),
      wait('b', 'get', 9_000),
      wait('c', 'rebuild', 500),
      wait('d', 'rebuild', 9_000),
    ];
    wakeups.wake(['get']);
    await clock.advance(400);
    expect(ended.sort()).toEqual(['a', 'b']);
    await clock.advance(200);
    expect(ended).toEqual(['a', 'b', 'c']);
    signal.abort();
    await Promise.all(waits);
    expect(ended).toEqual(['a', 'b', 'c', 'd']);
    expect(clock.sleeping).toBe(0);
  });
});

describe('workers seen lately', () => {
  it('have to say what they said last, as long as they are heard of', async () => {
    const clock = new VirtualClock();
    const workers = new Workers(clock);
    const qube = parseQubeName('rebuilder-attester');
    const notice = { code: 'key-expires', say: 'soon', at: null } as const;
    const said = () => workers.lately().map(({ notices }) => notices);
    workers.asks(qube, 'attest', [notice])();
    workers.renewed(qube, 'attest', []);
    expect(said()).toEqual([[notice]]);
    workers.asks(qube, 'attest')();
    expect(said()).toEqual([[]]);
    workers.asks(qube, 'attest', [notice])();
    await clock.advance(latelyMs + 1);
    expect(said()).toEqual([]);
  });

  it('count with the jobs they had at once and the one they ask for, until they are not heard of', async () => {
    const clock = new VirtualClock();
    const workers = new Workers(clock);
    const [one, two] = ['rebuilder-one', 'rebuilder-two'].map(parseQubeName) as [
      ReturnType<typeof parseQubeName>,
      ReturnType<typeof parseQubeName>,
    ];
    const done = workers.asks(one, 'rebuild');
    workers.leased(one, 'rebuild', 'a.rebuild');
    expect(workers.slotsLately('rebuild')).toBe(2);
    done();
    workers.renewed(two, 'rebuild', ['b.rebuild', 'c.rebuild', 'd.rebuild']);
    expect(workers.slotsLately('rebuild')).toBe(5);
    workers.returned(two, 'rebuild', 'b.rebuild');
    expect(workers.slotsLately('rebuild')).toBe(5);
    expect(workers.slotsLately('get')).toBe(0);
    expect(workers.lately().map(({ qube, jobs }) => [qube, jobs.length])).toEqual([
      [one, 1],
      [two, 2],
    ]);
    await clock.advance(latelyMs / 2);
    workers.renewed(two, 'rebuild', []);
    await clock.advance(latelyMs / 2 + 1);
    expect(workers.slotsLately('rebuild')).toBe(3);
  });
});
