import { join } from 'node:path';
import {
  maxRecipeBytes,
  parseRecipe,
  type Recipe,
  type RecipeInput,
} from '../lib/contracts/documents/recipe.ts';
import type { IncomingObject } from '../lib/wire/frame.ts';
import { ReplyError } from '../lib/wire/reply-error.ts';
import type { Scratch } from './scratch.ts';

/** What arrives with the call: the recipe, then exactly the inputs that it lists. */

export type BaseUnpacker = (bytes: AsyncIterable<Uint8Array>) => Promise<void>;

/**
 * Receives the call's objects: sources and packages into the scratch volume, a kept base through `unpackBase`.
 *
 * @throws ReplyError `protocol` when they are not what the recipe says
 */
export async function receiveInputs(
  objects: AsyncIterable<IncomingObject>,
  scratch: Scratch,
  unpackBase: BaseUnpacker,
): Promise<Recipe> {
  const arriving = objects[Symbol.asyncIterator]();
  const first = await arriving.next();
  if (first.done) throw new ReplyError('protocol', 'the call brings no recipe');
  const recipe = readRecipe(await first.value.buffer(maxRecipeBytes));
  const folders = foldersOf(recipe, scratch);
  for (const input of recipe.inputs) {
    const next = await arriving.next();
    if (next.done) throw new ReplyError('protocol', `input ${input.name} did not come`);
    const object = next.value;
    if (input.role === 'base') await unpackBase(object.bytes);
    else await object.saveTo(join(folders.get(input) ?? scratch.sources, input.name));
    await checkInput(input, object);
  }
  if (!(await arriving.next()).done) throw new ReplyError('protocol', 'more came than the recipe lists');
  return recipe;
}

function readRecipe(bytes: Buffer): Recipe {
  try {
    const recipe = parseRecipe(JSON.parse(bytes.toString('utf8')));
    checkRecipe(recipe);
    return recipe;
  } catch (error) {
    if (error instanceof ReplyError) throw error;
    throw new ReplyError('protocol', error instanceof Error ? error.message : 'not a recipe', {
      cause: error,
    });
  }
}

/** What the recipe's parts must be to one another. */
export function checkRecipe(recipe: Recipe): void {
  const byName = new Map<string, RecipeInput>(recipe.inputs.map((input) => [input.name, input]));
  const refuse = (what: string) => {
    throw new ReplyError('protocol', `recipe: ${what}`);
  };
  if (byName.size !== recipe.inputs.length) refuse('two inputs have one name');
  const bases = recipe.inputs.filter((input) => input.role === 'base');
  if (bases.length > 1) refuse('more than one base');
  for (const { base, file } of recipe.dependencies) {
    if (base && bases.length === 1) continue;
    if (byName.get(file)?.role !== 'dependency') refuse(`${file} is not among the inputs`);
  }
  if (recipe.kind === 'base') {
    if (recipe.inputs.some((input) => input.role !== 'dependency'))
      refuse('a base is made from packages alone');
    if (recipe.dependencies.some(({ base }) => !base)) refuse('a base holds packages of the base alone');
  } else if (byName.get(recipe.dsc)?.role !== 'source') {
    refuse('the .dsc is not among the inputs');
  }
}

/** Where each input goes: a package of the base apart from the others. */
function foldersOf(recipe: Recipe, scratch: Scratch): ReadonlyMap<RecipeInput, string> {
  const baseFiles = new Set<string>(recipe.dependencies.filter(({ base }) => base).map(({ file }) => file));
  return new Map(
    recipe.inputs.map((input) => [
      input,
      input.role === 'source'
        ? scratch.sources
        : baseFiles.has(input.name)
          ? scratch.basePackages
          : scratch.otherPackages,
    ]),
  );
}

async function checkInput(input: RecipeInput, object: IncomingObject): Promise<void> {
  const sha256 = await object.sha256;
  if (sha256 !== input.sha256)
    throw new ReplyError('protocol', `input ${input.name} is not what the recipe names`);
}
