import { describe, expect, it } from 'vitest';
import { parseAttestation } from '../../../daemons/lib/contracts/documents/attestation.ts';
import { parseBuildReport } from '../../../daemons/lib/contracts/documents/builder-report.ts';
import { parseFeedBuild } from '../../../daemons/lib/contracts/documents/feed.ts';
import type { ResultWhole } from '../../../daemons/lib/contracts/documents/views.ts';
import { type FailureCode, failureCodes, faultOf, isFinal } from '../../../daemons/lib/domain/verdict.ts';
import type { Delivered } from '../../../daemons/orchestrator/delivered.ts';
import { buildIdOf, jobIdOf } from '../../../daemons/orchestrator/ids.ts';
import { feedJob, feedOnlyJob, inputsJob } from '../../../daemons/orchestrator/jobs.ts';
import type { JobRecord, JobSpec } from '../../../daemons/orchestrator/ledger/port.ts';
import { afterLapse, buildJob, follow } from '../../../daemons/orchestrator/pipeline.ts';
import { documents, sha } from './given.ts';

const settings = { maxRetries: 2, retryDelayMs: 3_600_000 };
const docs = documents();
const listed = parseFeedBuild(docs.feedBuild);
const build = buildIdOf(listed.build);
const seed = { spec: listed.build, files: [], getSeconds: 4 };
const inputs = inputsJob(listed.build, { priority: 7, again: 'never', seed });

function leased(spec: JobSpec, how: Partial<JobRecord> = {}): JobRecord {
  const { delayMs: _delay, restMs: _rest, seed: _seed, ...rest } = spec;
  return {
    ...rest,
    line: 12,
    state: 'leased',
    fence: 1,
    holder: null,
    leasedAt: 10_000,
    deadline: 70_000,
    tries: 1,
    failed: { package: 0, ours: 0 },
    kills: 0,
    resume: null,
    code: null,
    say: null,
    log: null,
    progress: null,
    submitted: 0,
    changed: 0,
    ...how,
  };
}
function stage(queue: 'rebuild' | 'attest', how: Partial<JobRecord> = {}): JobRecord {
  return leased(
    { ...inputs, id: jobIdOf(build, queue), queue, kind: queue === 'rebuild' ? 'deb' : 'build' },
    how,
  );
}
const result = {
  row: { files: [], publish: [] },
  spec: listed.build,
  recipe: sha(docs.recipe),
  report: null,
  buildinfo: null,
} as unknown as ResultWhole;
function failing(code: FailureCode): Delivered {
  const outcome = {
    status: 'failed',
    code,
    fault: faultOf(code),
    say: `because ${code}`,
    log: null,
    files: [],
  } as const;
  return { is: 'failed', outcome: { ...outcome, files: [] } };
}

describe('a failure', () => {
  it('is tried again until its own budget is used up, whatever the other one holds', () => {
    for (const code of failureCodes.filter((one) => !isFinal(one))) {
      const fault = faultOf(code);
      const other = fault === 'ours' ? 'package' : 'ours';
      for (const used of [0, 1, 2]) {
        const job = stage('rebuild', { failed: { package: 0, ours: 0, [fault]: used, [other]: 9 } });
        const { disposition, result: patch } = follow(job, failing(code), result, 20_000, settings);
        if (used < 2) {
          expect(disposition).toEqual({ is: 'retry', code, fault, delayMs: 3_600_000 });
          expect(patch).toMatchObject({ state: 'retry', verdict: null, code, say: `because ${code}` });
        } else {
          expect(disposition).toEqual({ is: 'failed', code });
          expect(patch).toMatchObject({ state: 'failure', verdict: 'failure', code });
        }
      }
    }
  });

  it('that no other try can change is not tried again', () => {
    for (const code of ['buildinfo-mismatch', 'environment-unknown', 'buildinfo-missing'] as const) {
      expect(follow(leased(inputs), failing(code), result, 20_000, settings).disposition).toEqual({
        is: 'failed',
        code,
      });
    }
  });

  it('of a feed waits for the next reading, and says so of its dists only when all of them was to be read', () => {
    const feed = follow(
      leased(feedJob('bookworm.amd64')),
      failing('archive-unreachable'),
      undefined,
      20_000,
      settings,
    );
    expect(feed).toMatchObject({
      disposition: { is: 'failed', code: 'archive-unreachable' },
      feeds: { dists: ['bookworm.amd64'], read: false },
      next: [],
    });
    const only = feedOnlyJob({
      dists: ['bookworm.amd64'],
      source: listed.build.source,
      version: null,
      buildinfos: [],
    });
    expect(
      follow(leased(only), failing('source-missing'), undefined, 20_000, settings).feeds,
    ).toBeUndefined();
  });

  it('calls for a report, and never takes anything out of the publication', () => {
    const end = follow(stage('attest'), failing('signing'), result, 20_000, settings);
    expect(end.next).toMatchObject([{ queue: 'report' }]);
    expect(end.publish).toBeUndefined();
    expect(end.result).not.toHaveProperty('publish');
  });

  it('shows the official files it names, unless others are known already', () => {
    const files = [{ name: 'sed_4.9-1_amd64.deb', sha256: sha('official'), size: 3 }] as never;
    const outcome = {
      status: 'failed',
      code: 'source-missing',
      fault: 'package',
      say: '',
      log: null,
      files,
    } as const;
    const end = follow(leased(inputs), { is: 'failed', outcome }, result, 20_000, settings);
    expect(end.result?.files).toMatchObject([{ verdict: 'not-built', officialSha256: sha('official') }]);
    const known = { ...result, row: { ...result.row, files: end.result?.files } } as ResultWhole;
    expect(
      follow(leased(inputs), { is: 'failed', outcome }, known, 20_000, settings).result?.files,
    ).toBeUndefined();
  });

  it('to fetch official files for people says nothing of the build', () => {
    const official = leased({
      ...inputs,
      kind: 'official',
      payload: { kind: 'official', build: listed.build },
    });
    expect(follow(official, failing('archive-unreachable'), result, 20_000, settings).result).toBeUndefined();
  });
});

