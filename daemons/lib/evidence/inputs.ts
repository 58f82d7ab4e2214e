import { originOf, type PackageEntry, type SourceFile } from '../archive/lookup.ts';
import type { DebRecipe, RecipeInput } from '../contracts/documents/recipe.ts';
import type { Buildinfo } from '../domain/buildinfo.ts';
import type { BuildIdentity, ExpectedFile } from './expected.ts';

/** What may have gone into a build, and whether a buildinfo is of that build. */

/** The look-ups of signed indexes that this needs. */
export interface Indexes {
  readonly packages: readonly {
    binaries(name: string, version?: string, arch?: string): readonly PackageEntry[];
  }[];
  readonly sources: readonly { files(source: string, version: string): readonly SourceFile[] }[];
}

/**
 * The inputs of a recipe that no signed index names: a source file counts only as one of the very source and version, a
 * dependency only as the very package it is said to be. A link is signed for a build without any.
 */
export function unvouchedInputs(recipe: DebRecipe, indexes: Indexes): readonly RecipeInput[] {
  const sources = new Set(
    indexes.sources
      .flatMap((index) => index.files(recipe.source, recipe.sourceVersion))
      .map((file) => `${file.name} ${file.sha256}`),
  );
  const byFile = grouped(recipe.dependencies, (dependency) => dependency.file);
  return recipe.inputs.filter((input) => {
    if (input.role === 'source') return !sources.has(`${input.name} ${input.sha256}`);
    if (input.role === 'base') return true;
    const packages = byFile.get(input.name) ?? [];
    return !packages.some((one) =>
      indexes.packages
        .flatMap((index) => index.binaries(one.package, one.version, one.architecture))
        .some((entry) => entry.sha256 === input.sha256 && entry.path.endsWith(`/${input.name}`)),
    );
  });
}

/**
 * Whether the environment holds a binary of the very source and version under test (DESIGN §4, `self-hosted`), whichever
 * part, architecture or binary-only rebuild it is of.
 */
export function isSelfHosted(recipe: DebRecipe, build: BuildIdentity, indexes: Indexes): boolean {
  return recipe.dependencies.some((one) =>
    indexes.packages
      .flatMap((index) => index.binaries(one.package, one.version, one.architecture))
      .map(originOf)
      .some(({ source, sourceVersion }) => source === build.source && sourceVersion === build.sourceVersion),
  );
}

/**
 * Why a buildinfo is not this build's, or undefined when it is: it is of the same source, versions and parts, and its
 * checksums equal the signed index for every file that both name, of which there must be one (DESIGN §4.3).
 */
export function buildinfoMismatch(
  buildinfo: Buildinfo,
  build: BuildIdentity,
  expected: readonly ExpectedFile[],
): string | undefined {
  for (const name of ['source', 'sourceVersion', 'version'] as const) {
    if (buildinfo[name] !== build[name]) return `its ${name} is ${buildinfo[name]}, not ${build[name]}`;
  }
  const missing = build.parts.find((part) => !buildinfo.parts.includes(part));
  if (missing !== undefined) return `it did not build the part ${missing}`;
  const official = grouped(expected, (file) => file.name);
  const both = buildinfo.files.filter((file) => official.has(file.name));
  if (both.length === 0) return 'it names no file that the signed index names';
  const wrong = both.find((file) => !official.get(file.name)?.some((one) => one.sha256 === file.sha256));
  return wrong === undefined ? undefined : `its checksum of ${wrong.name} is not the one in the signed index`;
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
