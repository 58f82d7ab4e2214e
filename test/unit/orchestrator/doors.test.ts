import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { control } from '../../../daemons/lib/contracts/control.ts';
import { lease } from '../../../daemons/lib/contracts/lease.ts';
import { query } from '../../../daemons/lib/contracts/query.ts';
import { renew } from '../../../daemons/lib/contracts/renew.ts';
import { returnOutcome } from '../../../daemons/lib/contracts/return.ts';
import { trigger } from '../../../daemons/lib/contracts/trigger.ts';
import { CallError } from '../../../daemons/lib/wire/call.ts';
import { typed } from '../../support/socket-caller.ts';
import {
  call,
  documents,
  failed,
  feedDone,
  json,
  type Leased,
  type Running,
  sha,
  startOrchestrator,
  TestWorker,
  triggerGet,
  upTo,
  view,
  workersOf,
} from './given.ts';

let running: Running;
let path: string;
beforeEach(async () => {
  running = await startOrchestrator();
  path = running.path;
});
afterEach(() => running.stop());

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'no error',
    (error: unknown) => (error instanceof CallError ? error.code : String(error)),
  );
}
function steer(verb: string, which: object) {
  return call(running.caller('rebuilder-admin'), control as never, verb, { which });
}
async function renewOnce(worker: TestWorker, job: Leased, how: object = {}, objects: string[] = []) {
  const request = { leases: [{ job: job.id, fence: job.fence, ...how }] };
  const { reply } = await call(worker.caller, renew as never, worker.queue, request, objects);
  return (reply as { leases: { answer: string }[] }).leases[0]?.answer;
}

describe('a lease', () => {
  it('is no use to another qube', async () => {
    await upTo(path, 'rebuild');
    const { rebuild } = workersOf(path);
    const job = await rebuild.expectJob();
    const thief = new TestWorker(path, 'rebuild', 'rebuilder-other');
    expect(await codeOf(thief.fetch(job, [sha(documents().recipe)]))).toBe('forbidden');
    expect(await codeOf(thief.present(job, [sha(documents().recipe)]))).toBe('forbidden');
    expect(await codeOf(thief.give(job, failed('build-failed')))).toBe('forbidden');
    expect(await renewOnce(thief, job)).toBe('lost');
    const asGetter = new TestWorker(path, 'get', rebuild.qube);
    expect(await codeOf(asGetter.give(job, failed('source-missing')))).toBe('forbidden');
    expect(await renewOnce(asGetter, job)).toBe('lost');
    expect(await renewOnce(rebuild, job)).toBe('held');
    expect(await view(path, 'jobs', { queue: 'rebuild' })).toMatchObject([
      { state: 'leased', holder: rebuild.qube },
    ]);
  });

  it('is lost once the job was lent again', async () => {
    await upTo(path, 'rebuild');
    const { rebuild } = workersOf(path);
    const old = await rebuild.expectJob();
    await rebuild.give(old, { status: 'handed-back', say: 'stop' });
    const now = await rebuild.expectJob();
    expect(await codeOf(rebuild.fetch(old, [sha(documents().recipe)]))).toBe('lost');
    expect(await renewOnce(rebuild, old)).toBe('lost');
    expect(await rebuild.give(old, failed('build-failed'))).toBe('lost');
    expect(await renewOnce(rebuild, now)).toBe('held');
  });

  it('waits for work as long as the caller is patient, and no longer', async () => {
    const { get } = workersOf(path);
    expect(await get.lease({ waitMs: 50 })).toBeNull();
    const waiting = get.expectJob({ waitMs: 10_000, kinds: ['feed'] });
    await triggerGet(path);
    expect(await waiting).toMatchObject({ payload: { kind: 'feed' } });
  });

  it('is not given to a caller that has gone', async () => {
    await upTo(path, 'inputs');
    const { get } = workersOf(path);
    const job = await get.expectJob();
    const gone = new AbortController();
    const caller = running.caller('rebuilder-getter');
    const waiting = caller.call(lease, 'get', { waitMs: 10_000, kinds: ['inputs'] }, { signal: gone.signal });
    waiting.catch(() => {});
    await expect.poll(() => running.office.workers.slotsLately('get')).toBe(2);
    gone.abort();
    await get.give(job, { status: 'handed-back', say: 'stop' });
    const again = await get.expectJob({ waitMs: 5_000, kinds: ['inputs'] });
    expect(again.id).toBe(job.id);
    expect(await view(path, 'jobs', { queue: 'get', state: 'leased' })).toMatchObject([{ holder: get.qube }]);
  });

  it('hears that its job was cancelled', async () => {
    await upTo(path, 'rebuild');
    const { rebuild } = workersOf(path);
    const job = await rebuild.expectJob();
    expect((await steer('cancel', { job: job.id })).reply).toMatchObject({ changed: 1 });
    expect(await renewOnce(rebuild, job)).toBe('cancelled');
    expect(await rebuild.give(job, failed('build-failed'))).toBe('lost');
    await steer('requeue', { job: job.id });
    const { get } = workersOf(path);
    expect(await get.expectJob()).toMatchObject({ payload: { kind: 'inputs' } });
  });
});

