import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Notice } from '../../../../daemons/lib/contracts/documents/notice.ts';
import { JobFailure } from '../../../../daemons/lib/contracts/job-failure.ts';
import { VirtualClock } from '../../../../daemons/lib/daemon/clock.ts';
import { openLog } from '../../../../daemons/lib/daemon/log.ts';
import { openNotify } from '../../../../daemons/lib/daemon/notify.ts';
import { parsePoolFileName, parseSha256, type Sha256 } from '../../../../daemons/lib/domain/names.ts';
import { CallError } from '../../../../daemons/lib/wire/call.ts';
import { bufferObject } from '../../../../daemons/lib/wire/frame.ts';
import {
  type Done,
  JobAborted,
  type JobContext,
  runWorker,
  type Slot,
} from '../../../../daemons/lib/worker/worker.ts';
import { drawn } from '../../../support/campaign.ts';
import { lost, OrchestratorStandIn } from '../../../support/orchestrator-stand-in.ts';

const seeds = Array.from({ length: 20 }, (_, index) => index + 1);
const nothing = parseSha256('0'.repeat(64));
const feed = { kind: 'feed', dists: ['bookworm.amd64'], only: null, resume: null };
const id = (number: number) => `${'a'.repeat(15)}${'abcdefghijklmnopqrstuvwxyz'[number]}.feed`;
const done: Done<'get'> = {
  outcome: { status: 'done', kind: 'feed', builds: null, count: 0, resume: null, say: '' },
  objects: [],
};

/** A getter at work: `line` holds what it logged. */
function worker(
  handle: (context: JobContext<'get'>) => Promise<Done<'get'>>,
  options: Readonly<{ slots?: readonly Slot[]; seed?: number; notices?: () => Promise<Notice[]> }> = {},
) {
  const clock = new VirtualClock(options.seed);
  const orchestrator = new OrchestratorStandIn(clock);
  const logged: string[] = [];
  const stop = new AbortController();
  const running = runWorker({
    queue: 'get',
    caller: orchestrator,
    clock,
    log: openLog('getter', { style: 'plain', write: (line) => logged.push(line) }),
    notify: openNotify(clock, {}),
    stop: stop.signal,
    slots: options.slots ?? [{}],
    ...(options.notices === undefined ? {} : { notices: options.notices }),
    handle,
  });
  return { clock, orchestrator, logged, stop, running };
}

const outcomes = (orchestrator: OrchestratorStandIn) => orchestrator.returns.map(({ outcome }) => outcome);

