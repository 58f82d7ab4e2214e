import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Evidence } from '../../lib/contracts/documents/feed.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import { usualBuildPath, usualEnvironment } from '../../lib/domain/build-environment.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import { findPackage, type OpenSuite } from '../debian/evidence.ts';
import type { Parts } from '../parts.ts';
import type { PackageId } from './apt-answers.ts';
import type { Environment, Installed } from './environment.ts';
import { ScratchApt } from './scratch-apt.ts';
import type { ReleaseTrust } from './scratch-root.ts';

export interface InferOptions {
  readonly build: BuildSpec;
  readonly evidence: Evidence;
  readonly suites: readonly OpenSuite[];
  /** The .dsc, kept. */
  readonly dsc: Sha256;
  trustOf(release: Evidence['releases'][number]): ReleaseTrust;
  /** Told what every environment begins with, before apt resolves this one. */
  onBase(base: readonly Installed[]): void;
  readonly signal: AbortSignal;
}

/**
 * The environment that a build would have now: what apt resolves on the signed indexes, as `mmdebstrap
 * --variant=buildd` and `apt-get build-dep` would install it (DESIGN §4, "Inferred environments").
 *
 * @throws JobFailure `dependency-missing`
 */
export async function inferEnvironment(
  options: InferOptions,
  parts: Parts,
): Promise<Omit<Environment, 'binaryOnlyChanges'>> {
  const { build, evidence, suites, signal, trustOf, onBase } = options;
  const buildArchitecture = build.architecture === 'all' ? parts.buildArchitecture : build.architecture;
  const apt = await ScratchApt.open({
    folder: join(parts.cacheFolder, 'apt'),
    architecture: buildArchitecture,
    evidence,
    clock: parts.clock,
    pathOf: (object) => parts.kept.path(object),
    trustOf,
    signal,
  });
  onBase(apt.base.flatMap((id) => find(id, suites) ?? []));
  const resolved = await resolve(apt, options, parts);
  return {
    kind: 'inferred',
    parts: build.parts,
    buildArchitecture,
    buildPath: usualBuildPath(build.source, build.sourceVersion),
    environment: usualEnvironment(parts.parallel),
    installed: resolved.map((id) => located(id, suites)),
    base: unchangedBase(apt.base, resolved),
    buildinfo: null,
  };
}

/** apt knows a .dsc by its name. */
async function resolve(apt: ScratchApt, options: InferOptions, parts: Parts): Promise<readonly PackageId[]> {
  const folder = await mkdtemp(join(tmpdir(), 'package-rebuilder-dsc-'));
  try {
    const dsc = join(folder, 'source.dsc');
    await copyFile(parts.kept.path(options.dsc), dsc);
    return await apt.resolve(dsc, options.build.parts);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function find(id: PackageId, suites: readonly OpenSuite[]): Installed | undefined {
  return findPackage(suites, id.package, id.version, id.architecture);
}

function located(id: PackageId, suites: readonly OpenSuite[]): Installed {
  const found = find(id, suites);
  if (found !== undefined) return found;
  throw new JobFailure('dependency-missing', `apt names ${id.package} ${id.version}, which no index has`);
}

/** The common base, if this build left it as it was; else it is worked out from what is installed. */
function unchangedBase(
  base: readonly PackageId[],
  resolved: readonly PackageId[],
): ReadonlySet<string> | null {
  const versions = new Map(resolved.map((id) => [id.package, id.version]));
  if (!base.every((id) => versions.get(id.package) === id.version)) return null;
  return new Set(base.map((id) => id.package));
}
