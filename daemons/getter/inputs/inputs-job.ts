import { setMaxListeners } from 'node:events';
import { type DebRecipe, parseRecipe } from '../../lib/contracts/documents/recipe.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { BuildSpec, OfficialFile } from '../../lib/domain/build.ts';
import { whyNotHere } from '../../lib/domain/build-environment.ts';
import type { Sha256 } from '../../lib/domain/names.ts';
import { expectedFiles } from '../../lib/evidence/expected.ts';
import type { Done, JobContext } from '../../lib/worker/worker.ts';
import { officialFile } from '../debian/builds.ts';
import { allPackages } from '../debian/evidence.ts';
import type { Parts } from '../parts.ts';
import { binNmuEntry } from './binnmu.ts';
import { bringAll } from './bring.ts';
import { type Environment, fileNameOf, type Installed } from './environment.ts';
import { type BuildIndexes, openBuildIndexes } from './indexes.ts';
import { inferEnvironment } from './infer.ts';
import { makeRecipe } from './recipe.ts';
import { matchingBuildinfo, recordedEnvironment } from './recorded.ts';
import { type NamedFile, sourceFiles } from './source.ts';

/**
 * Job `get` of kind inputs: the source and the exact dependencies of one build, each by a hash that a signed index
 * names, and the recipe that says what to do with them. No checksum of what should come out stands in it.
 */
export async function inputsJob(
  context: JobContext<'get'>,
  build: BuildSpec,
  parts: Parts,
): Promise<Done<'get'>> {
  context.progress('opening the indexes');
  const indexes = await openBuildIndexes(context, build, parts);
  try {
    return await inputsOf(context, build, indexes, parts);
  } catch (error) {
    throw withFiles(error, expectedFiles(allPackages(indexes.suites), build).map(officialFile));
  }
}

/** What the signed index names for a build goes with every failure of it. */
function withFiles(error: unknown, files: readonly OfficialFile[]): unknown {
  if (!(error instanceof JobFailure) || error.files.length > 0) return error;
  return new JobFailure(error.code, error.say, { cause: error, files });
}

async function inputsOf(
  context: JobContext<'get'>,
  build: BuildSpec,
  indexes: BuildIndexes,
  parts: Parts,
): Promise<Done<'get'>> {
  const { signal } = context;
  const source = sourceFiles(indexes.suites, indexes.uriOf, build.source, build.sourceVersion);
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  setMaxListeners(0, either);
  // The source comes while apt thinks; whichever fails first ends the other.
  const bringing = bringAll(source, 'source-missing', parts.kept, either, () => {});
  try {
    const finding = environmentOf(context, build, indexes, source, parts, either);
    const [, environment] = await Promise.all([bringing, finding]);
    await bringDependencies(context, environment, indexes, parts);
    const recipe = makeRecipe(build, environment, source, indexes);
    return await outcomeOf(context, recipe, environment, parts);
  } finally {
    over.abort();
  }
}

async function environmentOf(
  context: JobContext<'get'>,
  build: BuildSpec,
  indexes: BuildIndexes,
  source: readonly NamedFile[],
  parts: Parts,
  signal: AbortSignal,
): Promise<Environment> {
  const { suites, uriOf } = indexes;
  const matching = await matchingBuildinfo(context, build, suites, parts);
  if (matching !== undefined) return recordedEnvironment(build, matching, suites, parts);
  const foreign =
    build.architecture === 'all' ? undefined : whyNotHere(build.architecture, parts.buildArchitecture);
  if (foreign !== undefined) throw new JobFailure('environment-unknown', foreign);
  context.progress('resolving build dependencies');
  const [environment, binaryOnlyChanges] = await Promise.all([
    infer(build, indexes, source, parts, signal),
    build.version === build.sourceVersion ? null : binNmuEntry(build, suites, uriOf, parts, signal),
  ]);
  return { ...environment, binaryOnlyChanges };
}

async function infer(
  build: BuildSpec,
  indexes: BuildIndexes,
  source: readonly NamedFile[],
  parts: Parts,
  signal: AbortSignal,
): Promise<Omit<Environment, 'binaryOnlyChanges'>> {
  const dsc = source.filter((file) => file.name.endsWith('.dsc'));
  await indexes.bringAll();
  await bringAll(dsc, 'source-missing', parts.kept, signal, () => {});
  const [{ sha256 } = { sha256: undefined }] = dsc;
  if (sha256 === undefined) {
    throw new JobFailure(
      'source-missing',
      `the index names no .dsc of ${build.source} ${build.sourceVersion}`,
    );
  }
  const { evidence, suites, trustOf } = indexes;
  const onBase = (base: readonly Installed[]) => {
    // What fails here is brought again, and then told, with all that is installed.
    bringAll(wantedOf(base, indexes), 'dependency-missing', parts.kept, signal, () => {}).catch(() => {});
  };
  return await inferEnvironment({ build, evidence, suites, dsc: sha256, trustOf, onBase, signal }, parts);
}

async function bringDependencies(
  context: JobContext<'get'>,
  environment: Environment,
  indexes: BuildIndexes,
  parts: Parts,
): Promise<void> {
  const wanted = wantedOf(environment.installed, indexes);
  let done = 0;
  context.progress('bringing build dependencies', 0, wanted.length);
  await bringAll(wanted, 'dependency-missing', parts.kept, context.signal, () => {
    done += 1;
    if (done % 10 === 0) context.progress('bringing build dependencies', done, wanted.length);
  });
}

function wantedOf(installed: readonly Installed[], { uriOf }: BuildIndexes): readonly NamedFile[] {
  return installed.map(({ archive, entry }) => ({
    name: fileNameOf(entry),
    sha256: entry.sha256,
    size: entry.size,
    uri: `${uriOf(archive)}/${entry.path}`,
  }));
}

/** Objects that the orchestrator keeps from this queue already are not sent again. */
async function outcomeOf(
  context: JobContext<'get'>,
  recipe: DebRecipe,
  environment: Environment,
  parts: Parts,
): Promise<Done<'get'>> {
  const document = await parts.kept.put(Buffer.from(`${JSON.stringify(parseRecipe(recipe))}\n`));
  const buildinfo = environment.buildinfo?.object ?? null;
  const needed = new Set<Sha256>([
    document,
    ...(buildinfo === null ? [] : [buildinfo]),
    ...recipe.inputs.map((input) => input.sha256),
  ]);
  const present = await context.present([...needed]);
  const missing = [...needed].filter((sha256) => !present.has(sha256));
  return {
    outcome: { status: 'done', kind: 'inputs', recipe: document, buildinfo },
    objects: await Promise.all(missing.map((sha256) => parts.kept.object(sha256))),
  };
}