describe('a worker', () => {
  it('leases a job, does it, and returns its outcome with its objects', async () => {
    const log = Buffer.from('the builds');
    const sha256 = parseSha256(createHash('sha256').update(log).digest('hex'));
    const outcome = { ...done.outcome, builds: sha256, count: 1 } as const;
    const { clock, orchestrator, stop, running } = worker(async ({ job }) => {
      expect(job.payload).toEqual(feed);
      return { outcome, objects: [bufferObject(log)] };
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(orchestrator.returns).toHaveLength(1);
    expect(orchestrator.returns[0]).toMatchObject({ job: id(0), fence: 1, outcome, sent: [log] });
    const digest = createHash('sha256').update(JSON.stringify(outcome)).digest('hex');
    expect(orchestrator.returns[0]?.digest).toBe(digest);
    stop.abort();
    await running;
  });

  it('says with each lease what people are to know then', async () => {
    const soon: Notice = { code: 'key-expires', say: 'soon', at: 1 };
    const said: Notice[][] = [[soon], [], [soon, { ...soon, code: 'key-expired' }]];
    const { clock, orchestrator, stop, running } = worker(async () => done, {
      notices: async () => said[orchestrator.leases.length] ?? [],
    });
    for (const number of [0, 1]) orchestrator.waiting.push({ id: id(number), payload: feed });
    await clock.advance(5_000);
    expect(orchestrator.leases.map(({ notices }) => notices)).toEqual(said);
    stop.abort();
    await running;
  });

  it('keeps one poll open and asks for no more than it has slots for', async () => {
    let most = 0;
    let now = 0;
    const { clock, orchestrator, stop, running } = worker(
      async ({ signal }) => {
        now += 1;
        most = Math.max(most, now);
        await clock.sleep(10_000, signal);
        now -= 1;
        return done;
      },
      { slots: [{}, {}] },
    );
    for (let number = 0; number < 6; number++) orchestrator.waiting.push({ id: id(number), payload: feed });
    await clock.advance(45_000);
    expect(most).toBe(2);
    expect(orchestrator.mostOpen).toBe(1);
    expect(orchestrator.settled.size).toBe(6);
    stop.abort();
    await running;
  });

  it('keeps a poll for each kind of slot, so that no kind waits for another', async () => {
    const { clock, orchestrator, stop, running } = worker(async () => await new Promise(() => {}), {
      slots: [{ kinds: ['feed'] }, { kinds: ['inputs'] }, { kinds: ['inputs'] }],
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(2_000);
    expect(orchestrator.leases.map(({ kinds }) => kinds)).toEqual([['feed'], ['inputs']]);
    expect(orchestrator.open).toBe(1);
    stop.abort();
    void running;
  });

  it('does not turn in circles when a poll is answered at once', async () => {
    const { clock, orchestrator, stop, running } = worker(async () => done);
    const call = orchestrator.call.bind(orchestrator);
    orchestrator.call = ((contract: never, argument: never, request: object, options: never) =>
      call(contract, argument, { ...request, waitMs: 0 }, options)) as typeof orchestrator.call;
    await clock.advance(20_000);
    expect(orchestrator.leases.length).toBeLessThan(25);
    stop.abort();
    await running;
  });

  it('outlives an orchestrator that is away, asking less and less often', async () => {
    const { clock, orchestrator, logged, stop, running } = worker(async () => done);
    let calls = 0;
    const call = orchestrator.call.bind(orchestrator);
    orchestrator.call = ((...args: Parameters<typeof call>) => {
      calls += 1;
      return call(...args);
    }) as typeof orchestrator.call;
    await clock.advance(1_000);
    orchestrator.down(new CallError('refused', 'request refused', false));
    await clock.advance(300_000);
    calls = 0;
    await clock.advance(3_600_000);
    expect(calls).toBeGreaterThan(55);
    expect(calls).toBeLessThan(130);
    expect(logged.filter((line) => line.includes('no work can be leased'))).toHaveLength(1);
    orchestrator.down(undefined);
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(61_000);
    expect(orchestrator.settled.has(id(0))).toBe(true);
    stop.abort();
    await running;
  });
});

describe('a lease', () => {
  const never = (context: JobContext<'get'>) =>
    new Promise<never>((_resolve, reject) => {
      context.signal.addEventListener('abort', () => reject(context.signal.reason));
    });

  it('is renewed soon and then every minute, all of them in one call', async () => {
    const { clock, orchestrator, stop, running } = worker(never, { slots: [{}, {}] });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(10);
    orchestrator.waiting.push({ id: id(1), payload: feed });
    await clock.advance(400_000);
    const [first, ...later] = orchestrator.renewals;
    expect(first).toMatchObject({ leases: [{ job: id(0) }, { job: id(1) }] });
    expect(first?.at).toBeLessThan(5_000);
    let before = first?.at ?? 0;
    for (const { at, leases } of later) {
      expect(leases.map(({ job }) => job)).toEqual([id(0), id(1)]);
      expect(at - before).toBeGreaterThanOrEqual(50_000);
      expect(at - before).toBeLessThanOrEqual(60_000);
      before = at;
    }
    expect(later.length).toBeGreaterThan(5);
    stop.abort();
    await running;
  });

  it('is not renewed for a job that is done before', async () => {
    const { clock, orchestrator, stop, running } = worker(async () => done, { slots: [{}, {}] });
    for (const number of [0, 1, 2, 3]) orchestrator.waiting.push({ id: id(number), payload: feed });
    await clock.advance(100_000);
    expect(orchestrator.returns).toHaveLength(4);
    expect(orchestrator.renewals).toEqual([]);
    stop.abort();
    await running;
  });

  it('is renewed again soon when the first renewal is lost: its first deadline is a minute', async () => {
    const { clock, orchestrator, stop, running } = worker(never);
    for (const when of ['before', 'after', 'before'] as const) orchestrator.fail('Renew', when);
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(20_000);
    expect(orchestrator.renewals).toHaveLength(2);
    stop.abort();
    await running;
  });

  it('carries progress, and the live log whole though replies are lost', async () => {
    const whole: Buffer[] = [];
    const { clock, orchestrator, stop, running } = worker(async ({ progress, appendLog, signal }) => {
      progress('reading', 1, 2, 'x'.repeat(5_000));
      for (let line = 0; line < 400; line++) {
        const chunk = Buffer.alloc(1 + ((line * 7_919) % 20_000), line);
        whole.push(chunk);
        appendLog(chunk);
        await clock.sleep(1_000, signal);
      }
      await clock.sleep(120_000, signal);
      return done;
    });
    for (const when of ['after', 'before', 'after', 'after'] as const) orchestrator.fail('Renew', when);
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(520_000);
    expect(orchestrator.renewals.at(-1)?.leases[0]?.progress).toMatchObject({
      stage: 'reading',
      done: 1,
      total: 2,
    });
    expect(orchestrator.logs.get(id(0))?.equals(Buffer.concat(whole))).toBe(true);
    stop.abort();
    await running;
  });

  it('sends a log that came all at once in as many renewals as it takes, without waiting', async () => {
    const { clock, orchestrator, stop, running } = worker(async ({ appendLog, signal }) => {
      appendLog(Buffer.alloc(5 * 1_048_576, 1));
      await clock.sleep(300_000, signal);
      return done;
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(5_000);
    expect(orchestrator.logs.get(id(0))).toHaveLength(5 * 1_048_576);
    stop.abort();
    await running;
  });

  it.each(['cancelled', 'lost'] as const)('that is %s ends the job, and nothing is returned', async (why) => {
    let reason: unknown;
    const { clock, orchestrator, stop, running } = worker(async (context) => {
      try {
        return await never(context);
      } catch (error) {
        reason = error;
        throw error;
      }
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    orchestrator.verdicts.set(id(0), why);
    await clock.advance(61_000);
    expect(reason).toBeInstanceOf(JobAborted);
    expect(reason).toMatchObject({ why });
    expect(orchestrator.returns).toEqual([]);
    orchestrator.waiting.push({ id: id(1), payload: feed });
    await clock.advance(5_000);
    expect(orchestrator.renewals.at(-1)?.leases.map(({ job }) => job)).toEqual([id(1)]);
    stop.abort();
    await running;
  });

  it('is handed back when the daemon is told to stop', async () => {
    const { clock, orchestrator, stop, running } = worker(never, { slots: [{}, {}] });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    stop.abort();
    await clock.advance(1);
    await running;
    expect(outcomes(orchestrator)).toEqual([{ status: 'handed-back', say: 'told to stop' }]);
    expect(orchestrator.open).toBe(0);
  });

  it('is given up after half a minute when nobody takes it back', async () => {
    const { clock, orchestrator, stop, running } = worker(never);
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    orchestrator.down(lost);
    stop.abort();
    await clock.advance(31_000);
    await running;
  });

  it('is settled with what was done when the work ended in spite of being told to stop', async () => {
    const { clock, orchestrator, stop, running } = worker(async () => {
      await clock.sleep(5_000);
      return done;
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    stop.abort();
    await clock.advance(5_000);
    await running;
    expect(outcomes(orchestrator)).toEqual([done.outcome]);
  });
});

describe('an outcome', () => {
  it('is returned again when the reply is lost, under the same digest, and settles once', async () => {
    let times = 0;
    const { clock, orchestrator, stop, running } = worker(async () => {
      times += 1;
      return { ...done, objects: [bufferObject(Buffer.from('again'))] };
    });
    for (const when of ['before', 'after', 'after'] as const) orchestrator.fail('Return', when);
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(60_000);
    expect(times).toBe(1);
    expect(orchestrator.returns.map(({ sent }) => sent.map(String))).toEqual([
      ['again'],
      ['again'],
      ['again'],
    ]);
    expect(new Set(orchestrator.returns.map(({ digest }) => digest)).size).toBe(1);
    stop.abort();
    await running;
  });

  it('is not given up when a renewal says that its lease is over: it may be so because it is settled', async () => {
    let delivered = 0;
    const { clock, orchestrator, logged, stop, running } = worker(async () => ({
      ...done,
      delivered: () => {
        delivered += 1;
      },
    }));
    for (let times = 0; times < 9; times++) orchestrator.fail('Return', 'after');
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(300_000);
    expect(orchestrator.renewals.at(-1)?.leases).toMatchObject([{ job: id(0) }]);
    expect(delivered).toBe(1);
    expect(logged.join('')).toContain('result=already');
    stop.abort();
    await running;
  });

  it('is kept through an hour without an orchestrator', async () => {
    const { clock, orchestrator, stop, running } = worker(async ({ signal }) => {
      await clock.sleep(10_000, signal);
      return done;
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(5_000);
    orchestrator.down(new CallError('unavailable', 'its daemon is not up yet', false));
    await clock.advance(3_600_000);
    orchestrator.down(undefined);
    await clock.advance(61_000);
    expect(outcomes(orchestrator)).toEqual([done.outcome]);
    stop.abort();
    await running;
  });

  it('of a job that cannot be done says why, with its log and the files that were known', async () => {
    const log = Buffer.from('the log');
    const sha256 = parseSha256(createHash('sha256').update(log).digest('hex'));
    const files = [{ name: parsePoolFileName('a_1_all.deb'), sha256: nothing, size: 3 }];
    const { clock, orchestrator, stop, running } = worker(async () => {
      throw new JobFailure('source-missing', 'not there', {
        log: sha256,
        files,
        objects: [bufferObject(log)],
      });
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(orchestrator.returns).toMatchObject([
      {
        outcome: {
          status: 'failed',
          code: 'source-missing',
          fault: 'package',
          say: 'not there',
          log: sha256,
          files,
        },
        sent: [log],
      },
    ]);
    stop.abort();
    await running;
  });

  it('of a job of very many files names as many as a header holds', async () => {
    const file = (index: number) => ({
      name: parsePoolFileName(`${'x'.repeat(200)}_${index}_all.deb`),
      sha256: nothing,
      size: 2 ** 40,
    });
    const { clock, orchestrator, stop, running } = worker(async () => {
      throw new JobFailure('source-missing', 'x'.repeat(2_000), {
        files: Array.from({ length: 4_000 }, (_, index) => file(index)),
      });
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    const [returned] = orchestrator.returns;
    expect(JSON.stringify(returned?.outcome).length).toBeLessThan(60_000);
    expect(JSON.stringify(returned?.outcome)).toContain(`_100_all.deb`);
    stop.abort();
    await running;
  });

  it('of an error that nobody expected is a failure of ours', async () => {
    const { clock, orchestrator, logged, stop, running } = worker(async () => {
      throw new TypeError('undefined is not a function');
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(outcomes(orchestrator)).toMatchObject([{ status: 'failed', code: 'protocol', fault: 'ours' }]);
    expect(logged.join('')).toContain(`job=${id(0)}`);
    stop.abort();
    await running;
  });

  it('of a job that is none of its queue is a failure of ours, and the worker goes on', async () => {
    const { clock, orchestrator, stop, running } = worker(async () => done);
    orchestrator.waiting.push({ id: id(0), payload: { kind: 'nonsense' } }, { id: id(1), payload: feed });
    await clock.advance(2_000);
    expect(outcomes(orchestrator)).toMatchObject([
      { status: 'failed', code: 'protocol' },
      { status: 'done' },
    ]);
    stop.abort();
    await running;
  });

  it.each([
    ['too-large', 'too-large'],
    ['protocol', 'protocol'],
  ] as const)('that the door refuses as %s becomes a failure', async (refusal, code) => {
    const { clock, orchestrator, stop, running } = worker(async () => done);
    orchestrator.fail('Return', 'before', new CallError(refusal, 'no', true));
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(outcomes(orchestrator)).toMatchObject([{ status: 'failed', code }]);
    stop.abort();
    await running;
  });

  it('whose own bytes cannot be read becomes a failure', async () => {
    const gone = {
      // biome-ignore lint/correctness/useYield: it fails before its first byte
      async *bytes() {
        throw new Error('the file is gone');
      },
    };
    const { clock, orchestrator, stop, running } = worker(async () => ({ ...done, objects: [gone] }));
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(outcomes(orchestrator)).toMatchObject([{ status: 'failed', code: 'protocol' }]);
    stop.abort();
    await running;
  });
});

describe('inputs', () => {
  const contents = Array.from({ length: 5 }, (_, index) => Buffer.alloc(1_000 * (index + 1), index));

  it('come in the order asked, and only what is missing comes again after a lost connection', async () => {
    const got: [Sha256, Buffer][] = [];
    const { clock, orchestrator, stop, running } = worker(async ({ fetch, present }) => {
      const shas = contents.map((bytes) => orchestrator.keep(bytes) as Sha256);
      expect(await present([...shas, nothing])).toEqual(new Set(shas));
      let broken = false;
      await fetch(shas, async (sha, object) => {
        if (object.index === 2 && !broken) {
          broken = true;
          throw lost;
        }
        got.push([sha, await object.buffer(10_000)]);
      });
      expect(got.map(([sha]) => sha)).toEqual(shas);
      return done;
    });
    orchestrator.fail('Fetch', 'before');
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(60_000);
    expect(got.map(([, bytes]) => bytes)).toEqual(contents);
    expect(outcomes(orchestrator)).toEqual([done.outcome]);
    stop.abort();
    await running;
  });

  it('that are not what was asked for are a failure of ours', async () => {
    const { clock, orchestrator, stop, running } = worker(async ({ fetch }) => {
      orchestrator.objects.set(nothing, Buffer.from('something else'));
      await fetch([nothing], async () => {});
      return done;
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(outcomes(orchestrator)).toMatchObject([{ status: 'failed', code: 'protocol', fault: 'ours' }]);
    stop.abort();
    await running;
  });

  it('that the door lacks are a failure of ours', async () => {
    const { clock, orchestrator, stop, running } = worker(async ({ fetch }) => {
      await fetch([nothing], async () => {});
      return done;
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(outcomes(orchestrator)).toMatchObject([{ status: 'failed', code: 'protocol', fault: 'ours' }]);
    stop.abort();
    await running;
  });

  it('that the role itself cannot take are its own failure', async () => {
    const { clock, orchestrator, stop, running } = worker(async ({ fetch }) => {
      await fetch([orchestrator.keep(Buffer.from('x')) as Sha256], async () => {
        throw new JobFailure('too-large', 'no room');
      });
      return done;
    });
    orchestrator.waiting.push({ id: id(0), payload: feed });
    await clock.advance(1_000);
    expect(outcomes(orchestrator)).toMatchObject([{ status: 'failed', code: 'too-large' }]);
    stop.abort();
    await running;
  });
});

describe('a worker whose calls fail at random', () => {
  it.each(drawn('worker-faults', seeds, 1))('settles every job once (seed %i)', async (seed) => {
    const chance = new VirtualClock(seed);
    const times = new Map<string, number>();
    const { clock, orchestrator, stop, running } = worker(
      async ({ job, signal, appendLog, fetch }) => {
        times.set(job.id, (times.get(job.id) ?? 0) + 1);
        appendLog(Buffer.from(job.id));
        await fetch([orchestrator.keep(Buffer.from(job.id)) as Sha256], (_sha, object) => object.drain());
        await clock.sleep(chance.random() * 200_000, signal);
        return { ...done, objects: [bufferObject(Buffer.from(job.id))] };
      },
      { slots: [{}, {}, {}], seed },
    );
    for (let number = 0; number < 20; number++) orchestrator.waiting.push({ id: id(number), payload: feed });
    for (const door of ['Renew', 'Fetch', 'Return'] as const) {
      for (let fault = 0; fault < 30; fault++)
        orchestrator.fail(door, chance.random() < 0.5 ? 'before' : 'after');
    }
    await clock.advance(7_200_000);
    expect([...orchestrator.settled.keys()].sort()).toEqual(Array.from({ length: 20 }, (_, n) => id(n)));
    expect([...times.values()]).toEqual(Array(20).fill(1));
    for (const { outcome, job, sent } of orchestrator.returns) {
      expect(outcome.status).toBe('done');
      expect(sent.map(String)).toEqual([job]);
    }
    stop.abort();
    await running;
  });
});
