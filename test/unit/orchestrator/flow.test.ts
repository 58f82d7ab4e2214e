import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { typed } from '../../support/socket-caller.ts';
import {
  documents,
  failed,
  feedDone,
  type Running,
  sha,
  startOrchestrator,
  triggerGet,
  upTo,
  view,
  workersOf,
} from './given.ts';

let running: Running;
beforeEach(async () => {
  running = await startOrchestrator();
});
afterEach(() => running.stop());

describe('one build, from its feed to the mirror', () => {
  it('goes through every queue, and its result says so', async () => {
    const docs = documents();
    const { attest, report, upload, rebuild, get } = workersOf(running.path);
    expect(await triggerGet(running.path)).toMatchObject({ submitted: 1 });
    expect(await triggerGet(running.path)).toMatchObject({ submitted: 0 });

    const feed = await get.expectJob();
    expect(feed).toMatchObject({
      leaseMs: 60_000,
      payload: { kind: 'feed', dists: ['bookworm.amd64'], resume: null },
    });
    const fed = feedDone(docs.builds);
    expect(await get.give(feed, fed, [docs.builds, docs.evidence, docs.release, docs.packages])).toBe(
      'settled',
    );
    expect(await get.give(feed, fed, [docs.builds])).toBe('already');
    expect(await view(running.path, 'results')).toMatchObject([
      {
        state: 'pending',
        verdict: null,
        files: [{ name: docs.name, verdict: 'not-built', officialSha256: sha(docs.official) }],
      },
    ]);

    const inputs = await get.expectJob();
    expect(inputs.payload).toMatchObject({ kind: 'inputs', build: { source: 'sed' } });
    expect(await view(running.path, 'results')).toMatchObject([{ state: 'running' }]);
    expect(await get.fetch(inputs, [sha(docs.packages)])).toEqual([docs.packages]);
    const brought = { status: 'done', kind: 'inputs', recipe: sha(docs.recipe), buildinfo: null };
    await get.give(inputs, brought, [docs.recipe, docs.dsc, docs.dependency]);

    const build = await rebuild.expectJob({
      waitMs: 0,
      capabilities: { architectures: ['amd64'], cores: 2, memoryMiB: 4_096 },
    });
    expect(build.payload).toEqual({ kind: 'deb', recipe: sha(docs.recipe) });
    expect(await rebuild.fetch(build, [sha(docs.dsc), sha(docs.recipe)])).toEqual([docs.dsc, docs.recipe]);
    const built = docs.report('done');
    await rebuild.give(build, { status: 'done', report: sha(built) }, [built, docs.log, docs.official]);

    const attesting = await attest.expectJob();
    expect(attesting.payload).toMatchObject({
      kind: 'build',
      recipe: sha(docs.recipe),
      report: sha(built),
      files: [sha(docs.official)],
      earlier: [],
    });
    expect(attesting.id.slice(0, 16)).toBe(inputs.id.slice(0, 16));
    expect(await attest.fetch(attesting, [sha(docs.official), sha(docs.release)])).toEqual([
      docs.official,
      docs.release,
    ]);
    const attested = { status: 'done', attestation: sha(docs.attestation) };
    await attest.give(attesting, attested, [docs.attestation, docs.link]);

    const page = Buffer.from('<html>');
    const pages = Buffer.from(
      [
        { path: 'debian/logs/sed.log', sha256: sha(docs.log), size: docs.log.length },
        { path: 'debian/results/index.html', sha256: sha(page), size: page.length },
      ]
        .map((entry) => `${JSON.stringify(entry)}\n`)
        .join(''),
    );
    const carried = { builds: [inputs.id.slice(0, 16)], more: 0, last: 1 };
    const reporting = await report.expectJob();
    expect(reporting.payload).toEqual({ kind: 'results', carried });
    await report.give(reporting, { status: 'done', pages: sha(pages) }, [pages, page]);

    const uploading = await upload.expectJob();
    expect(uploading.payload).toMatchObject({ carried });
    const { publication } = uploading.payload as { publication: ReturnType<typeof sha> };
    const [list] = await upload.fetch(uploading, [publication]);
    expect(
      list
        ?.toString('utf8')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line).path),
    ).toEqual(['debian/logs/sed.log', 'debian/results/index.html', docs.path]);
    expect(await upload.fetch(uploading, [sha(docs.link), sha(page)])).toEqual([docs.link, page]);
    await upload.give(uploading, { status: 'done', sent: 3, say: '3 files' });

    const [row] = await view(running.path, 'results', { source: 'sed' });
    expect(row).toMatchObject({
      state: 'reproducible',
      verdict: 'reproducible',
      selfHosted: true,
      environment: 'inferred',
      log: sha(docs.log),
      attestation: sha(docs.attestation),
      files: [{ verdict: 'reproducible', rebuiltSha256: sha(docs.official) }],
    });
    const { seconds, build: id } = row as unknown as { seconds: Record<string, number>; build: string };
    expect(seconds).toMatchObject({ environment: 1.5, build: 2.5 });
    for (const phase of ['get', 'inputs', 'attest']) expect(seconds[phase]).toBeGreaterThanOrEqual(0);
    expect(await view(running.path, 'result', { build: id })).toMatchObject([
      {
        recipe: sha(docs.recipe),
        evidence: sha(docs.evidence),
        publish: [{ path: docs.path }],
        spec: { source: 'sed' },
      },
    ]);
    expect(await view(running.path, 'publication')).toHaveLength(3);
    expect(await view(running.path, 'jobs', { state: 'settled' })).toHaveLength(6);
  });

  it('keeps a rebuild whose builder failed out of attestation, its official files shown as not built', async () => {
    const docs = documents();
    await upTo(running.path, 'rebuild', docs);
    const { rebuild, attest, report } = workersOf(running.path);
    const built = docs.report('failed');
    const job = await rebuild.expectJob();
    await rebuild.give(job, { status: 'done', report: sha(built) }, [built, docs.log]);
    expect(await attest.lease()).toBeNull();
    expect(await view(running.path, 'results')).toMatchObject([
      {
        state: 'failure',
        verdict: 'failure',
        code: 'build-failed',
        log: sha(docs.log),
        files: [{ verdict: 'not-built', rebuiltSha256: null }],
      },
    ]);
    expect(await report.lease()).not.toBeNull();
    const text = await typed(running.path, 'rebuilder-admin', 'rebuilder.Query+log', `{"job":"${job.id}"}\n`);
    expect(text).toContain('log of sed');
  });

  it('shows the official files of a build whose inputs could not be had', async () => {
    await upTo(running.path, 'inputs');
    const { get } = workersOf(running.path);
    await get.give(await get.expectJob(), failed('dependency-missing'));
    expect(await view(running.path, 'results')).toMatchObject([
      {
        state: 'failure',
        code: 'dependency-missing',
        say: 'dependency-missing',
        files: [{ verdict: 'not-built' }],
      },
    ]);
    expect(await view(running.path, 'jobs', { queue: 'get' })).toMatchObject([
      { kind: 'feed', code: null },
      { kind: 'inputs', code: 'dependency-missing' },
    ]);
  });

  it('shows both what was attested and that a later attempt failed', async () => {
    const docs = documents();
    await upTo(running.path, 'attest', docs);
    const { attest, get } = workersOf(running.path);
    const attested = { status: 'done', attestation: sha(docs.attestation) };
    await attest.give(await attest.expectJob(), attested, [docs.attestation, docs.link]);
    const [{ build }] = (await view(running.path, 'results')) as unknown as [{ build: string }];
    const control = ['rebuilder-admin', `rebuilder.Control+requeue`] as const;
    await typed(running.path, ...control, `{"which":{"job":"${build}.inputs"}}\n`);
    await get.give(await get.expectJob(), failed('dependency-missing'));
    expect(await view(running.path, 'results')).toMatchObject([
      { state: 'failure', code: 'dependency-missing', attested: [{ verdict: 'reproducible' }] },
    ]);
    expect(await view(running.path, 'history', { build })).toMatchObject([
      { verdict: 'reproducible', attestation: sha(docs.attestation), signedBy: [docs.key] },
      { verdict: 'failure', code: 'dependency-missing', attestation: null, signedBy: [] },
    ]);
    expect(await view(running.path, 'publication')).toMatchObject([{ path: docs.path }]);
    const unknown = view(running.path, 'history', { build: 'a'.repeat(16) });
    await expect(unknown).rejects.toThrow('no build');
  });

  it('takes a handed-back job as if it had never been lent', async () => {
    await upTo(running.path, 'rebuild');
    const { rebuild } = workersOf(running.path);
    const job = await rebuild.expectJob();
    expect(await rebuild.give(job, { status: 'handed-back', say: 'told to stop' })).toBe('settled');
    expect(await view(running.path, 'results')).toMatchObject([{ state: 'pending' }]);
    expect(await rebuild.expectJob()).toMatchObject({ id: job.id, fence: job.fence + 1 });
  });

  it('tells an attester of the links and statements that its source and version already have', async () => {
    const docs = documents();
    await upTo(running.path, 'attest', docs);
    const { attest } = workersOf(running.path);
    const attested = { status: 'done', attestation: sha(docs.attestation) };
    await attest.give(await attest.expectJob(), attested, [docs.attestation, docs.link]);
    const all = { ...docs.feedBuild, build: { ...docs.build, architecture: 'all', parts: ['all'] } };
    const recipe = JSON.parse(docs.recipe.toString('utf8'));
    const other = {
      ...docs,
      builds: Buffer.from(`${JSON.stringify(all)}\n`),
      recipe: Buffer.from(JSON.stringify({ ...recipe, parts: ['all'] })),
    };
    await upTo(running.path, 'attest', other);
    const second = await attest.expectJob();
    expect(second.payload).toMatchObject({ earlier: [{ path: docs.path, sha256: sha(docs.link) }] });
    expect(await attest.fetch(second, [sha(docs.link)])).toEqual([docs.link]);

    const file = (name: string) => ({ path: name, sha256: sha(docs.link), size: docs.link.length });
    const merged = file('debian/sources/sed/4.9-1/rebuild.a03442f3.link');
    const statement = file('debian/sources/sed/4.9-1/statement.amd64.intoto.jsonl');
    const publish = [
      file(`debian/${'AB'.repeat(20)}.asc`),
      ...Array.from({ length: 50 }, (_, index) => file(`debian/sources/aa${index}/4.9-1/metadata`)),
      statement,
      merged,
    ];
    const many = Buffer.from(JSON.stringify({ ...JSON.parse(docs.attestation.toString('utf8')), publish }));
    await attest.give(second, { status: 'done', attestation: sha(many) }, [many, docs.link]);
    const [row] = (await view(running.path, 'results')) as unknown as [{ build: string }];
    await typed(
      running.path,
      'rebuilder-admin',
      'rebuilder.Control+requeue',
      `{"which":{"job":"${row.build}.attest"}}\n`,
    );
    const { earlier } = (await attest.expectJob()).payload as { earlier: readonly { path: string }[] };
    expect(earlier).toHaveLength(40);
    expect(earlier.slice(0, 2).map(({ path }) => path)).toEqual([merged.path, statement.path]);
    expect(earlier.slice(2).every(({ path }) => path.endsWith('/metadata'))).toBe(true);
  });
});
