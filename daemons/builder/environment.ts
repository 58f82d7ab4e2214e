import type { DebRecipe, Recipe } from '../lib/contracts/documents/recipe.ts';
import { makeBase } from './base.ts';
import { newestDeb } from './deb-time.ts';
import { installDependencies } from './dependencies.ts';
import { unpackSource } from './package-build.ts';
import type { ProgramOptions } from './programs.ts';
import type { Scratch } from './scratch.ts';
import { addBuilder } from './users.ts';

/** Whether the call brought a base: its packages then are not among the inputs. */
export function hasKeptBase(recipe: Recipe): boolean {
  return recipe.inputs.some((input) => input.role === 'base');
}

/** Makes the base that a recipe describes; resolves to the time that stands in it for the time of its making. */
export async function makeRecipeBase(
  scratch: Scratch,
  recipe: Recipe,
  program: ProgramOptions,
): Promise<number> {
  const epoch = await newestDeb(scratch.basePackages);
  const dependencies = recipe.dependencies.filter(({ base }) => base);
  await makeBase(scratch, {
    ...program,
    buildArchitecture: recipe.buildArchitecture,
    dependencies,
    epoch,
  });
  return epoch;
}

/** All that comes before the package's own build: base, build dependencies, the build's user, the source in its place. */
export async function makeEnvironment(
  scratch: Scratch,
  recipe: DebRecipe,
  program: ProgramOptions,
): Promise<void> {
  if (!hasKeptBase(recipe)) {
    await program.log.say('making the base of the environment');
    await makeRecipeBase(scratch, recipe, program);
  }
  await program.log.say('installing the build dependencies');
  await installDependencies(scratch, {
    ...program,
    buildArchitecture: recipe.buildArchitecture,
    dependencies: recipe.dependencies.filter(({ base }) => !base),
  });
  await addBuilder(scratch.root);
  await program.log.say(`unpacking the source at ${recipe.buildPath}`);
  await unpackSource(scratch, recipe, program);
}
