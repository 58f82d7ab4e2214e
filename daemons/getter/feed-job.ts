import type { PackagesLookup } from '../lib/archive/lookup.ts';
import type { FeedBuild } from '../lib/contracts/documents/feed.ts';
import type { GetPayload } from '../lib/contracts/job.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import { formatJsonLines } from '../lib/contracts/json-lines.ts';
import type { OfficialFile } from '../lib/domain/build.ts';
import { parseSha256, type Sha256 } from '../lib/domain/names.ts';
import type { Done, JobContext } from '../lib/worker/worker.ts';
import { listBuilds, officialFiles } from './debian/builds.ts';
import {
  allPackages,
  evidenceObjects,
  maxEvidenceBytes,
  openSuites,
  readEvidence,
} from './debian/evidence.ts';
import { type Feed, readFeeds } from './debian/read-feed.ts';
import { feedBuild } from './feed-build.ts';
import { onlyBuilds } from './only.ts';
import type { Parts } from './parts.ts';

type FeedPayload = Extract<GetPayload, { kind: 'feed' }>;

/**
 * Job `get` of kind feed: the builds that the signed indexes show, with the evidence that vouches for them. Without
 * `only`, those that the last reading did not show yet.
 */
export async function feedJob(
  context: JobContext<'get'>,
  payload: FeedPayload,
  parts: Parts,
): Promise<Done<'get'>> {
  context.progress('reading the archive', undefined, undefined, payload.dists.join(', '));
  const feeds = await readFeeds(payload.dists, parts, context.signal);
  const builds =
    payload.only === null
      ? await newBuilds(feeds, payload.resume, parts)
      : await onlyBuilds(context, feeds, payload.only, parts);
  context.progress('returning builds', builds.length, builds.length);
  return await outcomeOf(context, feeds, builds, parts);
}

async function newBuilds(
  feeds: readonly Feed[],
  resume: string | null,
  parts: Parts,
): Promise<readonly FeedBuild[]> {
  const known = parseResume(resume);
  const builds: FeedBuild[] = [];
  for (const feed of feeds) {
    const { dist, evidenceObject: evidence, packages, architecture } = feed;
    const sets = dist.sets.filter((set) => set !== 'full');
    if (sets.length > 0) {
      throw new JobFailure('protocol', `${dist.text}: package sets (${sets.join(', ')}) are not read so far`);
    }
    if (known.get(dist.text) === evidence) continue;
    const before = await packagesBefore(known.get(dist.text), parts);
    const placeOf = await parts.buildinfoPlaces(dist);
    for (const build of listBuilds(packages, architecture)) {
      const files = officialFiles(packages, build);
      if (before !== undefined && sameFiles(files, officialFiles(before, build))) continue;
      builds.push(feedBuild(feed, build, placeOf(build), files));
    }
  }
  return builds;
}

/** The indexes of the last reading, if they are still here; otherwise everything is told again, which does no harm. */
async function packagesBefore(
  evidence: Sha256 | undefined,
  parts: Parts,
): Promise<readonly PackagesLookup[] | undefined> {
  if (evidence === undefined || !(await parts.kept.has(evidence))) return undefined;
  const document = readEvidence(await parts.kept.read(evidence, maxEvidenceBytes));
  for (const object of evidenceObjects(document)) if (!(await parts.kept.has(object))) return undefined;
  return allPackages(await openSuites(document, parts));
}

function sameFiles(a: readonly OfficialFile[], b: readonly OfficialFile[]): boolean {
  return a.length === b.length && a.every((file, index) => file.sha256 === b[index]?.sha256);
}

async function outcomeOf(
  context: JobContext<'get'>,
  feeds: readonly Feed[],
  builds: readonly FeedBuild[],
  parts: Parts,
): Promise<Done<'get'>> {
  const list = builds.length === 0 ? null : await parts.kept.put(formatJsonLines(builds));
  const vouching =
    builds.length === 0
      ? []
      : feeds.flatMap((feed) => [feed.evidenceObject, ...evidenceObjects(feed.evidence)]);
  const needed = [...new Set([...(list === null ? [] : [list]), ...vouching])];
  const present = await context.present(needed);
  const objects = await Promise.all(
    needed.filter((sha256) => !present.has(sha256)).map((sha256) => parts.kept.object(sha256)),
  );
  const dists = feeds.map((feed) => feed.dist.text).join(', ');
  return {
    outcome: {
      status: 'done',
      kind: 'feed',
      builds: list,
      count: builds.length,
      resume: formatResume(feeds),
      say:
        builds.length === 0
          ? `nothing new in ${dists}`
          : `${builds.length} ${builds.length === 1 ? 'build' : 'builds'} of ${dists}`,
    },
    objects,
  };
}

/** Which evidence was the last of each dist. */
function formatResume(feeds: readonly Feed[]): string {
  return JSON.stringify(Object.fromEntries(feeds.map((feed) => [feed.dist.text, feed.evidenceObject])));
}

/** What is no resume point of ours means reading from the start. */
function parseResume(text: string | null): ReadonlyMap<string, Sha256> {
  try {
    const untrusted: unknown = JSON.parse(text ?? '{}');
    return new Map(Object.entries(untrusted as object).map(([dist, sha256]) => [dist, parseSha256(sha256)]));
  } catch {
    return new Map();
  }
}