describe('a live log', () => {
  it('is read while the job runs, repeats doing no harm, and ends with the job', async () => {
    await upTo(path, 'inputs');
    const { get } = workersOf(path);
    const job = await get.expectJob();
    const log = () => typed(path, 'rebuilder-admin', 'rebuilder.Query+log', `{"job":"${job.id}"}\n`);
    expect(await log()).toContain('"running":true');
    await renewOnce(get, job, { log: { offset: 0, object: 0 } }, ['resolving…\n']);
    await renewOnce(get, job, { log: { offset: 0, object: 0 } }, ['resolving…\n']);
    await renewOnce(get, job, { log: { offset: 13, object: 0 } }, ['downloading\n']);
    expect(await log()).toMatch(/resolving…\ndownloading\n/);
    const tail = await call(running.caller('rebuilder-admin'), query as never, 'log', {
      job: job.id,
      offset: 13,
    });
    expect(tail.objects.map(String)).toEqual(['downloading\n']);
    await get.give(job, failed('source-missing'));
    const after = await log();
    expect(after).toContain('"running":false');
    expect(after).toContain('downloading');
  });
});

describe('what a worker may fetch', () => {
  it('is what its job refers to and nothing else', async () => {
    const docs = documents();
    await upTo(path, 'rebuild', docs);
    const { rebuild } = workersOf(path);
    const job = await rebuild.expectJob();
    for (const other of [docs.evidence, docs.release, docs.packages, docs.builds]) {
      expect(await codeOf(rebuild.fetch(job, [sha(docs.recipe), sha(other)]))).toBe('forbidden');
    }
    expect(await rebuild.fetch(job, [sha(docs.dependency)])).toEqual([docs.dependency]);
  });

  it('hears only of objects that its own queue handed in', async () => {
    const docs = documents();
    await upTo(path, 'rebuild', docs);
    const { rebuild, get } = workersOf(path);
    const job = await rebuild.expectJob();
    expect(await rebuild.present(job, [sha(docs.dsc), sha('nothing')])).toBe('00');
    await triggerGet(path);
    const feed = await get.expectJob();
    expect(await get.present(feed, [sha(docs.dsc), sha('nothing'), sha(docs.recipe)])).toBe('101');
  });
});

