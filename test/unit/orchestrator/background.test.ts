import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../daemons/lib/daemon/clock.ts';
import { Beat } from '../../../daemons/orchestrator/beat.ts';
import { sliceBuilds } from '../../../daemons/orchestrator/expand.ts';
import { openOffice } from '../../../daemons/orchestrator/open-office.ts';
import { graceMs } from '../../../daemons/orchestrator/room.ts';
import {
  documents,
  feedDone,
  quietLog,
  type Running,
  sha,
  startOrchestrator,
  triggerGet,
  upTo,
  usualSettings,
  view,
  workersOf,
} from './given.ts';

async function withOrchestrator(
  settings: Parameters<typeof startOrchestrator>[0],
  clock: VirtualClock,
  test: (running: Running) => Promise<void>,
): Promise<void> {
  const running = await startOrchestrator(settings, clock);
  try {
    await test(running);
  } finally {
    await running.stop();
  }
}

/** A feed of many builds, as its worker returns it. */
async function longFeed(running: Running, count: number) {
  const { build, priority, files } = documents().feedBuild;
  const lines = Array.from({ length: count }, (_, index) =>
    JSON.stringify({ build: { ...build, source: `source${index}` }, priority, files }),
  );
  const builds = Buffer.from(`${lines.join('\n')}\n`);
  const { evidence, release, packages } = documents();
  await triggerGet(running.path);
  const { get } = workersOf(running.path);
  await get.give(await get.expectJob(), feedDone(builds, count), [builds, evidence, release, packages]);
}

describe('a long feed', () => {
  it('is submitted whole, slice by slice, each build once', async () => {
    await withOrchestrator({}, new VirtualClock(), async (running) => {
      const count = 3 * sliceBuilds + 17;
      await longFeed(running, count);
      await running.expander.idle();
      expect((await running.office.history.counts()).states).toEqual([
        { dist: 'bookworm.amd64', state: 'pending', count },
      ]);
      expect(await running.office.history.openLists()).toEqual([]);
      const { get } = workersOf(running.path);
      expect((await get.expectJob()).payload).toMatchObject({ build: { source: 'source0' } });
      await longFeed(running, count);
      await running.expander.idle();
      expect((await running.office.history.counts()).states.reduce((sum, row) => sum + row.count, 0)).toBe(
        count,
      );
    });
  });

  it('waits while there is no room, and goes on with the beat', async () => {
    const clock = new VirtualClock();
    await withOrchestrator({}, clock, async (running) => {
      const { office } = running;
      const isLeft = office.room.isLeft.bind(office.room);
      office.room.isLeft = async () => (await office.history.openLists()).length === 0;
      await longFeed(running, sliceBuilds + 1);
      await running.expander.idle();
      expect((await office.history.counts()).states).toEqual([]);
      office.room.isLeft = isLeft;
      const beat = await Beat.start(office);
      await clock.advance(60_001);
      await beat.turn();
      await running.expander.idle();
      expect(await office.history.openLists()).toEqual([]);
    });
  });

  it('goes on where it was when the orchestrator ended', async () => {
    await withOrchestrator({}, new VirtualClock(), async (running) => {
      const { office } = running;
      const count = 2 * sliceBuilds;
      const original = office.ledger.extend.bind(office.ledger);
      let slices = 0;
      office.ledger.extend = async (...slice) => {
        slices += 1;
        if (slices > 1) throw new Error('the power went');
        return await original(...slice);
      };
      await longFeed(running, count);
      await running.expander.idle();
      expect(await office.history.openLists()).toMatchObject([{ offset: sliceBuilds }]);
      await running.close();
      const again = await openOffice({
        clock: new VirtualClock(),
        log: quietLog,
        settings: usualSettings,
        state: `${running.dir}/state`,
      });
      await again.expander.idle();
      expect((await again.office.history.counts()).states).toEqual([
        { dist: 'bookworm.amd64', state: 'pending', count },
      ]);
      running.close = again.close;
    });
  });
});

