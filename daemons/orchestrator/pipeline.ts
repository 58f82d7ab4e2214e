import type { FeedBuild } from '../lib/contracts/documents/feed.ts';
import type { JudgedFile } from '../lib/contracts/documents/judged-file.ts';
import type { ResultWhole } from '../lib/contracts/documents/views.ts';
import { maxFilesAhead } from '../lib/contracts/job.ts';
import type { OfficialFile } from '../lib/domain/build.ts';
import type { Sha256 } from '../lib/domain/names.ts';
import { type FailureCode, type Fault, faultOf, isFinal } from '../lib/domain/verdict.ts';
import type { Delivered } from './delivered.ts';
import { jobIdOf } from './ids.ts';
import { feedOf, inputsJob, reportJob, uploadJob } from './jobs.ts';
import type { Disposition, Ending, JobRecord, JobSpec, References, ResultPatch } from './ledger/port.ts';

/** What follows an outcome: pure, so that the simulation runs the same rules. */

export interface PipelineSettings {
  /** Retries for each of the two budgets, the package's faults and ours. */
  readonly maxRetries: number;
  readonly retryDelayMs: number;
}

/** A feed of at most so many builds is submitted in the step that settles it. */
export const maxInlineBuilds = 500;
/** A build's files of no more bytes come to its attester in one call with its documents. */
const maxBytesAhead = 16 * 1_048_576;
/** A job that took so many workers with it is set aside. */
export const maxKills = 3;

export type Following = Omit<Ending, 'digest' | 'outcome'>;

/** All that a delivered outcome entails. `result` is the build's result so far, for jobs that are of a build. */
export function follow(
  job: JobRecord,
  delivered: Delivered,
  result: ResultWhole | undefined,
  now: number,
  settings: PipelineSettings,
): Following {
  const seconds = Math.max(0, now - job.leasedAt) / 1_000;
  switch (delivered.is) {
    case 'handed-back':
      return {
        disposition: { is: 'handed-back' },
        say: delivered.say,
        log: null,
        next: [],
        ...pendingAgain(job),
      };
    case 'failed': {
      const { code, fault, say, log, files } = delivered.outcome;
      return failure(job, result, { code, fault, say, log, files }, settings);
    }
    case 'feed':
      return afterFeed(job, delivered, seconds);
    case 'inputs':
      return afterInputs(job, delivered, seconds);
    case 'rebuild':
      return afterRebuild(job, delivered, result, settings);
    case 'attest':
      return afterAttest(job, delivered, seconds);
    case 'report':
      return {
        ...done('pages made'),
        ...upToHere(job),
        next: [uploadJob()],
        publish: { class: 'page', group: null, files: delivered.files },
      };
    case 'upload':
      return { ...done(delivered.say), ...upToHere(job) };
    case 'other':
      return done('done');
  }
}

/** What becomes of a job whose worker was lost, `kills` counting that one. */
export function afterLapse(
  job: JobRecord,
  kills: number,
): Readonly<{ state: 'pending' | 'set-aside'; say: string | null; result?: ResultPatch }> {
  if (kills < maxKills) return { state: 'pending', say: null, ...pendingAgain(job) };
  const say = `set aside: ${maxKills} workers were lost while they held ${job.id}`;
  const result: ResultPatch = { state: 'failure', verdict: 'failure', code: 'sandbox', say };
  return { state: 'set-aside', say, ...(decidesResult(job) ? { result } : {}) };
}

function done(say: string): Following {
  return { disposition: { is: 'done' }, say, log: null, next: [] };
}

/** The next job of its kind names the builds that come after those that this one carried. */
function upToHere({ payload }: JobRecord): Pick<Following, 'resume'> {
  return 'carried' in payload && payload.carried !== undefined
    ? { resume: String(payload.carried.last) }
    : {};
}

function pendingAgain(job: JobRecord): Pick<Following, 'result'> {
  return decidesResult(job) ? { result: { state: 'pending' } } : {};
}

interface Failure {
  readonly code: FailureCode;
  readonly fault: Fault;
  readonly say: string;
  readonly log: Sha256 | null;
  readonly files: readonly OfficialFile[];
}

/** Official files and diffs are for people to read: their failures say nothing of the build. */
function decidesResult(job: JobRecord): boolean {
  return job.build !== null && job.kind !== 'official' && job.queue !== 'diff';
}

/**
 * A failure is tried again while its side's budget lasts and another try could change it; then it is the result.
 * Feeds are not: the next reading is the next try.
 */
function failure(
  job: JobRecord,
  result: ResultWhole | undefined,
  failed: Failure,
  settings: PipelineSettings,
): Following {
  const { code, fault, say, log } = failed;
  const feed = feedOf(job);
  const again = feed === null && !isFinal(code) && job.failed[fault] < settings.maxRetries;
  const disposition: Disposition = again
    ? { is: 'retry', code, fault, delayMs: settings.retryDelayMs }
    : { is: 'failed', code };
  if (feed !== null) {
    const feeds = feed.only === null ? { feeds: { dists: feed.dists, read: false } } : {};
    return { disposition, say, log, next: [], ...feeds };
  }
  if (job.build === null || result === undefined || !decidesResult(job)) {
    return { disposition, say, log, next: [] };
  }
  const files = result.row.files.length > 0 ? {} : { files: failed.files.map(notBuilt) };
  return {
    disposition,
    say,
    log,
    next: [reportJob()],
    references: refersTo(job.build, 'log', log),
    result: {
      state: again ? 'retry' : 'failure',
      verdict: again ? null : 'failure',
      code,
      say,
      ...(log === null ? {} : { log }),
      ...files,
    },
  };
}