describe('an outcome', () => {
  it('is refused when something that it refers to did not come', async () => {
    const docs = documents();
    await upTo(path, 'inputs', docs);
    const { get } = workersOf(path);
    const job = await get.expectJob();
    const done = { status: 'done', kind: 'inputs', recipe: sha(docs.recipe), buildinfo: null };
    expect(await codeOf(get.give(job, done, [docs.recipe, docs.dsc]))).toBe('not-found');
    expect(await get.present(job, [sha(docs.recipe), sha(docs.dsc), sha(docs.dependency)])).toBe('110');
    expect(await get.give(job, done, [docs.dependency])).toBe('settled');
  });

  it('is refused when it gives a file that was built as the log', async () => {
    const docs = documents();
    await upTo(path, 'rebuild', docs);
    const { rebuild } = workersOf(path);
    const report = JSON.parse(docs.report('done').toString('utf8'));
    const sly = json({ ...report, log: sha(docs.official) });
    const done = { status: 'done', report: sha(sly) };
    const job = await rebuild.expectJob();
    expect(await codeOf(rebuild.give(job, done, [sly, docs.official]))).toBe('protocol');
  });

  it('makes nothing that a build produced an input of another', async () => {
    const docs = documents();
    await upTo(path, 'rebuild', docs);
    const { rebuild, get } = workersOf(path);
    const job = await rebuild.expectJob();
    const produced = Buffer.from('a library that a build produced');
    const report = docs.report('done', produced);
    await rebuild.give(job, { status: 'done', report: sha(report) }, [report, docs.log, produced]);

    const bash = documents('bash', '5.2-1');
    await upTo(path, 'inputs', bash);
    const recipe = JSON.parse(bash.recipe.toString('utf8'));
    recipe.inputs[1] = { ...recipe.inputs[1], sha256: sha(produced), size: produced.length };
    const poisoned = json(recipe);
    const inputs = await get.expectJob();
    const done = { status: 'done', kind: 'inputs', recipe: sha(poisoned), buildinfo: null };
    expect(await codeOf(get.give(inputs, done, [poisoned, bash.dsc]))).toBe('not-found');
  });

  it('puts nothing that a build produced on a page, nor hands it to who makes the pages', async () => {
    const docs = documents();
    await upTo(path, 'attest', docs);
    const { attest, report } = workersOf(path);
    const attested = { status: 'done', attestation: sha(docs.attestation) };
    await attest.give(await attest.expectJob(), attested, [docs.attestation, docs.link]);
    const job = await report.expectJob();
    expect(await report.fetch(job, [sha(docs.log), sha(docs.link)])).toEqual([docs.log, docs.link]);
    expect(await codeOf(report.fetch(job, [sha(docs.official)]))).toBe('forbidden');
    const pages = Buffer.from(
      `${JSON.stringify({ path: 'debian/x.deb', sha256: sha(docs.official), size: docs.official.length })}\n`,
    );
    const done = { status: 'done', pages: sha(pages) };
    expect(await codeOf(report.give(job, done, [pages]))).toBe('not-found');
  });

  it('is refused when its documents are not what the job is about', async () => {
    const docs = documents();
    await triggerGet(path);
    const { get } = workersOf(path);
    const feed = await get.expectJob();
    const objects = [docs.evidence, docs.release, docs.packages];
    const strange = Buffer.from(
      `${JSON.stringify({ ...docs.feedBuild, build: { ...docs.build, dist: 'sid.amd64' } })}\n`,
    );
    expect(await codeOf(get.give(feed, feedDone(strange), [strange, ...objects]))).toBe('protocol');
    expect(await codeOf(get.give(feed, feedDone(docs.builds, 2), [docs.builds]))).toBe('protocol');
    const notJson = Buffer.from('{"build":\n');
    expect(await codeOf(get.give(feed, feedDone(notJson), [notJson]))).toBe('protocol');
    const inputs = { status: 'done', kind: 'inputs', recipe: sha(docs.recipe), buildinfo: null };
    expect(await codeOf(get.give(feed, inputs, [docs.recipe]))).toBe('protocol');
    expect(await get.give(feed, feedDone(docs.builds))).toBe('settled');

    const job = await get.expectJob();
    const bash = documents('bash');
    const other = { ...inputs, recipe: sha(bash.recipe) };
    expect(await codeOf(get.give(job, other, [bash.recipe, bash.dsc, bash.dependency]))).toBe('protocol');
    const wrongSize = json({
      ...JSON.parse(docs.recipe.toString('utf8')),
      inputs: [{ name: 'a.deb', role: 'dependency', sha256: sha(docs.dsc), size: 1 }],
    });
    expect(await codeOf(get.give(job, { ...inputs, recipe: sha(wrongSize) }, [wrongSize, docs.dsc]))).toBe(
      'protocol',
    );
  });

  it('takes a recipe that makes both parts for a build of one, and none that leaves its part out', async () => {
    const docs = documents();
    await upTo(path, 'inputs', docs);
    const { get } = workersOf(path);
    const job = await get.expectJob();
    const given = (parts: readonly string[]) => {
      const recipe = json({ ...JSON.parse(docs.recipe.toString('utf8')), parts });
      const done = { status: 'done', kind: 'inputs', recipe: sha(recipe), buildinfo: null };
      return get.give(job, done, [recipe, docs.dsc, docs.dependency]);
    };
    const [part = 'any'] = docs.build.parts;
    expect(await codeOf(given([part === 'any' ? 'all' : 'any']))).toBe('protocol');
    expect(await given(['any', 'all'])).toBe('settled');
  });

  it('keeps what arrived before the connection broke', async () => {
    const docs = documents();
    await upTo(path, 'inputs', docs);
    const { get } = workersOf(path);
    const job = await get.expectJob();
    const done = { status: 'done', kind: 'inputs', recipe: sha(docs.recipe), buildinfo: null };
    const request = { job: job.id, fence: job.fence, digest: sha(json(done)), outcome: done };
    const cut = new AbortController();
    const objects = [
      { bytes: () => [docs.dsc][Symbol.iterator]() as never },
      {
        async *bytes() {
          yield Buffer.from('half of the recipe');
          await expect.poll(() => running.office.objects.has(sha(docs.dsc))).toBe(true);
          cut.abort();
          await new Promise(() => {});
        },
      },
    ];
    await expect(
      get.caller.call(returnOutcome, 'get', request, { objects, signal: cut.signal }),
    ).rejects.toThrow();
    await expect.poll(() => get.present(job, [sha(docs.dsc)])).toBe('1');
    expect(await get.give(job, done, [docs.recipe, docs.dependency])).toBe('settled');
  });
});

