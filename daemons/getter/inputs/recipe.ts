import type { DebRecipe, RecipeInput } from '../../lib/contracts/documents/recipe.ts';
import { JobFailure } from '../../lib/contracts/job-failure.ts';
import type { BuildSpec } from '../../lib/domain/build.ts';
import type { PoolFileName } from '../../lib/domain/names.ts';
import { expectedFiles } from '../../lib/evidence/expected.ts';
import { isSelfHosted } from '../../lib/evidence/inputs.ts';
import { allPackages } from '../debian/evidence.ts';
import { type Environment, fileNameOf, recipeDependencies } from './environment.ts';
import type { BuildIndexes } from './indexes.ts';
import type { NamedFile } from './source.ts';

/** The blinded recipe of a build: names of what should come out, never a checksum of it (DESIGN §4.4). */
export function makeRecipe(
  build: BuildSpec,
  environment: Environment,
  source: readonly NamedFile[],
  indexes: BuildIndexes,
): DebRecipe {
  const packages = allPackages(indexes.suites);
  const sources = indexes.suites.flatMap((suite) => suite.sources);
  const whole = { ...build, parts: environment.parts };
  const official = expectedFiles(packages, whole).map((file) => file.name);
  const recipe: DebRecipe = {
    v: 1,
    kind: 'deb',
    buildArchitecture: environment.buildArchitecture,
    source: build.source,
    sourceVersion: build.sourceVersion,
    version: build.version,
    parts: [...environment.parts],
    dsc: dscOf(source),
    buildPath: environment.buildPath,
    environment: environment.environment.map(([name, value]) => [name, value]),
    binaryOnlyChanges: environment.binaryOnlyChanges,
    environmentKind: environment.kind,
    selfHosted: false,
    expect: [...new Set([...official, ...recordedNames(environment)])].sort(),
    dependencies: [...recipeDependencies(environment)],
    inputs: inputsOf(environment, source),
  };
  return { ...recipe, selfHosted: isSelfHosted(recipe, whole, { packages, sources }) };
}

function dscOf(source: readonly NamedFile[]): PoolFileName {
  const found = source.find((file) => file.name.endsWith('.dsc'));
  if (found === undefined) throw new JobFailure('source-missing', 'the index names no .dsc of this source');
  return found.name;
}

/** Packages that the buildinfo lists, also those that no index names, such as debug symbols. */
function recordedNames(environment: Environment): readonly PoolFileName[] {
  const files = environment.buildinfo?.content.files ?? [];
  return files.map((file) => file.name).filter((name) => /\.[ud]?deb$/.test(name));
}

function inputsOf(environment: Environment, source: readonly NamedFile[]): RecipeInput[] {
  const inputs: RecipeInput[] = source.map(({ name, sha256, size }) => ({
    name,
    role: 'source',
    sha256,
    size,
  }));
  for (const { entry } of environment.installed) {
    inputs.push({ name: fileNameOf(entry), role: 'dependency', sha256: entry.sha256, size: entry.size });
  }
  return inputs.sort((a, b) => (a.name < b.name ? -1 : 1));
}