function afterFeed(job: JobRecord, feed: Extract<Delivered, { is: 'feed' }>, seconds: number): Following {
  const payload = feedOf(job);
  const next =
    'list' in feed.builds ? feed.builds : feed.builds.map((build) => buildJob(build, job, seconds));
  return {
    disposition: { is: 'done' },
    say: feed.say,
    log: null,
    next,
    resume: feed.resume,
    getSeconds: seconds,
    ...(payload === null || payload.only !== null ? {} : { feeds: { dists: payload.dists, read: true } }),
    references: [...feed.evidence].map(([document, objects]) => ({
      owner: `evidence ${document}`,
      role: 'evidence',
      objects: [document, ...objects],
    })),
  };
}

/** The first job of a build that a feed lists; one that a person asked for comes first and is done anew. */
export function buildJob(
  listed: FeedBuild,
  feed: Pick<JobRecord, 'payload'>,
  getSeconds: number | null,
): JobSpec {
  const asked = feedOf(feed)?.only != null;
  return inputsJob(listed.build, {
    priority: asked ? 0 : listed.priority + 1,
    again: asked ? 'settled' : 'never',
    seed: { spec: listed.build, files: listed.files.map(notBuilt), getSeconds },
  });
}

function notBuilt(file: OfficialFile): JudgedFile {
  return {
    name: file.name,
    package: null,
    version: null,
    architecture: null,
    officialSha256: file.sha256,
    rebuiltSha256: null,
    verdict: 'not-built',
  };
}

function afterInputs(
  job: JobRecord,
  inputs: Extract<Delivered, { is: 'inputs' }>,
  seconds: number,
): Following {
  const build = job.build ?? '';
  return {
    ...done('inputs are here'),
    next: [
      {
        ...followUp(job, 'rebuild'),
        kind: 'deb',
        payload: { kind: 'deb', recipe: inputs.recipe },
        group: null,
        architecture: inputs.document.buildArchitecture,
      },
    ],
    references: [
      ...refersTo(build, 'recipe', inputs.recipe),
      ...refersTo(build, 'buildinfo', inputs.buildinfo),
    ],
    result: {
      state: 'pending',
      recipe: inputs.recipe,
      buildinfo: inputs.buildinfo,
      environment: inputs.document.environmentKind,
      selfHosted: inputs.document.selfHosted,
      seconds: { inputs: seconds },
    },
  };
}

/** The builder's word that a build failed is believed; that one succeeded is the attester's to say. */
function afterRebuild(
  job: JobRecord,
  rebuilt: Extract<Delivered, { is: 'rebuild' }>,
  result: ResultWhole | undefined,
  settings: PipelineSettings,
): Following {
  const build = job.build ?? '';
  const { builder, log, files } = rebuilt.document;
  const references = [
    ...refersTo(build, 'report', rebuilt.report),
    ...refersTo(build, 'log', log),
    { owner: build, role: 'file', objects: files.map((file) => file.sha256) } as const,
  ];
  const parts = { report: rebuilt.report, log, seconds: { ...builder.seconds } };
  if (builder.status === 'failed') {
    const code = builder.code ?? 'build-failed';
    const ending = failure(
      job,
      result,
      { code, fault: faultOf(code), say: builder.say, log, files: [] },
      settings,
    );
    const state = ending.result?.state ?? 'failure';
    return { ...ending, references, result: { ...ending.result, state, ...parts } };
  }
  if (result?.recipe == null) {
    throw new Error(`job ${job.id}: its build has no recipe`);
  }
  const { spec } = result;
  return {
    ...done('built'),
    log,
    next: [
      {
        ...followUp(job, 'attest'),
        kind: 'build',
        payload: {
          kind: 'build',
          build: spec,
          recipe: result.recipe,
          report: rebuilt.report,
          buildinfo: result.buildinfo,
          files: filesAhead(files),
          earlier: [],
        },
        group: `${spec.source} ${spec.version}`,
        architecture: null,
      },
    ],
    references,
    result: { state: 'pending', ...parts },
  };
}

/** What may come with a report before anyone has looked at it. */
function filesAhead(files: readonly Readonly<{ sha256: Sha256; size: number }>[]): Sha256[] {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (files.length > maxFilesAhead || bytes > maxBytesAhead) return [];
  return [...new Set(files.map((file) => file.sha256))];
}

function afterAttest(
  job: JobRecord,
  attested: Extract<Delivered, { is: 'attest' }>,
  seconds: number,
): Following {
  const build = job.build ?? '';
  const { verdict, code, say, files, publish, signedBy, selfHosted, environment } = attested.document;
  return {
    ...done(verdict),
    next: [reportJob()],
    publish: { class: 'attested', group: job.group, files: publish },
    references: [
      ...refersTo(build, 'attestation', attested.attestation),
      { owner: build, role: 'publish', objects: publish.map((file) => file.sha256) },
    ],
    result: {
      state: verdict,
      verdict,
      code,
      say,
      files,
      selfHosted,
      environment,
      attestation: attested.attestation,
      signedBy,
      publish: publish.map(({ path, sha256 }) => ({ path, sha256 })),
      seconds: { attest: seconds },
    },
  };
}

function followUp(job: JobRecord, queue: 'rebuild' | 'attest') {
  const { about, dist, priority, line } = job;
  const build = job.build ?? '';
  return { id: jobIdOf(build, queue), queue, about, dist, build, priority, line, again: 'settled' } as const;
}

function refersTo(owner: string, role: References['role'], object: Sha256 | null): References[] {
  return object === null ? [] : [{ owner, role, objects: [object] }];
}