describe('room', () => {
  it('that is used up stops lending and taking in, until there is some', async () => {
    await running.stop();
    running = await startOrchestrator({ quotaBytes: 5_000 });
    path = running.path;
    const docs = documents();
    await upTo(path, 'inputs', docs);
    const { get } = workersOf(path);
    const job = await get.expectJob();
    const done = { status: 'done', kind: 'inputs', recipe: sha(docs.recipe), buildinfo: null };
    expect(await codeOf(get.give(job, done, [Buffer.alloc(6_000)]))).toBe('disk-full');
    const filler = await running.office.objects.put(
      [Buffer.alloc(4_800 - running.office.objects.usage().bytes)] as never,
      5_000,
    );
    await triggerGet(path);
    expect(await get.lease({ waitMs: 20, kinds: ['feed'] })).toBeNull();
    running.office.objects.delete(filler.sha256);
    expect(await get.lease({ waitMs: 20, kinds: ['feed'] })).not.toBeNull();
  });
});

describe('a trigger', () => {
  const ask = (what: string, request: object, objects: string[] = []) =>
    call(running.caller('rebuilder-admin'), trigger as never, what, request, objects).then(
      ({ reply }) => reply as { jobs: string[]; submitted: number },
    );

  it('takes an empty input for everything', async () => {
    expect(JSON.parse(await typed(path, 'rebuilder-admin', 'rebuilder.Trigger+get'))).toMatchObject({
      ok: true,
      submitted: 1,
    });
    expect(JSON.parse(await typed(path, 'rebuilder-admin', 'rebuilder.Trigger+report'))).toMatchObject({
      submitted: 1,
    });
    expect(JSON.parse(await typed(path, 'rebuilder-admin', 'rebuilder.Trigger+upload'))).toMatchObject({
      submitted: 1,
    });
  });

  it('reads one source of any dist, with the buildinfos it was given', async () => {
    const buildinfo = 'Format: 1.0\n';
    const request = { dists: ['trixie.amd64'], source: 'sed', version: '4.9-1' };
    const { jobs } = await ask('rebuild', request, [buildinfo]);
    const { get } = workersOf(path);
    const feed = await get.expectJob();
    expect(feed.id).toBe(jobs[0]);
    expect(feed.payload).toMatchObject({
      dists: ['trixie.amd64'],
      only: { source: 'sed', version: '4.9-1', buildinfos: [sha(buildinfo)] },
    });
    expect(await get.fetch(feed, [sha(buildinfo)])).toEqual([Buffer.from(buildinfo)]);
  });

  it('does a build anew that is asked for again', async () => {
    const docs = documents();
    await upTo(path, 'inputs', docs);
    const { get } = workersOf(path);
    await get.give(await get.expectJob(), failed('dependency-missing'));
    for (const submitted of [1, 1]) {
      expect(await ask('rebuild', { dists: ['bookworm.amd64'], source: 'sed' })).toMatchObject({ submitted });
      await get.give(await get.expectJob(), feedDone(docs.builds));
      expect(await view(path, 'results')).toMatchObject([{ state: 'pending', code: null }]);
      await get.give(await get.expectJob(), failed('dependency-missing'));
    }
    expect(await view(path, 'results')).toMatchObject([{ state: 'failure' }]);
  });

  it('is refused for a dist that is not configured, or is none', async () => {
    expect(await codeOf(ask('get', { dist: 'sid.amd64' }))).toBe('refused');
    expect(await codeOf(ask('rebuild', { dists: ['nodot'], source: 'sed' }))).toBe('refused');
    expect(await codeOf(ask('rebuild', { dists: ['../..'], source: 'sed' }))).toBe('protocol');
    expect(await codeOf(ask('attest', {}))).toBe('protocol');
  });
});

