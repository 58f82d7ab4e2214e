import type { FeedBuild } from '../lib/contracts/documents/feed.ts';
import type { GetPayload } from '../lib/contracts/job.ts';
import type { DebVersion, Sha256, SourceName } from '../lib/domain/names.ts';
import { buildIdOf, jobIdOf, standingJobId } from './ids.ts';
import type { BuildSeed, JobRecord, JobSpec } from './ledger/port.ts';

/** Every kind of job that begins something, as it is submitted. */

/** Pages are made at most so often: builds that end together share a making. */
export const reportRestMs = 3_000;

const alone = { build: null, group: null, architecture: null } as const;

/** Reads the archive of one dist, from where the last reading left off. */
export function feedJob(dist: string): JobSpec {
  return {
    ...alone,
    id: standingJobId('feed', dist),
    queue: 'get',
    kind: 'feed',
    payload: { kind: 'feed', dists: [dist], only: null, resume: null },
    about: `feed ${dist}`,
    dist,
    priority: 1,
    again: 'settled',
  };
}

export interface OnlyOne {
  readonly dists: readonly string[];
  readonly source: SourceName;
  readonly version: DebVersion | null;
  readonly buildinfos: readonly Sha256[];
}

/** Finds one source's builds, for a person who waits. */
export function feedOnlyJob({ dists, ...only }: OnlyOne): JobSpec {
  const about = `${only.source}${only.version === null ? '' : ` ${only.version}`} of ${dists.join(' ')}`;
  return {
    ...alone,
    id: standingJobId('feed', JSON.stringify([dists, only.source, only.version, only.buildinfos])),
    queue: 'get',
    kind: 'feed',
    payload: {
      kind: 'feed',
      dists: [...dists],
      only: { ...only, buildinfos: [...only.buildinfos] },
      resume: null,
    },
    about: about.slice(0, 300),
    dist: dists[0] ?? null,
    priority: 0,
    again: 'settled',
  };
}

/** A build's first step. */
export function inputsJob(
  build: FeedBuild['build'],
  how: { priority: number; again: JobSpec['again']; seed: BuildSeed },
): JobSpec {
  const id = buildIdOf(build);
  return {
    ...alone,
    id: jobIdOf(id, 'inputs'),
    queue: 'get',
    kind: 'inputs',
    payload: { kind: 'inputs', build },
    about: `${build.source} ${build.version} ${build.parts.join('+')} ${build.dist}`.slice(0, 300),
    dist: build.dist,
    build: id,
    ...how,
  };
}

/** One waits at a time; one that is being made is followed by another. */
export function reportJob(): JobSpec {
  return {
    ...alone,
    id: standingJobId('report', 'results'),
    queue: 'report',
    kind: 'results',
    payload: { kind: 'results' },
    about: 'results',
    dist: null,
    priority: 1,
    again: 'always',
    restMs: reportRestMs,
  };
}

export function uploadJob(): JobSpec {
  return {
    ...alone,
    id: standingJobId('upload', 'publication'),
    queue: 'upload',
    kind: 'publication',
    payload: { kind: 'publication', publication: null },
    about: 'publication',
    dist: null,
    priority: 1,
    again: 'always',
  };
}

/** The payload of a feed job, or null for any other job. */
export function feedOf(job: Pick<JobRecord, 'payload'>): Extract<GetPayload, { kind: 'feed' }> | null {
  return job.payload.kind === 'feed' ? job.payload : null;
}
