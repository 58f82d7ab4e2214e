import { maxBuildinfoBytes, readBuildinfo } from '../lib/archive/buildinfo-file.ts';
import type { FeedBuild } from '../lib/contracts/documents/feed.ts';
import type { GetPayload } from '../lib/contracts/job.ts';
import { JobFailure } from '../lib/contracts/job-failure.ts';
import { type Buildinfo, BuildinfoError } from '../lib/domain/buildinfo.ts';
import type { DebVersion, Sha256 } from '../lib/domain/names.ts';
import { expectedFiles } from '../lib/evidence/expected.ts';
import type { JobContext } from '../lib/worker/worker.ts';
import {
  buildsOfVersion,
  type ListedBuild,
  listBuilds,
  newestBuilds,
  officialFiles,
  sourceVersions,
} from './debian/builds.ts';
import type { Feed } from './debian/read-feed.ts';
import { feedBuild } from './feed-build.ts';
import { bringAll } from './inputs/bring.ts';
import { sourceFiles } from './inputs/source.ts';
import type { Parts } from './parts.ts';

type Only = NonNullable<Extract<GetPayload, { kind: 'feed' }>['only']>;

/** A buildinfo that was handed over, and the object that it is. */
type Given = Readonly<{ object: Sha256; buildinfo: Buildinfo }>;

/**
 * The builds of one source: its newest version in the suites, or the one asked for; with buildinfos, the builds that
 * those describe and no others.
 *
 * @throws JobFailure `source-missing`, `buildinfo-missing`, or `buildinfo-mismatch` where one is of another source
 */
export async function onlyBuilds(
  context: JobContext<'get'>,
  feeds: readonly Feed[],
  only: Only,
  parts: Parts,
): Promise<readonly FeedBuild[]> {
  if (only.buildinfos.length > 0) {
    return describedBuilds(feeds, only, await fetchBuildinfos(context, only.buildinfos));
  }
  const listed = feeds.flatMap((feed) => listBuilds(feed.packages, feed.architecture, only.source));
  const chosen =
    only.version === null
      ? newestBuilds(listed, await newestToBeHad(context, feeds, listed, parts))
      : buildsOfVersion(listed, only.version);
  if (chosen.length === 0) throw missingSource(feeds, only);
  const builds: FeedBuild[] = [];
  for (const feed of feeds) {
    const placeOf = await parts.buildinfoPlaces(feed.dist);
    for (const build of chosen.filter(({ architecture }) => architecture === feed.architecture)) {
      const files = officialFiles(feed.packages, build);
      if (files.length > 0) builds.push(feedBuild(feed, build, placeOf(build), files));
    }
  }
  return builds;
}

/**
 * Without a version, the newest source version that the mirror can serve: one whose files it lacks, though its index
 * names them, is passed over where there is an older one.
 */
async function newestToBeHad(
  context: JobContext<'get'>,
  feeds: readonly Feed[],
  listed: readonly ListedBuild[],
  parts: Parts,
): Promise<DebVersion | undefined> {
  const versions = sourceVersions(listed);
  if (versions.length < 2) return versions[0];
  for (const version of versions) {
    const build = listed.find(({ sourceVersion }) => sourceVersion === version);
    const feed = feeds.find(({ architecture }) => architecture === build?.architecture);
    if (build === undefined || feed === undefined) continue;
    try {
      const files = sourceFiles(feed.suites, feed.uriOf, build.source, version);
      await bringAll(files, 'source-missing', parts.kept, context.signal, () => {});
      return version;
    } catch (error) {
      // What else is wrong with it is told when its inputs are brought.
      if (!(error instanceof JobFailure) || error.code !== 'source-missing') return version;
      context.log.notice(`passed over: ${error.say}`, { package: build.source, version });
    }
  }
  return versions[0];
}

async function fetchBuildinfos(
  context: JobContext<'get'>,
  objects: readonly Sha256[],
): Promise<readonly Given[]> {
  const given: Given[] = [];
  await context.fetch(objects, async (object, incoming) => {
    const bytes = await incoming.buffer(maxBuildinfoBytes);
    given.push({ object, buildinfo: parsed(bytes) });
  });
  return given;
}

function parsed(bytes: Buffer): Buildinfo {
  try {
    return readBuildinfo(bytes);
  } catch (error) {
    if (!(error instanceof BuildinfoError)) throw error;
    throw new JobFailure('buildinfo-mismatch', error.message, { cause: error });
  }
}

/**
 * One build for each set of parts that a buildinfo describes. Several of one build stay together: which of them, if any,
 * matches the signed index is told when the build's inputs are brought.
 */
function describedBuilds(feeds: readonly Feed[], only: Only, given: readonly Given[]): readonly FeedBuild[] {
  const groups = new Map<string, { build: ListedBuild; feed: Feed; given: Given[] }>();
  for (const one of given) {
    const { source, version } = one.buildinfo;
    if (source !== only.source) {
      throw new JobFailure(
        'buildinfo-mismatch',
        `a buildinfo is of ${source} ${version}, not of ${only.source}`,
      );
    }
    const feed = feeds.find((candidate) => covers(one.buildinfo, candidate));
    if (feed === undefined) continue;
    const build = buildOf(one.buildinfo, feed);
    const key = `${feed.dist.text} ${build.version} ${build.parts.join()}`;
    const group = groups.get(key) ?? { build, feed, given: [] };
    group.given.push(one);
    groups.set(key, group);
  }
  const wanted = [...groups.values()].filter(({ build }) => isWanted(build, only));
  if (wanted.length === 0) {
    const dists = feeds.map((feed) => feed.dist.text).join(', ');
    throw new JobFailure('buildinfo-missing', `no buildinfo given is of ${named(only)} in ${dists}`);
  }
  if (wanted.every(({ build, feed }) => expectedFiles(feed.packages, build).length === 0)) {
    throw missingSource(feeds, only);
  }
  return wanted.map(({ build, feed, given: own }) => {
    const objects = own.map((one) => one.object);
    return feedBuild(feed, build, { kind: 'buildinfo', objects }, officialFiles(feed.packages, build));
  });
}

/** Architecture-dependent parts belong to the dist of that architecture, whatever else the build made. */
function covers(buildinfo: Buildinfo, feed: Feed): boolean {
  const dependent = buildinfo.architectures.filter((architecture) => architecture !== 'all');
  return feed.architecture === 'all' ? dependent.length === 0 : dependent.includes(feed.architecture);
}

function buildOf(buildinfo: Buildinfo, feed: Feed): ListedBuild {
  const { source, sourceVersion, version, parts } = buildinfo;
  return { source, sourceVersion, version, parts, architecture: feed.architecture };
}

function isWanted(build: ListedBuild, only: Only): boolean {
  return only.version === null || only.version === build.version || only.version === build.sourceVersion;
}

function missingSource(feeds: readonly Feed[], only: Only): JobFailure {
  const dists = feeds.map((feed) => feed.dist.text).join(', ');
  return new JobFailure('source-missing', `the indexes of ${dists} name no package of ${named(only)}`);
}

function named(only: Only): string {
  return only.version === null ? only.source : `${only.source} ${only.version}`;
}
