import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

export interface BuildinfoSpec {
  /** As the field: `name` or `name (version)`. */
  readonly source: string;
  readonly version: string;
  readonly architecture: string;
  /** Paths of the files that it lists with their checksums. */
  readonly files: readonly string[];
  /** `name (= version)` each. */
  readonly installed?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly binaryOnlyChanges?: string;
  readonly buildPath?: string;
  /** amd64 unless told. */
  readonly buildArchitecture?: string;
  /** Of a cross build. */
  readonly hostArchitecture?: string;
}

/** A .buildinfo as dpkg-genbuildinfo lays it out. */
export function buildinfoText(spec: BuildinfoSpec): string {
  const sums = spec.files.map((path) => {
    const bytes = readFileSync(path);
    return ` ${createHash('sha256').update(bytes).digest('hex')} ${bytes.length} ${basename(path)}\n`;
  });
  const changes = (spec.binaryOnlyChanges ?? '').split('\n').map((line) => ` ${line === '' ? '.' : line}\n`);
  const variables = Object.entries(
    spec.environment ?? { DEB_BUILD_OPTIONS: 'parallel=2', LC_ALL: 'C.UTF-8' },
  );
  return [
    'Format: 1.0\n',
    `Source: ${spec.source}\n`,
    `Architecture: ${spec.architecture}\n`,
    `Version: ${spec.version}\n`,
    ...(spec.binaryOnlyChanges === undefined ? [] : ['Binary-Only-Changes:\n', ...changes]),
    'Checksums-Sha256:\n',
    ...sums,
    'Build-Origin: Test\n',
    `Build-Architecture: ${spec.buildArchitecture ?? 'amd64'}\n`,
    ...(spec.hostArchitecture === undefined ? [] : [`Host-Architecture: ${spec.hostArchitecture}\n`]),
    ...(spec.buildPath === undefined ? [] : [`Build-Path: ${spec.buildPath}\n`]),
    'Installed-Build-Depends:\n',
    `${(spec.installed ?? ['base-files (= 12)']).map((item) => ` ${item}`).join(',\n')}\n`,
    'Environment:\n',
    ...variables.map(([name, value]) => ` ${name}="${value}"\n`),
  ].join('');
}
