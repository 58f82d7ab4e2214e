import { z } from 'zod';
import { isBuildPath, whyNotChanges, whyNotVariables } from '../../domain/build-environment.ts';
import { parseWith } from '../contract.ts';
import {
  architecture,
  binaryName,
  debVersion,
  parts,
  poolFileName,
  sha256,
  size,
  sourceName,
  version1,
} from '../fields.ts';

/**
 * The blinded buildinfo and its inputs: all a rebuilder and a disposable learn. It holds no checksum of what should
 * come out (DESIGN §4.4). Written by the getter, read by orchestrator, rebuilder, builder and attester.
 */

export const maxRecipeBytes = 16 * 1_048_576;
/** Files of one build. */
export const maxExpected = 1_990;

const input = z.strictObject({
  name: poolFileName,
  /** `source`: the .dsc and what it lists; `dependency`: a .deb; `base`: a kept base tarball. */
  role: z.enum(['source', 'dependency', 'base']),
  sha256,
  size,
});
export type RecipeInput = z.infer<typeof input>;

const dependency = z.strictObject({
  package: binaryName,
  version: debVersion,
  architecture,
  /** The input of that name holds it. */
  file: poolFileName,
  /** Whether it belongs to the base: essential packages, build-essential, and what they need. */
  base: z.boolean(),
});
export type RecipeDependency = z.infer<typeof dependency>;

const common = {
  v: version1,
  /** Architecture that the build runs on. */
  buildArchitecture: architecture,
  dependencies: z.array(dependency).max(20_000),
  inputs: z.array(input).max(20_000),
};

const debRecipe = z
  .strictObject({
    ...common,
    kind: z.literal('deb'),
    source: sourceName,
    sourceVersion: debVersion,
    version: debVersion,
    parts,
    /** Name of the input that is the .dsc. */
    dsc: poolFileName,
    buildPath: z.string().refine(isBuildPath, 'not a plain absolute path'),
    /** The buildinfo's Environment, in its order. */
    environment: z.array(z.tuple([z.string(), z.string()])).max(100),
    /** The binNMU's changelog entry with its trailer, as Binary-Only-Changes holds it, dots already blank lines. */
    binaryOnlyChanges: z.string().nullable(),
    environmentKind: z.enum(['buildinfo', 'inferred']),
    /** The environment holds a binary of the very source and version under test. */
    selfHosted: z.boolean(),
    /** Names of the files that are wanted back. */
    expect: z.array(poolFileName).max(maxExpected),
  })
  .superRefine((value, context) => {
    refuse(context, 'environment', whyNotVariables(value.environment));
    refuse(context, 'binaryOnlyChanges', whyNotChanges(value.binaryOnlyChanges, value));
  });

function refuse(context: z.RefinementCtx, member: string, message: string | undefined): void {
  if (message !== undefined) context.addIssue({ code: 'custom', path: [member], message });
}

const recipe = z.discriminatedUnion('kind', [
  debRecipe,
  /** Makes a base tarball from the base dependencies, in a disposable that builds nothing. */
  z.strictObject({ ...common, kind: z.literal('base') }),
]);

export type Recipe = z.infer<typeof recipe>;
export type DebRecipe = Extract<Recipe, { kind: 'deb' }>;
export type BaseRecipe = Extract<Recipe, { kind: 'base' }>;

export function parseRecipe(untrusted: unknown): Recipe {
  return parseWith(recipe, untrusted, 'recipe');
}