describe('the beat', () => {
  const pending = async ({ office }: Running, queue: string) =>
    (await office.history.counts()).queues
      .filter((row) => row.queue === queue && row.state === 'pending')
      .reduce((sum, row) => sum + row.count, 0);

  it('reads every dist at once when the ledger is empty, and then when it is due', async () => {
    const clock = new VirtualClock();
    const dists = ['bookworm.amd64', 'bookworm.all'].map((dist) => ({ dist, everyMs: 1_800_000 }));
    await withOrchestrator({ dists }, clock, async (running) => {
      const beat = await Beat.start(running.office);
      await beat.turn();
      expect(await pending(running, 'get')).toBe(2);
      const { get } = workersOf(running.path);
      const docs = documents();
      const feed = await get.expectJob();
      await get.give(feed, feedDone(docs.builds), [docs.builds, docs.evidence, docs.release, docs.packages]);
      await get.give(await get.expectJob({ waitMs: 0, kinds: ['feed'] }), {
        ...feedDone(docs.builds),
        builds: null,
        count: 0,
      });
      await clock.advance(1_799_000);
      await beat.turn();
      expect(await get.lease({ waitMs: 0, kinds: ['feed'] })).toBeNull();
      const restarted = await Beat.start(running.office);
      await clock.advance(1_000);
      await restarted.turn();
      expect((await get.expectJob({ waitMs: 0, kinds: ['feed'] })).payload).toMatchObject({
        resume: 'seen up to here',
      });
    });
  });

  it('feeds nothing and reports nothing where no dist is configured', async () => {
    const clock = new VirtualClock();
    await withOrchestrator({ dists: [] }, clock, async (running) => {
      const beat = await Beat.start(running.office);
      for (let hour = 0; hour < 3; hour += 1) {
        await beat.turn();
        await clock.advance(3_600_000);
      }
      expect(await running.office.history.isEmpty()).toBe(true);
    });
  });

  it("makes pages now and then, takes lost workers' jobs back and stores the time", async () => {
    const clock = new VirtualClock();
    await withOrchestrator({}, clock, async (running) => {
      await upTo(running.path, 'rebuild');
      const beat = await Beat.start(running.office);
      const { rebuild } = workersOf(running.path);
      const lost = await rebuild.expectJob();
      expect(await rebuild.lease()).toBeNull();
      await clock.advance(60_001);
      await beat.turn();
      const again = await rebuild.expectJob();
      expect(again).toMatchObject({ id: lost.id, fence: lost.fence + 1 });
      expect(await running.office.history.storedMs()).toBeGreaterThanOrEqual(60_001);
      expect(await pending(running, 'report')).toBe(0);
      await clock.advance(300_000);
      await beat.turn();
      expect(await pending(running, 'report')).toBe(1);
    });
  });

  it('wakes who waits for a retry that has come due', async () => {
    const clock = new VirtualClock();
    await withOrchestrator({ maxRetries: 1, retryDelayMs: 5_000 }, clock, async (running) => {
      await upTo(running.path, 'rebuild');
      const beat = await Beat.start(running.office);
      const { rebuild } = workersOf(running.path);
      const job = await rebuild.expectJob();
      await rebuild.give(job, {
        status: 'failed',
        code: 'sandbox',
        fault: 'ours',
        say: 'no',
        log: null,
        files: [],
      });
      expect(await view(running.path, 'results')).toMatchObject([
        { state: 'retry', verdict: null, code: 'sandbox' },
      ]);
      const { wakeups } = running.office;
      const ticket = wakeups.ticket('rebuild');
      await clock.advance(4_000);
      await beat.turn();
      expect(wakeups.ticket('rebuild')).toBe(ticket);
      await clock.advance(1_000);
      await beat.turn();
      expect(wakeups.ticket('rebuild')).toBe(ticket + 1);
      expect((await rebuild.expectJob()).id).toBe(job.id);
    });
  });
});

describe('collection', () => {
  it('removes what nobody refers to, and only when room grows short', async () => {
    const clock = new VirtualClock();
    const quotaBytes = 20_000;
    await withOrchestrator({ quotaBytes }, clock, async (running) => {
      const { objects, room, history } = running.office;
      const docs = documents();
      await upTo(running.path, 'attest', docs);
      const stray = await objects.put([Buffer.alloc(3_000)] as never, quotaBytes);
      await clock.advance(graceMs + 1);
      await room.tidy();
      expect(await objects.has(stray.sha256)).toBe(true);
      const filler = await objects.put(
        [Buffer.alloc(quotaBytes - objects.usage().bytes - 500, 1)] as never,
        quotaBytes,
      );
      expect(await room.isLeft()).toBe(false);
      await room.tidy();
      expect(await objects.has(stray.sha256)).toBe(false);
      expect(await objects.has(filler.sha256)).toBe(true);
      for (const kept of ['recipe', 'official', 'log', 'evidence', 'release', 'packages'] as const) {
        expect([kept, await objects.has(sha(docs[kept]))]).toEqual([kept, true]);
      }
      // What was only needed to build is gone, and nobody believes that it is here.
      expect(await objects.has(sha(docs.dependency))).toBe(false);
      expect(await history.origins(sha(docs.dependency))).toEqual([]);
      await clock.advance(graceMs + 1);
      await room.tidy();
      expect(await objects.has(filler.sha256)).toBe(false);
      expect(await room.isLeft()).toBe(true);
    });
  });

  it('gives up what settled builds made when nothing else is left to remove', async () => {
    const clock = new VirtualClock();
    const quotaBytes = 20_000;
    await withOrchestrator({ quotaBytes }, clock, async (running) => {
      const { objects, room } = running.office;
      const docs = documents();
      const made = Buffer.alloc(12_000);
      await upTo(running.path, 'rebuild', docs);
      const { rebuild, attest } = workersOf(running.path);
      const report = docs.report('done', made);
      await rebuild.give(await rebuild.expectJob(), { status: 'done', report: sha(report) }, [
        report,
        docs.log,
        made,
      ]);
      await clock.advance(graceMs + 1);
      await room.tidy();
      expect(await objects.has(sha(made))).toBe(true);
      const attested = { status: 'done', attestation: sha(docs.attestation) };
      await attest.give(await attest.expectJob(), attested, [docs.attestation, docs.link]);
      await clock.advance(graceMs + 1);
      await room.tidy();
      expect(await objects.has(sha(made))).toBe(false);
      // It can only be rebuilt now, if its signature is to be another's.
      const { rows } = await running.office.history.signedBy(docs.key, { limit: 10 });
      expect(rows).toMatchObject([{ source: 'sed', next: 'rebuild' }]);
      for (const kept of [docs.link, docs.log, docs.attestation, docs.recipe]) {
        expect(await objects.has(sha(kept))).toBe(true);
      }
    });
  });
});
