import { createHash } from 'node:crypto';
import type { FeedBuild } from '../../../daemons/lib/contracts/documents/feed.ts';
import { parseFeedBuild } from '../../../daemons/lib/contracts/documents/feed.ts';
import {
  type Fingerprint,
  parseFingerprint,
  parseQubeName,
  parseSha256,
  type QubeName,
  type Sha256,
} from '../../../daemons/lib/domain/names.ts';
import { buildIdOf, jobIdOf } from '../../../daemons/orchestrator/ids.ts';
import { inputsJob } from '../../../daemons/orchestrator/jobs.ts';
import type {
  Ask,
  Disposition,
  Ending,
  Held,
  JobRecord,
  JobSpec,
  Moment,
  References,
} from '../../../daemons/orchestrator/ledger/port.ts';

/** Jobs, moments and endings of the tests, short to write. */

export function hashOf(text: string): Sha256 {
  return parseSha256(createHash('sha256').update(text).digest('hex'));
}

/** A key whose fingerprint is this hexadecimal digit again and again. */
export function keyOf(digit: string): Fingerprint {
  return parseFingerprint(digit.repeat(40));
}

export function qube(name: string): QubeName {
  return parseQubeName(name);
}

export function at(ms: number): Moment {
  return { ms, wall: 1_700_000_000_000 + ms };
}

export function feedBuild(source: string, version = '1.0-1', dist = 'bookworm.amd64'): FeedBuild {
  return parseFeedBuild({
    build: {
      dist,
      source,
      sourceVersion: version,
      version,
      architecture: 'amd64',
      parts: ['any'],
      environment: { kind: 'inferred' },
      evidence: hashOf('evidence'),
    },
    priority: 0,
    files: [{ name: `${source}_${version}_amd64.deb`, sha256: hashOf(`${source} official`), size: 10 }],
  });
}

export function inputsOf(source: string, how: Partial<JobSpec> = {}): JobSpec {
  const { build } = feedBuild(source);
  const seed = { spec: build, files: [], getSeconds: 1 };
  return { ...inputsJob(build, { priority: 1, again: 'never', seed }), ...how };
}

export function buildOf(source: string): string {
  return buildIdOf(feedBuild(source.replaceAll(' ', '-').padEnd(2, '0')).build);
}

/** A job of a queue that needs no documents. */
export function plainJob(name: string, how: Partial<JobSpec> = {}): JobSpec {
  const build = buildOf(name);
  return {
    id: jobIdOf(build, 'rebuild'),
    queue: 'rebuild',
    kind: 'deb',
    payload: { kind: 'deb', recipe: hashOf(`${name} recipe`) },
    about: name,
    dist: 'bookworm.amd64',
    build,
    group: null,
    architecture: null,
    priority: 1,
    again: 'never',
    ...how,
  };
}

/** The job that attests a build, whose documents and files {@link kept} refers to. */
export function attestJob(name: string, how: Partial<JobSpec> = {}): JobSpec {
  const build = buildOf(name);
  return {
    ...plainJob(name),
    id: jobIdOf(build, 'attest'),
    queue: 'attest',
    kind: 'build',
    payload: {
      kind: 'build',
      build: feedBuild(name).build,
      recipe: hashOf(`${name} recipe`),
      report: hashOf(`${name} report`),
      buildinfo: null,
      files: [],
      earlier: [],
    },
    ...how,
  };
}

/** What a rebuild leaves behind for whoever attests it. */
export function kept(name: string): readonly References[] {
  const owner = buildOf(name);
  const evidence = hashOf('evidence');
  return [
    { owner, role: 'recipe', objects: [hashOf(`${name} recipe`)] },
    { owner, role: 'report', objects: [hashOf(`${name} report`)] },
    { owner, role: 'file', objects: [hashOf(`${name} file`), hashOf(`${name} other file`)] },
    { owner: `evidence ${evidence}`, role: 'evidence', objects: [evidence, hashOf('index')] },
  ];
}

export function ask(holder: string, how: Partial<Ask> & { until: number }): Ask {
  return { queue: 'rebuild', holder: qube(holder), inputsAhead: 100, ...how };
}

export function heldOf(job: JobRecord | undefined): Held {
  if (job === undefined || job.holder === null) throw new Error('nothing was lent');
  return { job: job.id, fence: job.fence, holder: job.holder };
}

export function ending(
  text: string,
  disposition: Disposition = { is: 'done' },
  how: Partial<Ending> = {},
): Ending {
  return {
    digest: hashOf(text),
    outcome: { status: 'handed-back', say: text },
    disposition,
    say: text,
    log: null,
    next: [],
    ...how,
  };
}
