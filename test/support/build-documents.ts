import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sha256 } from '../../daemons/lib/domain/names.ts';
import type { LocalArchive } from './local-archive.ts';

/** The documents that getter and rebuilder make of a build, for tests of what comes after them. */

/** Keeps an object, gives its name. */
export type Put = (content: Buffer | string | object) => Sha256;

export interface EvidenceDocument {
  v: 1;
  dist: string;
  releases: {
    archive: string;
    suite: string;
    release: Sha256;
    signature: Sha256 | null;
    indexes: { path: string; sha256: Sha256; size: number }[];
  }[];
}

/** The signed indexes of a local archive. */
export function evidenceOf(archive: LocalArchive, dist: string, put: Put): EvidenceDocument {
  const suite = join(archive.root, 'dists', archive.codename);
  const index = (path: string) => {
    const content = readFileSync(join(suite, path));
    return { path, sha256: put(content), size: content.length };
  };
  return {
    v: 1,
    dist,
    releases: [
      {
        archive: 'http://example.org/debian',
        suite: archive.codename,
        release: put(readFileSync(join(suite, 'InRelease'))),
        signature: null,
        indexes: [index('main/binary-amd64/Packages.xz'), index('main/source/Sources.xz')],
      },
    ],
  };
}

/** What a rebuilder returns whose disposable made these files. */
export function buildReportOf(files: readonly Readonly<{ name: string; content: Buffer }>[], put: Put) {
  return {
    v: 1,
    builder: {
      v: 1,
      status: 'done',
      code: null,
      say: '',
      seconds: { environment: 1, build: 1 },
      limitedBy: 'rlimits',
      base: 'made',
      extra: [],
    },
    log: put('log'),
    files: files.map(({ name, content }) => ({ name, sha256: put(content), size: content.length })),
    rebuilder: { version: '1', inputBytes: 1 },
  };
}

export interface BuildinfoFacts {
  readonly source: string;
  readonly version: string;
  readonly binaries: readonly string[];
  readonly architectures: readonly string[];
  readonly buildPath: string;
  readonly files: readonly Readonly<{ name: string; sha256: string; size: number }>[];
  /** Packages, each with its version. */
  readonly installed: readonly (readonly [name: string, version: string])[];
}

/** A buildinfo on amd64, as deb-buildinfo(5) has it. */
export function buildinfoOf(facts: BuildinfoFacts): string {
  const { source, version, binaries, architectures, buildPath, files, installed } = facts;
  return [
    'Format: 1.0',
    `Source: ${source}`,
    `Binary: ${binaries.join(' ')}`,
    `Architecture: ${architectures.join(' ')}`,
    `Version: ${version}`,
    'Checksums-Sha256:',
    ...files.map((file) => ` ${file.sha256} ${file.size} ${file.name}`),
    'Build-Architecture: amd64',
    `Build-Path: ${buildPath}`,
    'Installed-Build-Depends:',
    installed.map(([name, of]) => ` ${name} (= ${of})`).join(',\n'),
    '',
  ].join('\n');
}