describe('what follows', () => {
  it('a feed is each build once; those a person asked for come first and are done anew', () => {
    const ids = [
      buildJob(listed, leased(feedJob('bookworm.amd64')), 4),
      buildJob(listed, leased(feedJob('bookworm.amd64')), 4),
    ];
    expect(ids[0]?.id).toBe(ids[1]?.id);
    expect(ids[0]).toMatchObject({ priority: 4, again: 'never', seed: { getSeconds: 4 } });
    const only = feedOnlyJob({
      dists: ['bookworm.amd64'],
      source: listed.build.source,
      version: null,
      buildinfos: [],
    });
    expect(buildJob(listed, leased(only), 4)).toMatchObject({ priority: 0, again: 'settled' });
  });

  it('a long feed is its list', () => {
    const builds = { list: sha(docs.builds), count: 70_000 };
    const feed = { is: 'feed', builds, resume: 'r', say: 's', evidence: new Map() } as const;
    const end = follow(leased(feedJob('bookworm.amd64')), feed, undefined, 12_500, settings);
    expect(end).toMatchObject({ next: builds, resume: 'r', getSeconds: 2.5 });
  });

  it('a build is its attestation, in the line and with the priority of its first job', () => {
    const document = parseBuildReport(JSON.parse(docs.report('done').toString('utf8')));
    const end = follow(
      stage('rebuild'),
      { is: 'rebuild', report: sha('report'), document },
      result,
      20_000,
      settings,
    );
    expect(end).toMatchObject({
      disposition: { is: 'done' },
      log: document.log,
      next: [{ id: jobIdOf(build, 'attest'), priority: 7, line: 12, group: 'sed 4.9-1' }],
      result: { state: 'pending', seconds: { environment: 1.5, build: 2.5 } },
    });
  });

  it('a build that its builder gave up is a failure of the package, log and seconds kept', () => {
    const document = parseBuildReport(JSON.parse(docs.report('failed').toString('utf8')));
    const rebuilt = { is: 'rebuild', report: sha('report'), document } as const;
    const first = follow(stage('rebuild'), rebuilt, result, 20_000, settings);
    expect(first.disposition).toMatchObject({ is: 'retry', fault: 'package' });
    const last = follow(
      stage('rebuild', { failed: { package: 2, ours: 0 } }),
      rebuilt,
      result,
      20_000,
      settings,
    );
    expect(last).toMatchObject({
      disposition: { is: 'failed', code: 'build-failed' },
      log: document.log,
      result: { state: 'failure', log: document.log, seconds: { build: 2.5 }, report: sha('report') },
      next: [{ queue: 'report' }],
    });
  });

  it('an attestation is published and reported whatever it says of the whole build', () => {
    const text = docs.attestation
      .toString('utf8')
      .replace('"verdict":"reproducible","code":null', '"verdict":"failure","code":"environment-unknown"');
    const document = parseAttestation(JSON.parse(text));
    const attested = { is: 'attest', attestation: sha('attestation'), document } as const;
    const end = follow(stage('attest', { group: 'sed 4.9-1' }), attested, result, 13_000, settings);
    expect(end).toMatchObject({
      publish: { class: 'attested', group: 'sed 4.9-1', files: [{ path: docs.path }] },
      result: { state: 'failure', verdict: 'failure', code: 'environment-unknown', seconds: { attest: 3 } },
      next: [{ queue: 'report', again: 'always' }],
    });
  });

  it('pages is an upload', () => {
    const end = follow(stage('attest'), { is: 'report', files: [] }, undefined, 20_000, settings);
    expect(end).toMatchObject({ next: [{ queue: 'upload', again: 'always' }], publish: { class: 'page' } });
  });

  it('a lost worker is another try, and with the third the end', () => {
    expect(afterLapse(stage('rebuild'), 2)).toMatchObject({ state: 'pending', result: { state: 'pending' } });
    expect(afterLapse(stage('rebuild'), 3)).toMatchObject({
      state: 'set-aside',
      result: { state: 'failure', code: 'sandbox' },
    });
    expect(afterLapse(leased(feedJob('bookworm.amd64')), 3).result).toBeUndefined();
  });
});