describe('a key that is not to be believed any more', () => {
  const replacement = async (key: string, how = 'sign') => {
    const request = { which: { signedBy: key }, how };
    const { reply } = await call(running.caller('rebuilder-admin'), control as never, 'resign', request);
    return reply as { changed: number; withdrawn: number };
  };
  const left = (key: string) => view(path, 'signed', { key });
  const status = async () => (await view(path, 'status', { format: 'json' }))[0] as unknown as object;

  it('has what it signed signed again by another, and what others replaced withdrawn and sent to the mirror', async () => {
    const docs = documents();
    await upTo(path, 'attest', docs);
    const { attest, report } = workersOf(path);
    /** What an attester returns that signs with a key. */
    const give = async (key: string) => {
      const named = `debian/sources/sed/4.9-1/rebuild.${key.slice(0, 8).toLowerCase()}.amd64.link`;
      const publish = [docs.path, named].map((one) => ({
        path: one,
        sha256: sha(docs.link),
        size: docs.link.length,
        signedBy: key,
      }));
      const attestation = json({ ...JSON.parse(String(docs.attestation)), publish, signedBy: [key] });
      const job = await attest.expectJob();
      await attest.give(job, { status: 'done', attestation: sha(attestation) }, [attestation, docs.link]);
      await report.give(await report.expectJob({ waitMs: 5_000 }), failed('protocol', 'ours'));
      return named;
    };
    const other = 'CD'.repeat(20);
    const named = await give(docs.key);
    expect(await left(docs.key)).toMatchObject([{ source: 'sed', documents: 2, next: 'sign' }]);
    expect(await replacement(docs.key)).toMatchObject({ changed: 1, withdrawn: 0 });
    expect(await status()).toMatchObject({ revoked: [{ key: docs.key, builds: 1, stillSigns: false }] });
    expect(await typed(path, 'rebuilder-admin', 'rebuilder.Query+status')).toContain(
      `revoked key ${docs.key}: 1 builds are still signed by it`,
    );
    await give(other);
    expect(await left(docs.key)).toEqual([]);
    expect(await status()).toMatchObject({ revoked: [] });
    const published = async () =>
      ((await view(path, 'publication')) as unknown as { path: string }[]).map((file) => file.path);
    expect(await published()).not.toContain(named);

    // A rotation with overlap leaves both, and then there is nothing to sign.
    await steer('resign', { all: true });
    await give('EF'.repeat(20));
    expect(await left(other)).toMatchObject([{ next: 'withdraw' }]);
    expect(await replacement(other)).toMatchObject({ changed: 0, withdrawn: 1 });
    expect(await report.expectJob({ waitMs: 5_000 })).toMatchObject({ payload: { kind: 'results' } });
    expect(await published()).toHaveLength(2);
  });

  it('leaves the publication altogether when somebody says so, once its replacement came to nothing', async () => {
    const docs = documents();
    await upTo(path, 'attest', docs);
    const { attest } = workersOf(path);
    const attested = { status: 'done', attestation: sha(docs.attestation) };
    await attest.give(await attest.expectJob(), attested, [docs.attestation, docs.link]);
    expect(await replacement(docs.key, 'withdraw')).toMatchObject({ changed: 1, withdrawn: 0 });
    await steer('cancel', { queue: 'attest' });
    expect(await replacement(docs.key, 'withdraw')).toMatchObject({ changed: 0, withdrawn: 1 });
    expect(await view(path, 'publication')).toEqual([]);
    expect(await view(path, 'results')).toMatchObject([{ attested: [{ verdict: 'reproducible' }] }]);
  });

  it('is believed again when it was named by mistake, and one that signed nothing costs nothing', async () => {
    const docs = documents();
    await upTo(path, 'attest', docs);
    const { attest } = workersOf(path);
    const attested = { status: 'done', attestation: sha(docs.attestation) };
    await attest.give(await attest.expectJob(), attested, [docs.attestation, docs.link]);
    expect(await replacement('EF'.repeat(20))).toMatchObject({ changed: 0, withdrawn: 0 });
    await replacement(docs.key);
    expect(await replacement(docs.key, 'believe')).toMatchObject({ changed: 1 });
    expect(await replacement(docs.key, 'believe')).toMatchObject({ changed: 0 });
    expect(await status()).toMatchObject({ revoked: [] });
  });
});

