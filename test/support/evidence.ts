import { createHash } from 'node:crypto';
import type { PackageEntry, SourceFile } from '../../daemons/lib/archive/lookup.ts';
import type { BuildPart } from '../../daemons/lib/domain/build.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseSha256,
  parseSourceName,
  type Sha256,
} from '../../daemons/lib/domain/names.ts';
import type { BuildIdentity } from '../../daemons/lib/evidence/expected.ts';

/** Rows of signed indexes, made up. */

export function hash(text: string): Sha256 {
  return parseSha256(createHash('sha256').update(text).digest('hex'));
}

interface EntryFacts {
  readonly source?: string;
  readonly sourceVersion?: string;
  readonly architecture?: string;
}

export function entry(name: string, version: string, facts: EntryFacts): PackageEntry {
  const architecture = facts.architecture ?? 'amd64';
  const file = `${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`;
  return {
    package: parseBinaryName(name),
    version: parseDebVersion(version),
    architecture: parseArchitecture(architecture),
    source: parseSourceName(facts.source ?? name),
    sourceVersion: parseDebVersion(facts.sourceVersion ?? version),
    sha256: hash(file),
    size: 1_000,
    path: `pool/main/x/${file}`,
  };
}

export function build(
  source: string,
  sourceVersion: string,
  more: { version?: string; parts?: readonly BuildPart[]; architecture?: string } = {},
): BuildIdentity {
  return {
    source: parseSourceName(source),
    sourceVersion: parseDebVersion(sourceVersion),
    version: parseDebVersion(more.version ?? sourceVersion),
    architecture: parseArchitecture(more.architecture ?? 'amd64'),
    parts: more.parts ?? ['any'],
  };
}

/** The look-ups of a Packages index with these rows. */
export function indexOf(entries: readonly PackageEntry[]) {
  return {
    ofSource: (source: string, sourceVersion?: string) =>
      entries.filter(
        (one) =>
          one.source === source && (sourceVersion === undefined || one.sourceVersion === sourceVersion),
      ),
    binaries: (name: string, version?: string, architecture?: string) =>
      entries.filter(
        (one) =>
          one.package === name &&
          (version === undefined || one.version === version) &&
          (architecture === undefined || one.architecture === architecture),
      ),
  };
}

/** The look-up of a Sources index with the files of one source. */
export function sourceIndexOf(source: string, version: string, files: readonly string[]) {
  const listed: readonly SourceFile[] = files.map((name) => ({
    name,
    sha256: hash(name),
    size: 1_000,
    directory: 'pool/main/x',
  }));
  return { files: (name: string, of: string) => (name === source && of === version ? listed : []) };
}
