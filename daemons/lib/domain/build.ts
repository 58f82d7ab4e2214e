import type { Architecture, DebVersion, PoolFileName, Sha256, SourceName } from './names.ts';

/** `any`: the architecture-dependent packages (`-B`); `all`: the independent ones (`-A`). */
export const buildParts = ['any', 'all'] as const;
export type BuildPart = (typeof buildParts)[number];

/** Where the environment of a build is known from (DESIGN §4, "Inferred environments"). */
export type EnvironmentSource =
  | Readonly<{ kind: 'inferred' }>
  /** The buildinfos already in the object store, handed over by a trigger or a feed. */
  | Readonly<{ kind: 'buildinfo'; objects: readonly Sha256[] }>
  /** Places from which the getter may read the buildinfo when the build is due. */
  | Readonly<{ kind: 'buildinfo-at'; urls: readonly string[] }>;

/** A file that the signed index names for a build. */
export type OfficialFile = Readonly<{ name: PoolFileName; sha256: Sha256; size: number }>;

/**
 * One build to be repeated. `version` is the binaries' (with `+bN` for a binNMU), `sourceVersion` the .dsc's.
 * `evidence` is the object that says which signed indexes vouch for it.
 */
export type BuildSpec = Readonly<{
  dist: string;
  source: SourceName;
  sourceVersion: DebVersion;
  version: DebVersion;
  architecture: Architecture;
  parts: readonly BuildPart[];
  environment: EnvironmentSource;
  evidence: Sha256;
}>;

/** The key under which a build is known once: two feeds that list it again do not double it. */
export function buildKey(build: BuildSpec): string {
  const place =
    build.environment.kind === 'inferred'
      ? 'inferred'
      : build.environment.kind === 'buildinfo'
        ? build.environment.objects.join(',')
        : build.environment.urls.join(',');
  return [build.dist, build.source, build.version, build.architecture, build.parts.join('+'), place].join(
    ' ',
  );
}