describe('a query', () => {
  it('answers status as text for people, and as a row', async () => {
    await upTo(path, 'rebuild');
    const text = await typed(path, 'rebuilder-admin', 'rebuilder.Query+status');
    expect(text).toMatch(/rebuild +1 +0/);
    expect(text).toMatch(/bookworm\.amd64 +1/);
    expect(text).toMatch(/rebuilder-get +get/);
    await steer('pause', { queue: 'rebuild' });
    expect(await workersOf(path).rebuild.lease()).toBeNull();
    const [status] = await view(path, 'status', { format: 'json' });
    expect(status).toMatchObject({ states: [{ dist: 'bookworm.amd64', state: 'pending', count: 1 }] });
    expect((status as unknown as { queues: object[] }).queues).toContainEqual({
      queue: 'rebuild',
      pending: 1,
      leased: 0,
      setAside: 0,
      paused: true,
    });
    expect((status as unknown as { feeds: object[] }).feeds).toMatchObject([
      { dist: 'bookworm.amd64', say: '1 new' },
    ]);
  });

  it('tells in the status what a worker says with its lease, made fit for a terminal', async () => {
    const at = Date.UTC(2031, 1, 3);
    const notices = [
      { code: 'key-expires', say: 'key \u001b[2J ends', at },
      { code: 'layout-lacks-key', say: 'not there', at: null },
    ];
    await workersOf(path).attest.lease({ waitMs: 0, notices });
    const text = await typed(path, 'rebuilder-admin', 'rebuilder.Query+status');
    expect(text).toContain('key-expires (rebuilder-attest, 2031-02-03 00:00:00): key \\x1b[2J ends\n');
    expect(text).toContain('layout-lacks-key (rebuilder-attest): not there\n');
    expect(await view(path, 'status', { format: 'json' })).toMatchObject([
      { notices: notices.map((notice) => ({ ...notice, qube: 'rebuilder-attest', queue: 'attest' })) },
    ]);
    await workersOf(path).attest.lease({ waitMs: 0 });
    expect(await view(path, 'status', { format: 'json' })).toMatchObject([{ notices: [] }]);
  });

  it('gives objects that results refer to, and no others', async () => {
    const docs = documents();
    await upTo(path, 'attest', docs);
    const objects = (shas: string[]) =>
      call(running.caller('rebuilder-admin'), query as never, 'object', { sha256: shas });
    expect((await objects([sha(docs.official), sha(docs.log), sha(docs.packages)])).objects).toEqual([
      docs.official,
      docs.log,
      docs.packages,
    ]);
    expect(await codeOf(objects([sha(docs.dependency)]))).toBe('not-found');
  });

  it('pages through results', async () => {
    const sources = ['aa', 'bb', 'cc'].map((source) => documents(source));
    const builds = Buffer.concat(sources.map((docs) => docs.builds));
    await triggerGet(path);
    const { get } = workersOf(path);
    const { evidence, release, packages } = documents();
    await get.give(await get.expectJob(), feedDone(builds, 3), [builds, evidence, release, packages]);
    const admin = running.caller('rebuilder-admin');
    const first = await call(admin, query as never, 'results', { limit: 2 });
    expect(String(first.objects[0]).split('\n')).toHaveLength(3);
    const { cursor } = first.reply as { cursor: string };
    const second = await call(admin, query as never, 'results', { limit: 2, cursor });
    expect(String(second.objects[0])).toContain('"source":"cc"');
    expect((second.reply as { cursor: null }).cursor).toBeNull();
  });

  it('measures', async () => {
    await upTo(path, 'rebuild');
    const { objects } = await call(running.caller('rebuilder-admin'), query as never, 'metrics', {});
    expect(String(objects[0])).toContain(
      'package_rebuilder_jobs{queue="rebuild",kind="deb",state="pending"} 1',
    );
  });
});
