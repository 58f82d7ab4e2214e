import type { BuildSpec } from './build.ts';
import type { Architecture, DebVersion, Sha256, SourceName } from './names.ts';
import { withoutEpoch } from './names.ts';

/**
 * Names of what is published beside the links of a source and version, in `sourceFolder` (link.ts). A build's label is its
 * architecture, or `all` if it made nothing else.
 */
export const publishedNames = {
  evidence: (label: Architecture) => `evidence.${label}.json`,
  statement: (label: Architecture) => `statement.${label}.intoto.jsonl`,
  rebuilderd: (label: Architecture) => `rebuilderd.${label}.jsonl`,
  /** As dpkg-genbuildinfo names it. */
  buildinfo: (source: SourceName, version: DebVersion, label: Architecture) =>
    `${source}_${withoutEpoch(version)}_${label}.buildinfo`,
} as const;

/** Upstream names a build by its buildinfo: by the machine's architecture unless it made `all` alone. */
export function labelOf(build: Pick<BuildSpec, 'parts' | 'architecture'>): Architecture {
  return build.parts.includes('any') ? build.architecture : ('all' as Architecture);
}

/** Where a signed Release is published, below the project's folder: by the sha256 of its InRelease or Release. */
export function releaseName(sha256: Sha256, form: 'InRelease' | 'Release' | 'Release.gpg'): string {
  return `releases/${sha256}.${form}`;
}
