import { createHash } from 'node:crypto';
import type { BaseRecipe, DebRecipe, RecipeInput } from '../../lib/contracts/documents/recipe.ts';
import { parsePoolFileName, parseSha256, type Sha256 } from '../../lib/domain/names.ts';
import type { StoredBase } from './shelf.ts';

/** The base that a build calls for, as a recipe of its own: the same packages make the same recipe, byte for byte. */
export function baseRecipeOf(recipe: DebRecipe): BaseRecipe {
  const dependencies = recipe.dependencies.filter(({ base }) => base).sort(byKey(({ file }) => file));
  const files = new Set<string>(dependencies.map(({ file }) => file));
  const inputs = recipe.inputs.filter(({ name }) => files.has(name)).sort(byKey(({ name }) => name));
  return { v: 1, kind: 'base', buildArchitecture: recipe.buildArchitecture, dependencies, inputs };
}

/** What a base is known by: its exact packages, and the version of the program that makes it from them. */
export function baseKeyOf(recipe: BaseRecipe, madeBy: string): Sha256 {
  const inputs = recipe.inputs.map(({ name, sha256 }) => [name, sha256]);
  const dependencies = recipe.dependencies.map((one) => [
    one.package,
    one.version,
    one.architecture,
    one.file,
  ]);
  const facts = JSON.stringify([madeBy, recipe.buildArchitecture, dependencies, inputs]);
  return parseSha256(createHash('sha256').update(facts).digest('hex'));
}

/** The same build on a kept base, whose packages then need not come. The base is sent first: it is unpacked meanwhile. */
export function onKeptBase(recipe: DebRecipe, base: StoredBase): DebRecipe {
  const inBase = new Set<string>(recipe.dependencies.flatMap((one) => (one.base ? [one.file] : [])));
  const tarball: RecipeInput = { name: parsePoolFileName('base.tar.zst'), role: 'base', ...base };
  return { ...recipe, inputs: [tarball, ...recipe.inputs.filter(({ name }) => !inBase.has(name))] };
}

function byKey<T>(keyOf: (value: T) => string): (a: T, b: T) => number {
  return (a, b) => (keyOf(a) < keyOf(b) ? -1 : 1);
}
