import type { DebRecipe } from '../contracts/documents/recipe.ts';
import { type BuildVariable, usualBuildPath, usualEnvironment } from '../domain/build-environment.ts';
import type { Buildinfo, InstalledPackage } from '../domain/buildinfo.ts';
import type { Architecture } from '../domain/names.ts';
import type { BuildIdentity, ExpectedFile } from './expected.ts';

/** Whether a recipe says of a build what its buildinfo says, or, where it has none, what every build has. */

/** All that a buildinfo says of how a build ran, what was installed and what it made aside. */
export type RecordedSettings = Readonly<{
  /** null where the buildinfo does not say. */
  buildArchitecture: Architecture | null;
  buildPath: string;
  environment: readonly BuildVariable[];
  binaryOnlyChanges: string | null;
}>;

export function recordedSettings(buildinfo: Buildinfo): RecordedSettings {
  const { architectures, buildPath, source, sourceVersion, environment, binaryOnlyChanges } = buildinfo;
  return {
    buildArchitecture: buildinfo.buildArchitecture ?? architectures.find((name) => name !== 'all') ?? null,
    buildPath: buildPath ?? usualBuildPath(source, sourceVersion),
    environment,
    binaryOnlyChanges,
  };
}

/**
 * Why a recipe is not the one that this buildinfo gives, or undefined when it is. Another environment could make a
 * difference that is nobody's fault, or bring in what the build was not to have.
 */
export function recipeMismatch(
  recipe: DebRecipe,
  build: BuildIdentity,
  buildinfo: Buildinfo | null,
  expected: readonly ExpectedFile[],
): string | undefined {
  const unasked = expected.find((file) => !recipe.expect.includes(file.name));
  if (unasked !== undefined) return `it does not ask for ${unasked.name}, which the signed index names`;
  const kind = buildinfo === null ? 'inferred' : 'buildinfo';
  if (recipe.environmentKind !== kind) return `its environment is ${recipe.environmentKind}, not ${kind}`;
  // A buildinfo of both parts describes one build of both, whichever of them is judged.
  const parts = [...(buildinfo ?? build).parts].sort().join(' and ');
  const made = [...recipe.parts].sort().join(' and ');
  if (made !== parts) return `it makes the parts ${made}, not ${parts}`;
  if (buildinfo === null) return inferredMismatch(recipe, build);
  const { buildArchitecture, ...settings } = recordedSettings(buildinfo);
  const recorded = { ...settings, buildArchitecture: buildArchitecture ?? recipe.buildArchitecture };
  for (const name of ['buildArchitecture', 'buildPath', 'environment', 'binaryOnlyChanges'] as const) {
    if (JSON.stringify(recipe[name]) !== JSON.stringify(recorded[name])) {
      return `its ${name} is not the buildinfo's`;
    }
  }
  return dependencyMismatch(recipe, buildinfo.installed);
}

/** What was installed is a guess, and the attester has no apt to make it again; the rest is the same for all builds. */
function inferredMismatch(recipe: DebRecipe, build: BuildIdentity): string | undefined {
  const usual = usualBuildPath(build.source, build.sourceVersion);
  if (recipe.buildPath !== usual) return `its buildPath is ${recipe.buildPath}, not ${usual}`;
  const parallel = /^parallel=(\d{1,4})$/.exec(recipe.environment[0]?.[1] ?? '')?.[1];
  const expected = JSON.stringify(usualEnvironment(Number(parallel)));
  return JSON.stringify(recipe.environment) === expected ? undefined : 'its environment is not the usual one';
}

/** The first package that only one of the two names. */
function dependencyMismatch(recipe: DebRecipe, installed: readonly InstalledPackage[]): string | undefined {
  const given = new Set(recipe.dependencies.map(keyOf));
  const recorded = installed.map((one) =>
    installedArchitectures(one, recipe.buildArchitecture).map((architecture) =>
      keyOf({ ...one, architecture }),
    ),
  );
  const missing = recorded.find((keys) => !keys.some((key) => given.has(key)));
  if (missing !== undefined) return `it leaves out ${missing[0]}, which the buildinfo names`;
  const known = new Set(recorded.flat());
  const surplus = recipe.dependencies.map(keyOf).find((key) => !known.has(key));
  return surplus === undefined ? undefined : `it adds ${surplus}, which the buildinfo does not name`;
}

/** The architectures that a package of a buildinfo can be of: it names one only where it is not the build's own. */
export function installedArchitectures(
  { architecture }: InstalledPackage,
  buildArchitecture: Architecture,
): readonly Architecture[] {
  return architecture === null ? [buildArchitecture, 'all' as Architecture] : [architecture];
}

function keyOf(one: Readonly<{ package: string; version: string; architecture: string }>): string {
  return `${one.package}:${one.architecture} (= ${one.version})`;
}
