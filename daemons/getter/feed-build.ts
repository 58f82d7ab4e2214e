import type { FeedBuild } from '../lib/contracts/documents/feed.ts';
import type { EnvironmentSource, OfficialFile } from '../lib/domain/build.ts';
import type { ListedBuild } from './debian/builds.ts';
import type { Feed } from './debian/read-feed.ts';

/** Every build is wanted alike: package sets are not read so far. */
const usualPriority = 100;

/** A build as a feed returns it. */
export function feedBuild(
  feed: Feed,
  build: ListedBuild,
  environment: EnvironmentSource,
  files: readonly OfficialFile[],
): FeedBuild {
  return {
    build: {
      ...build,
      parts: [...build.parts],
      dist: feed.dist.text,
      environment: listed(environment),
      evidence: feed.evidenceObject,
    },
    priority: usualPriority,
    files: [...files],
  };
}

function listed(environment: EnvironmentSource): FeedBuild['build']['environment'] {
  switch (environment.kind) {
    case 'buildinfo':
      return { kind: 'buildinfo', objects: [...environment.objects] };
    case 'buildinfo-at':
      return { kind: 'buildinfo-at', urls: [...environment.urls] };
    case 'inferred':
      return { kind: 'inferred' };
  }
}
