import { maxBuildinfoBytes, readBuildinfo } from '../../lib/archive/buildinfo-file.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import { whyNotChanges, whyNotHere, whyNotVariables } from '../../lib/domain/build-environment.ts';
import { type Buildinfo, BuildinfoError } from '../../lib/domain/buildinfo.ts';
import type { Architecture, Sha256 } from '../../lib/domain/names.ts';
import { type ExpectedFile, expectedFiles } from '../../lib/evidence/expected.ts';
import { installedArchitectures, recordedSettings } from '../../lib/evidence/recipe.ts';
import { NetError } from '../../lib/net/errors.ts';
import type { JobContext } from '../../lib/worker/worker.ts';
import { officialFile } from '../debian/builds.ts';
import { allPackages, findPackage, type OpenSuite } from '../debian/evidence.ts';
import { whyNot } from '../debian/match.ts';
import { asJobFailure } from '../failures.ts';
import type { Parts } from '../parts.ts';
import type { Environment, Installed } from './environment.ts';

/** A buildinfo that is of the build, and the object that it is. */
export type Matching = Readonly<{ object: Sha256; content: Buildinfo }>;

const maxNamed = 10;

/**
 * The buildinfo of a build out of those that it came with or that lie where the feed said: the one whose checksums
 * equal the signed index. undefined where there is none at all, so that the environment has to be inferred.
 *
 * @throws JobFailure `buildinfo-mismatch` where there are some and none matches, `environment-unknown` where the one
 * that matches records what no build is given
 */
export async function matchingBuildinfo(
  context: JobContext<'get'>,
  build: BuildSpec,
  suites: readonly OpenSuite[],
  parts: Parts,
): Promise<Matching | undefined> {
  const { environment } = build;
  if (environment.kind === 'inferred') return undefined;
  const found =
    environment.kind === 'buildinfo'
      ? await handedOver(context, environment.objects)
      : await atPlaces(environment.urls, parts, context.signal);
  if (found.length === 0) return undefined;
  const packages = allPackages(suites);
  const reasons: string[] = [];
  let refused: string | undefined;
  for (const bytes of found) {
    const content = parsed(bytes, reasons);
    if (content === undefined) continue;
    // A buildinfo of both parts describes one build of both, and is judged by the files of both.
    const expected = expectedFiles(packages, { ...build, parts: content.parts });
    const why = whyNot(content, build, expected);
    if (why !== undefined) {
      reasons.push(why);
      continue;
    }
    refused =
      whyNotVariables(content.environment) ??
      whyNotChanges(content.binaryOnlyChanges, build) ??
      whyNotMachine(content, parts.buildArchitecture);
    if (refused === undefined) return { object: await parts.kept.put(bytes), content };
  }
  const files = expectedFiles(packages, build).map(officialFile);
  if (refused !== undefined) throw new JobFailure('environment-unknown', `buildinfo: ${refused}`, { files });
  throw new JobFailure('buildinfo-mismatch', reasons.join('; '), { files });
}

function whyNotMachine(content: Buildinfo, machine: Architecture): string | undefined {
  if (content.hostArchitecture !== null)
    return `it was built for ${content.hostArchitecture} on another architecture`;
  const { buildArchitecture } = recordedSettings(content);
  return buildArchitecture === null ? undefined : whyNotHere(buildArchitecture, machine);
}

function parsed(bytes: Buffer, reasons: string[]): Buildinfo | undefined {
  try {
    return readBuildinfo(bytes);
  } catch (error) {
    if (!(error instanceof BuildinfoError)) throw error;
    reasons.push(error.message);
    return undefined;
  }
}

async function handedOver(
  context: JobContext<'get'>,
  objects: readonly Sha256[],
): Promise<readonly Buffer[]> {
  const found = new Map<Sha256, Buffer>();
  await context.fetch(objects, async (object, incoming) => {
    found.set(object, await incoming.buffer(maxBuildinfoBytes));
  });
  return [...found.values()];
}

async function atPlaces(
  urls: readonly string[],
  parts: Parts,
  signal: AbortSignal,
): Promise<readonly Buffer[]> {
  const found = await Promise.all(
    urls.map(async (url) => {
      try {
        return await parts.downloads.read(url, { max: maxBuildinfoBytes, signal });
      } catch (error) {
        if (error instanceof NetError && error.code === 'not-found') return undefined;
        throw asJobFailure(error);
      }
    }),
  );
  return found.filter((bytes) => bytes !== undefined);
}

/**
 * The environment that a buildinfo records, at its exact versions.
 *
 * @throws JobFailure `dependency-missing` naming what the indexes do not have
 */
export function recordedEnvironment(
  build: BuildSpec,
  { object, content }: Matching,
  suites: readonly OpenSuite[],
  parts: Parts,
): Environment {
  const settings = recordedSettings(content);
  const buildArchitecture = settings.buildArchitecture ?? parts.buildArchitecture;
  const missing: string[] = [];
  const installed: Installed[] = [];
  for (const one of content.installed) {
    const { package: name, version } = one;
    const found = installedArchitectures(one, buildArchitecture)
      .map((candidate) => findPackage(suites, name, version, candidate))
      .find((candidate) => candidate !== undefined);
    if (found === undefined) missing.push(`${name} (= ${version})`);
    else installed.push(found);
  }
  if (missing.length > 0) {
    const more = missing.length > maxNamed ? ` and ${missing.length - maxNamed} more` : '';
    throw new JobFailure(
      'dependency-missing',
      `the archive does not have ${missing.slice(0, maxNamed).join(', ')}${more} any more`,
      { files: officialOf(suites, build) },
    );
  }
  return {
    kind: 'buildinfo',
    parts: content.parts,
    ...settings,
    buildArchitecture,
    installed,
    base: null,
    buildinfo: { object, content },
  };
}

function officialOf(suites: readonly OpenSuite[], build: BuildSpec) {
  return expectedFiles(allPackages(suites), build).map((file: ExpectedFile) => officialFile(file));
}
