import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxLeasesPerWorker } from '../../../daemons/lib/contracts/renew.ts';
import type { History, Ledger } from '../../../daemons/orchestrator/ledger/port.ts';
import type { Adapter, Opened } from './adapter.ts';
import {
  ask,
  at,
  attestJob,
  buildOf,
  ending,
  hashOf,
  heldOf,
  inputsOf,
  kept,
  plainJob,
  qube,
} from './given.ts';
import { signedDocumentsContract } from './signed-documents.ts';
import { verdictsContract } from './verdicts.ts';

/** The contract of the ledger port: every adapter is held to it. */
export function ledgerContract(name: string, adapter: Adapter): void {
  let opened: Opened;
  let ledger: Ledger;
  let history: History;
  beforeEach(async () => {
    opened = await adapter.open();
    ({ ledger, history } = opened);
  });
  afterEach(() => adapter.remove(opened));
  verdictsContract(name, adapter);
  signedDocumentsContract(name, adapter);

  const stateOf = async (id: string) => (await history.job(id))?.state;
  const lend = async (holder: string, ms: number, until = ms + 60_000) =>
    heldOf(await ledger.lease(ask(holder, { until }), at(ms)));

  describe(`${name}: submitting`, () => {
    it('leaves a known key as it is, whatever its state', async () => {
      expect(await ledger.submit([plainJob('a'), plainJob('b')], at(1))).toBe(2);
      expect(await ledger.submit([plainJob('a'), plainJob('c')], at(2))).toBe(1);
      const held = await lend('w', 3);
      await ledger.settle(held, ending('done'), at(4));
      expect(await ledger.submit([plainJob('a')], at(5))).toBe(0);
      expect(await stateOf(plainJob('a').id)).toBe('settled');
      expect((await history.jobs({}, { limit: 10 })).rows).toHaveLength(3);
    });

    it('starts a settled job anew where that is asked for, with both budgets full and an older fence refused', async () => {
      const job = plainJob('a', { again: 'settled' });
      await ledger.submit([job], at(1));
      const first = await lend('w', 2);
      await ledger.settle(first, ending('done'), at(3));
      expect(await ledger.submit([{ ...job, about: 'a, anew' }], at(4))).toBe(1);
      expect(await ledger.submit([job], at(4))).toBe(0);
      expect(await ledger.settle(first, ending('other'), at(5))).toBe('lost');
      const again = await ledger.lease(ask('w', { until: 60 }), at(6));
      expect(again).toMatchObject({ about: 'a, anew', tries: 1, failed: { package: 0, ours: 0 } });
      expect(again?.fence).toBeGreaterThan(first.fence);
    });

    it('runs work once more that was asked for again while it ran, after its rest', async () => {
      const job = plainJob('a', { again: 'always', restMs: 500 });
      await ledger.submit([job], at(1));
      const held = await lend('w', 2);
      expect(await ledger.submit([job, job], at(3))).toBe(0);
      await ledger.settle(held, ending('done'), at(10));
      expect(await ledger.lease(ask('w', { until: 60 }), at(100))).toBeUndefined();
      const second = await lend('w', 510);
      await ledger.settle(second, ending('done again'), at(520));
      expect(await stateOf(job.id)).toBe('settled');
    });

    it('does not hand out what is not due', async () => {
      await ledger.submit([plainJob('a', { delayMs: 1_000 })], at(0));
      expect(await ledger.lease(ask('w', { until: 2_000 }), at(999))).toBeUndefined();
      expect(await history.due(500, 1_000)).toEqual(['rebuild']);
      expect(await history.due(1_000, 2_000)).toEqual([]);
      expect(await ledger.lease(ask('w', { until: 2_000 }), at(1_000))).toBeDefined();
    });
  });

  describe(`${name}: leasing`, () => {
    it('lends the most wanted first, then the oldest, each once', async () => {
      await ledger.submit(
        [
          plainJob('low', { priority: 5 }),
          plainJob('first'),
          plainJob('second'),
          plainJob('top', { priority: 0 }),
        ],
        at(1),
      );
      const lent: (string | undefined)[] = [];
      for (let turn = 0; turn < 5; turn += 1) {
        lent.push((await ledger.lease(ask('w', { until: 60 }), at(2)))?.about);
      }
      expect(lent).toEqual(['top', 'first', 'second', 'low', undefined]);
    });

    it('lends one holder no more than it can renew, and others what is left', async () => {
      const jobs = Array.from({ length: maxLeasesPerWorker + 1 }, (_, index) => plainJob(`job-${index}`));
      await ledger.submit(jobs, at(1));
      let last = await lend('w', 2);
      for (let turn = 1; turn < maxLeasesPerWorker; turn += 1) last = await lend('w', 2);
      expect(await ledger.lease(ask('w', { until: 60 }), at(2))).toBeUndefined();
      await ledger.settle(last, ending('done'), at(3));
      await lend('w', 4);
      await ledger.submit([plainJob('more')], at(5));
      expect(await ledger.lease(ask('w', { until: 60 }), at(6))).toBeUndefined();
      expect(await ledger.lease(ask('other', { until: 60 }), at(6))).toBeDefined();
    });

    it('keeps the line of a build: what follows an older one goes before what is newer', async () => {
      await ledger.submit([plainJob('older'), plainJob('newer')], at(1));
      const older = await ledger.lease(ask('w', { until: 60 }), at(2));
      const newer = await ledger.lease(ask('w', { until: 60 }), at(2));
      const following = (name: string, line: number) =>
        plainJob(name, { id: plainJob(`${name} 2`).id, line });
      await ledger.settle(
        heldOf(newer),
        ending('n', { is: 'done' }, { next: [following('newer', newer?.line ?? 0)] }),
        at(3),
      );
      await ledger.settle(
        heldOf(older),
        ending('o', { is: 'done' }, { next: [following('older', older?.line ?? 0)] }),
        at(4),
      );
      expect((await ledger.lease(ask('w', { until: 60 }), at(5)))?.about).toBe('older');
    });

    it('lends only kinds and architectures that the worker has', async () => {
      await ledger.submit(
        [plainJob('a', { kind: 'rpm' }), plainJob('b', { architecture: 'arm64' as never })],
        at(1),
      );
      const amd64 = ['amd64' as never];
      expect(
        await ledger.lease(ask('w', { until: 60, architectures: amd64, kinds: ['deb'] }), at(2)),
      ).toBeUndefined();
      expect((await ledger.lease(ask('w', { until: 60, architectures: amd64 }), at(2)))?.about).toBe('a');
      expect(await ledger.lease(ask('w', { until: 60, kinds: ['rpm'] }), at(2))).toBeUndefined();
      expect((await ledger.lease(ask('w', { until: 60 }), at(2)))?.about).toBe('b');
    });

    it('never lends two jobs of a group at once', async () => {
      await ledger.submit(
        [plainJob('a', { group: 'g' }), plainJob('b', { group: 'g' }), plainJob('c')],
        at(1),
      );
      const a = await lend('w', 2);
      expect((await ledger.lease(ask('v', { until: 60 }), at(2)))?.about).toBe('c');
      expect(await ledger.lease(ask('v', { until: 60 }), at(2))).toBeUndefined();
      await ledger.settle(a, ending('done'), at(3));
      expect((await ledger.lease(ask('v', { until: 60 }), at(4)))?.about).toBe('b');
    });

    it('offers inputs only so far ahead of the rebuilders', async () => {
      await ledger.submit([inputsOf('aa'), inputsOf('bb'), inputsOf('cc')], at(1));
      const getter = ask('getter', { queue: 'get', inputsAhead: 2, until: 60 });
      expect(await ledger.lease(getter, at(2))).toBeDefined();
      const second = await ledger.lease(getter, at(2));
      expect(await ledger.lease(getter, at(2))).toBeUndefined();
      await ledger.settle(heldOf(second), ending('in', { is: 'done' }, { next: [plainJob('bb')] }), at(3));
      expect(await ledger.lease(getter, at(4))).toBeUndefined();
      await ledger.lease(ask('w', { until: 60 }), at(5));
      expect(await ledger.lease(getter, at(6))).toBeDefined();
    });

    it('shows a build as running while a job of it is lent', async () => {
      await ledger.submit([inputsOf('aa')], at(1));
      expect((await history.result(buildOf('aa')))?.row.state).toBe('pending');
      const held = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(2)));
      expect((await history.result(buildOf('aa')))?.row.state).toBe('running');
      await ledger.settle(held, ending('x', { is: 'handed-back' }, { result: { state: 'pending' } }), at(3));
      expect((await history.counts()).states).toEqual([
        { dist: 'bookworm.amd64', state: 'pending', count: 1 },
      ]);
    });
  });

  describe(`${name}: settling`, () => {
    it('does all that follows in one step', async () => {
      await ledger.submit([inputsOf('aa')], at(1));
      const held = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(2)));
      const build = buildOf('aa');
      const settled = await ledger.settle(
        held,
        ending(
          'done',
          { is: 'done' },
          {
            next: [plainJob('aa')],
            resume: 'page 3',
            log: hashOf('log'),
            result: { state: 'pending', selfHosted: true, seconds: { inputs: 2 }, say: 'so far' },
            publish: {
              class: 'attested',
              group: 'g',
              files: [{ path: 'debian/sources/aa/1/metadata' as never, sha256: hashOf('link'), size: 4 }],
            },
            references: [{ owner: build, role: 'recipe', objects: [hashOf('recipe')] }],
            feeds: { dists: ['bookworm.amd64'], read: true },
          },
        ),
        at(3),
      );
      expect(settled).toBe('settled');
      expect(await history.job(held.job)).toMatchObject({
        state: 'settled',
        resume: 'page 3',
        log: hashOf('log'),
      });
      expect(await stateOf(plainJob('aa').id)).toBe('pending');
      expect((await history.result(build))?.row).toMatchObject({
        selfHosted: true,
        say: 'so far',
        seconds: { get: 1, inputs: 2, build: null },
      });
      expect((await history.publication({ limit: 10 })).rows).toHaveLength(1);
      expect(await history.published('g')).toHaveLength(1);
      const referred = (text: string) => history.isReferred(hashOf(text), ['recipe', 'report']);
      for (const text of ['link', 'recipe', 'log']) expect(await referred(text)).toBe(true);
      expect(await referred('other')).toBe(false);
      expect(await history.isReferred(hashOf('recipe'), ['log'])).toBe(false);
      expect(await history.feeds()).toEqual([
        { dist: 'bookworm.amd64', lastRead: at(3).wall, lastMs: 3, say: 'done' },
      ]);
    });

    it('answers a repetition with `already`, also after the job went on', async () => {
      await ledger.submit([plainJob('a', { again: 'settled' })], at(1));
      const held = await lend('w', 2);
      const end = ending('failed once', { is: 'retry', code: 'sandbox', fault: 'ours', delayMs: 10 });
      expect(await ledger.settle(held, end, at(3))).toBe('settled');
      expect(await history.standing(held, end.digest)).toBe('already');
      expect(await ledger.settle(held, end, at(4))).toBe('already');
      expect((await history.job(held.job))?.failed).toEqual({ package: 0, ours: 1 });
      await lend('v', 20);
      expect(await ledger.settle(held, end, at(21))).toBe('already');
      expect(await ledger.settle(held, ending('another story'), at(21))).toBe('lost');
    });

    it('counts the two budgets apart and keeps the retry from being lent too soon', async () => {
      await ledger.submit([plainJob('a')], at(0));
      const faults = ['package', 'ours', 'package'] as const;
      for (const [turn, fault] of faults.entries()) {
        const held = await lend('w', turn * 1_000);
        const retry = { is: 'retry', code: 'build-failed', fault, delayMs: 1_000 } as const;
        await ledger.settle(held, ending(`try ${turn}`, retry), at(turn * 1_000));
        expect(await ledger.lease(ask('w', { until: 99_999 }), at(turn * 1_000 + 999))).toBeUndefined();
      }
      expect(await history.job(plainJob('a').id)).toMatchObject({
        failed: { package: 2, ours: 1 },
        tries: 3,
      });
    });

    it('refuses another fence and another holder', async () => {
      await ledger.submit([plainJob('a')], at(1));
      const held = await lend('w', 2);
      const stranger = { ...held, holder: qube('stranger') };
      expect(await history.standing(stranger, hashOf('x'))).toBe('foreign');
      for (const wrong of [
        stranger,
        { ...held, fence: held.fence + 1 },
        { ...held, job: plainJob('b').id },
      ]) {
        expect(await ledger.settle(wrong, ending('x'), at(3))).toBe('lost');
        expect(await ledger.renew(wrong, 100, at(3))).toBe('lost');
      }
      expect(await ledger.settle(held, ending('x'), at(3))).toBe('settled');
    });

    it('keeps what is published when a later result is a failure, and pages out of attested files', async () => {
      await ledger.submit([plainJob('a'), plainJob('b'), plainJob('c')], at(1));
      const path = 'debian/sources/a/1/metadata' as never;
      const publish = async (text: string, what: 'attested' | 'page', paths: readonly never[]) => {
        const files = paths.map((one) => ({ path: one, sha256: hashOf(text), size: 1 }));
        const change = { class: what, group: null, files };
        await ledger.settle(await lend('w', 2), ending(text, { is: 'done' }, { publish: change }), at(3));
      };
      await publish('link', 'attested', [path]);
      await publish('pages', 'page', [path, 'debian/results/old.html' as never]);
      await publish('new pages', 'page', ['debian/results/new.html' as never]);
      const { rows } = await history.publication({ limit: 10 });
      expect(rows.map((row) => [row.path, row.sha256])).toEqual([
        ['debian/results/new.html', hashOf('new pages')],
        [path, hashOf('link')],
      ]);
    });

    it('keeps a long list and submits it slice by slice, each once', async () => {
      await ledger.submit([plainJob('feed')], at(1));
      const list = { list: hashOf('list'), count: 3 };
      await ledger.settle(
        await lend('w', 2),
        ending('x', { is: 'done' }, { next: list, getSeconds: 4 }),
        at(3),
      );
      const [open] = await history.openLists();
      expect(open).toEqual({ ...list, offset: 0, job: plainJob('feed').id, getSeconds: 4 });
      if (open === undefined) return;
      expect(await ledger.extend(open, 2, [inputsOf('aa'), inputsOf('bb')], at(4))).toBe(true);
      expect(await ledger.extend(open, 2, [inputsOf('aa'), inputsOf('bb')], at(5))).toBe(false);
      opened = await adapter.reopen(opened);
      ({ ledger, history } = opened);
      const [rest] = await history.openLists();
      expect(rest?.offset).toBe(2);
      expect((await history.referred([], { limit: 10 })).rows).toEqual([list.list]);
      if (rest !== undefined) expect(await ledger.extend(rest, 3, [inputsOf('cc')], at(6))).toBe(true);
      expect(await history.openLists()).toEqual([]);
      expect((await history.jobs({ queue: 'get' }, { limit: 10 })).rows).toHaveLength(3);
    });
  });

  describe(`${name}: leases that run out`, () => {
    it('lets an overdue lease settle that was not lent again, and no other', async () => {
      await ledger.submit([plainJob('a'), plainJob('b')], at(1));
      const a = await lend('w', 2, 10);
      const b = await lend('w', 2, 10);
      expect(await ledger.lapse(at(10))).toBe(0);
      expect(await ledger.lapse(at(11))).toBe(2);
      expect(await ledger.settle(a, ending('late'), at(12))).toBe('settled');
      const again = await lend('v', 13);
      expect(again.job).toBe(b.job);
      expect(await ledger.settle(b, ending('too late'), at(14))).toBe('lost');
      expect(await ledger.settle(again, ending('in time'), at(14))).toBe('settled');
    });

    it('holds an overdue lease again that is renewed before it is lent again', async () => {
      await ledger.submit([plainJob('a')], at(1));
      const held = await lend('w', 2, 10);
      await ledger.lapse(at(20));
      expect(await ledger.renew(held, 100, at(21), 'building 3/4')).toBe('held');
      expect(await ledger.lease(ask('v', { until: 99 }), at(22))).toBeUndefined();
      expect(await history.job(held.job)).toMatchObject({ state: 'leased', progress: 'building 3/4' });
      await ledger.lapse(at(101));
      await lend('v', 102);
      expect(await ledger.renew(held, 200, at(103))).toBe('lost');
    });

    it('sets a job aside that took three workers with it, and counts no lease that was never taken up', async () => {
      await ledger.submit([inputsOf('aa')], at(1));
      const getter = (until: number) => ask('getter', { queue: 'get', until });
      let ms = 10;
      for (let turn = 0; turn < 5; turn += 1) {
        await ledger.lease(getter(ms + 10), at(ms));
        await ledger.lapse(at(ms + 11));
        ms += 20;
      }
      expect(await history.job(inputsOf('aa').id)).toMatchObject({ state: 'pending', kills: 0 });
      for (let turn = 0; turn < 3; turn += 1) {
        const held = heldOf(await ledger.lease(getter(ms + 5), at(ms)));
        expect(await ledger.renew(held, ms + 10, at(ms))).toBe('held');
        await ledger.lapse(at(ms + 11));
        ms += 20;
      }
      expect(await history.job(inputsOf('aa').id)).toMatchObject({ state: 'set-aside', kills: 3 });
      expect((await history.result(buildOf('aa')))?.row).toMatchObject({ state: 'failure', code: 'sandbox' });
      expect((await history.verdicts(buildOf('aa'), { limit: 10 })).rows).toMatchObject([
        { code: 'sandbox' },
      ]);
      expect(await ledger.steer({ queue: 'get' }, 'requeue', at(ms))).toBe(1);
      expect((await history.result(buildOf('aa')))?.row).toMatchObject({ state: 'pending', code: null });
      expect(await history.job(inputsOf('aa').id)).toMatchObject({ state: 'pending', kills: 0 });
    });

    it('does not let an overdue job of a group settle that another was lent after', async () => {
      await ledger.submit([plainJob('a', { group: 'g' }), plainJob('b', { group: 'g' })], at(1));
      const a = await lend('w', 2, 10);
      await ledger.lapse(at(11));
      await ledger.steer({ job: a.job }, 'pause', at(11));
      const b = await lend('v', 12);
      expect(await ledger.settle(a, ending('stale'), at(13))).toBe('lost');
      await ledger.settle(b, ending('fresh'), at(14));
      expect(await ledger.renew(a, 100, at(15))).toBe('lost');
    });

    it('gives every lease one more interval at start', async () => {
      await ledger.submit([plainJob('a')], at(1));
      const held = await lend('w', 2, 10);
      opened = await adapter.reopen(opened);
      ({ ledger, history } = opened);
      expect(await history.storedMs()).toBe(2);
      expect(await ledger.revive(180, at(2))).toBe(1);
      expect(await ledger.lapse(at(179))).toBe(0);
      expect(await ledger.settle(held, ending('done'), at(179))).toBe('settled');
    });
  });

  describe(`${name}: steering`, () => {
    it('cancels what waits and what runs', async () => {
      await ledger.submit([inputsOf('aa'), inputsOf('bb')], at(1));
      const held = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(2)));
      expect(await ledger.steer({ dist: 'bookworm.amd64' }, 'cancel', at(3))).toBe(2);
      expect(await ledger.renew(held, 100, at(4))).toBe('cancelled');
      expect(await ledger.settle(held, ending('for nothing'), at(5))).toBe('lost');
      expect(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(6))).toBeUndefined();
      expect((await history.result(buildOf('bb')))?.row).toMatchObject({ state: 'failure', code: null });
      expect(await ledger.steer({ build: buildOf('aa') }, 'requeue', at(7))).toBe(1);
      expect(await ledger.renew(held, 100, at(8))).toBe('lost');
      expect(await ledger.settle(held, ending('for nothing'), at(8))).toBe('lost');
      expect(await stateOf(inputsOf('aa').id)).toBe('pending');
    });

    it('requeues what failed from where it can begin again, and nothing that succeeded', async () => {
      await ledger.submit([inputsOf('aa'), inputsOf('bb')], at(1));
      for (const name of ['aa', 'bb']) {
        const held = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(2)));
        await ledger.settle(held, ending(name, { is: 'done' }, { next: [plainJob(name)] }), at(3));
      }
      await ledger.settle(await lend('w', 4), ending('bad', { is: 'failed', code: 'build-failed' }), at(5));
      await ledger.settle(await lend('w', 4), ending('good'), at(5));
      expect(await ledger.steer({ all: true }, 'requeue', at(6))).toBe(1);
      expect(await stateOf(inputsOf('aa').id)).toBe('pending');
      expect(await stateOf(inputsOf('bb').id)).toBe('settled');
      expect(await ledger.steer({ job: plainJob('bb').id }, 'requeue', at(7))).toBe(1);
    });

    it('pauses and resumes queues, dists and jobs', async () => {
      await ledger.submit([plainJob('a'), plainJob('b', { dist: 'trixie.amd64' })], at(1));
      const scopes = [{ queue: 'rebuild' }, { all: true }] as const;
      for (const scope of scopes) {
        expect(await ledger.steer(scope, 'pause', at(2))).toBe(1);
        expect(await ledger.steer(scope, 'pause', at(2))).toBe(0);
        expect(await ledger.lease(ask('w', { until: 60 }), at(3))).toBeUndefined();
        expect(await ledger.steer(scope, 'resume', at(4))).toBe(1);
      }
      await ledger.steer({ dist: 'bookworm.amd64' }, 'pause', at(5));
      expect((await ledger.lease(ask('w', { until: 60 }), at(6)))?.about).toBe('b');
      expect(await ledger.lease(ask('w', { until: 60 }), at(6))).toBeUndefined();
      await ledger.steer({ all: true }, 'resume', at(7));
      expect(await ledger.steer({ job: plainJob('a').id }, 'pause', at(8))).toBe(1);
      expect(await ledger.lease(ask('w', { until: 60 }), at(9))).toBeUndefined();
      expect(await ledger.steer({ all: true }, 'resume', at(10))).toBe(1);
      expect((await ledger.lease(ask('w', { until: 60 }), at(11)))?.about).toBe('a');
    });

    it('drains: what has begun goes on, nothing begins', async () => {
      await ledger.submit([inputsOf('aa'), plainJob('bb')], at(1));
      expect(await ledger.steer({ all: true }, 'drain', at(2))).toBe(1);
      expect(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(3))).toBeUndefined();
      expect(await lend('w', 3)).toBeDefined();
      await ledger.steer({ all: true }, 'resume', at(4));
      expect(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(5))).toBeDefined();
    });

    it('signs again what was attested, as long as all that an attester looks at is kept', async () => {
      const attestOnce = async (ms: number) => {
        const held = heldOf(await ledger.lease(ask('attester', { queue: 'attest', until: ms + 60 }), at(ms)));
        const end = ending(`${ms}`, { is: 'done' }, { references: kept('aa') });
        await ledger.settle(held, end, at(ms));
      };
      await ledger.submit([inputsOf('aa'), attestJob('aa')], at(1));
      await attestOnce(2);
      const resign = (ms: number) => ledger.steer({ all: true }, 'resign', at(ms));
      expect(await resign(3)).toBe(1);
      await attestOnce(4);
      for (const [index, text] of [
        'aa other file',
        'index',
        'aa report',
        'aa recipe',
        'evidence',
      ].entries()) {
        await ledger.forget([hashOf(text)]);
        expect([text, await resign(5 + index)]).toEqual([text, 0]);
        // What is gone may be made anew.
        await ledger.submit([attestJob('aa', { again: 'settled' })], at(5 + index));
        await attestOnce(5 + index);
      }
      expect(await resign(20)).toBe(1);
    });

    it('requeues an attestation that failed from the inputs on, once its files are gone', async () => {
      await ledger.submit([inputsOf('aa'), attestJob('aa')], at(1));
      const getter = heldOf(await ledger.lease(ask('getter', { queue: 'get', until: 60 }), at(1)));
      await ledger.settle(getter, ending('in'), at(1));
      for (const [ms, isGone] of [
        [2, false],
        [3, true],
      ] as const) {
        const held = heldOf(await ledger.lease(ask('attester', { queue: 'attest', until: 60 }), at(ms)));
        const failed = { is: 'failed', code: 'signing' } as const;
        await ledger.settle(held, ending(`${isGone}`, failed, { references: kept('aa') }), at(ms));
        if (isGone) await ledger.forget([hashOf('aa file')]);
        expect(await ledger.steer({ build: buildOf('aa') }, 'requeue', at(ms))).toBe(1);
        expect(await stateOf(inputsOf('aa').id)).toBe(isGone ? 'pending' : 'settled');
      }
    });
  });

  describe(`${name}: reading`, () => {
    it('pages through jobs, results and the publication, each row once', async () => {
      const names = Array.from({ length: 25 }, (_, index) => `p${String(index).padStart(2, '0')}`);
      await ledger.submit(
        names.map((name) => inputsOf(name)),
        at(1),
      );
      const files = names.map((name) => ({ path: `debian/${name}` as never, sha256: hashOf(name), size: 1 }));
      await ledger.submit([plainJob('x')], at(1));
      const publish = { class: 'attested', group: null, files } as const;
      await ledger.settle(await lend('w', 2), ending('x', { is: 'done' }, { publish }), at(3));
      const all = async <T>(
        read: (page: {
          cursor?: string;
          limit: number;
        }) => Promise<{ rows: readonly T[]; cursor: string | null }>,
      ) => {
        const rows: T[] = [];
        for (let cursor: string | undefined; ; ) {
          const page = await read({ limit: 10, ...(cursor === undefined ? {} : { cursor }) });
          rows.push(...page.rows);
          if (page.cursor === null) return rows;
          cursor = page.cursor;
        }
      };
      const results = await all((page) => history.results({ dist: 'bookworm.amd64' }, page));
      expect(results.map((result) => result.row.source)).toEqual(names);
      expect(await all((page) => history.results({ source: 'p07' }, page))).toHaveLength(1);
      expect(await all((page) => history.jobs({ queue: 'get', state: 'pending' }, page))).toHaveLength(25);
      expect(await all((page) => history.jobs({ build: buildOf('p03') }, page))).toHaveLength(1);
      expect((await all((page) => history.publication(page))).map((file) => file.path)).toEqual(
        files.map((file) => file.path),
      );
      expect(await all((page) => history.unfinished(page))).toHaveLength(25);
      expect(new Set(await all((page) => history.referred([], page)))).toEqual(new Set(names.map(hashOf)));
    });

    it('counts jobs by kind and state, and builds by dist and state', async () => {
      await ledger.submit([inputsOf('aa'), inputsOf('bb'), plainJob('cc')], at(1));
      await lend('w', 2);
      const { queues, states } = await history.counts();
      expect(new Set(queues)).toEqual(
        new Set([
          { queue: 'get', kind: 'inputs', state: 'pending', count: 2 },
          { queue: 'rebuild', kind: 'deb', state: 'leased', count: 1 },
        ]),
      );
      expect(states).toEqual([{ dist: 'bookworm.amd64', state: 'pending', count: 2 }]);
    });

    it('remembers who handed an object in, until it is forgotten', async () => {
      await ledger.received('get', [hashOf('a'), hashOf('b')]);
      await ledger.received('rebuild', [hashOf('a')]);
      expect(new Set(await history.origins(hashOf('a')))).toEqual(new Set(['get', 'rebuild']));
      expect(await history.origins(hashOf('b'))).toEqual(['get']);
      await ledger.forget([hashOf('b')]);
      expect(await history.origins(hashOf('b'))).toEqual([]);
    });

    it('is empty once, and keeps everything over a restart', async () => {
      expect(await history.isEmpty()).toBe(true);
      await ledger.submit([inputsOf('aa')], at(5));
      const before = await history.job(inputsOf('aa').id);
      opened = await adapter.reopen(opened);
      ({ ledger, history } = opened);
      expect(await history.isEmpty()).toBe(false);
      expect(await history.job(inputsOf('aa').id)).toEqual(before);
      expect(await history.storedMs()).toBe(5);
    });
  });
}
