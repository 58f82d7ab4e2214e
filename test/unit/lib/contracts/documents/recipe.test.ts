import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxExpected, parseRecipe } from '../../../../../daemons/lib/contracts/documents/recipe.ts';
import {
  architectures,
  partLists,
  poolFileNames,
  sha256s,
  sizes,
  some,
  sourceNames,
  versions,
} from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';

const common = {
  v: fc.constant(1),
  buildArchitecture: architectures,
  dependencies: some(
    fc.record({
      package: sourceNames,
      version: versions,
      architecture: architectures,
      file: poolFileNames,
      base: fc.boolean(),
    }),
  ),
  inputs: some(
    fc.record({
      name: poolFileNames,
      role: fc.constantFrom('source', 'dependency', 'base'),
      sha256: sha256s,
      size: sizes,
    }),
  ),
};

function binNmuEntry(source: string, version: string): string {
  return `${source} (${version}) sid; urgency=low, binary-only=yes\n\n  * Rebuild.\n\n -- A B <a@example.org>  Thu, 07 May 2026 20:35:16 +0000`;
}

const debRecipes = fc
  .record({
    ...common,
    kind: fc.constant('deb'),
    source: sourceNames,
    sourceVersion: versions,
    version: versions,
    parts: partLists,
    dsc: poolFileNames,
    buildPath: fc.constantFrom('/build/reproducible-path/libcap2-2.66', '/build'),
    environment: fc.constant([['DEB_BUILD_OPTIONS', 'parallel=4']]),
    environmentKind: fc.constantFrom('buildinfo', 'inferred'),
    selfHosted: fc.boolean(),
    expect: some(poolFileNames),
  })
  .chain((recipe) => {
    const { source, version, sourceVersion } = recipe;
    const changes = version === sourceVersion ? [] : [binNmuEntry(source, version)];
    return fc.constantFrom(null, ...changes).map((binaryOnlyChanges) => ({ ...recipe, binaryOnlyChanges }));
  });

const lists = { dependencies: 20_000, inputs: 20_000, parts: 2, expect: maxExpected, environment: 100 };

describeParser({
  what: 'the recipe of a Debian package',
  parse: parseRecipe,
  valid: debRecipes,
  lists,
  // These have laws of their own, below.
  opaque: ['environment.*', 'buildPath', 'binaryOnlyChanges'],
});

describeParser({
  what: 'the recipe of a base',
  parse: parseRecipe,
  valid: fc.record({ ...common, kind: fc.constant('base') }),
  lists,
});

describe('the environment of a recipe', () => {
  const [recipe] = fc.sample(debRecipes, { numRuns: 1, seed: 3 });
  const withVariable = (variable: unknown) => parseRecipe({ ...recipe, environment: [variable] });

  it('is variables that a build may be given', () => {
    expect(withVariable(['LC_ALL', 'C.UTF-8'])).toMatchObject({ environment: [['LC_ALL', 'C.UTF-8']] });
    expect(() => withVariable(['PERL5OPT', '-d'])).toThrow('recipe: environment: no build is given');
  });

  it.each([
    ['no value', ['LANG']],
    ['a third member', ['LANG', 'C', 'y']],
    ['a value that is no text', ['LANG', 1]],
    ['an object', { 0: 'LANG', 1: 'C', length: 2 }],
  ])('refuses %s', (_what, variable) => {
    expect(() => withVariable(variable)).toThrow('recipe: environment.0');
  });
});

describe('the changelog entry of a recipe', () => {
  const [recipe] = fc.sample(debRecipes, { numRuns: 1, seed: 3 });
  const entry = binNmuEntry('bash', '5.2-1+b1');
  const withEntry = (version: string, binaryOnlyChanges: string) =>
    parseRecipe({ ...recipe, source: 'bash', sourceVersion: '5.2-1', version, binaryOnlyChanges });

  it("is one of the very version, and only where that is not the source's", () => {
    expect(withEntry('5.2-1+b1', entry)).toMatchObject({ binaryOnlyChanges: entry });
    expect(() => withEntry('5.2-1+b2', entry)).toThrow(
      'recipe: binaryOnlyChanges: Binary-Only-Changes is not',
    );
    expect(() => withEntry('5.2-1', entry)).toThrow('only a binary-only rebuild');
  });
});

describe('the build path of a recipe', () => {
  const [recipe] = fc.sample(debRecipes, { numRuns: 1, seed: 3 });

  it.each([
    'build/x',
    '/',
    '/build/',
    '/build/../etc',
    '/build/.hidden',
    '/a b',
    '/a;b',
    '/$HOME',
    '//a',
    '/a\0',
    `/${'x'.repeat(1_000)}`,
  ])('is not %j', (buildPath) => {
    expect(() => parseRecipe({ ...recipe, buildPath })).toThrow('recipe: buildPath');
  });
});
