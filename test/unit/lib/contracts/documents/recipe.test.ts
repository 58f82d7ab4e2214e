import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRecipe } from '../../../../../daemons/lib/contracts/documents/recipe.ts';
import {
  architectures,
  partLists,
  poolFileNames,
  sha256s,
  sizes,
  some,
  sourceNames,
  texts,
  versions,
} from '../../../../support/contract-values.ts';
import { describeParser } from '../../../../support/parser-laws.ts';
import { textsUpTo } from '../../../../support/texts.ts';

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

const debRecipes = fc.record({
  ...common,
  kind: fc.constant('deb'),
  source: sourceNames,
  sourceVersion: versions,
  version: versions,
  parts: partLists,
  dsc: poolFileNames,
  buildPath: fc.constantFrom('/build/reproducible-path/libcap2-2.66', '/build'),
  environment: fc.constant([['DEB_BUILD_OPTIONS', 'parallel=4']]),
  binaryOnlyChanges: texts,
  environmentKind: fc.constantFrom('buildinfo', 'inferred'),
  selfHosted: fc.boolean(),
  expect: some(poolFileNames),
});

const lists = { dependencies: 20_000, inputs: 20_000, parts: 2, expect: 4_000, environment: 500 };

describeParser({
  what: 'the recipe of a Debian package',
  parse: parseRecipe,
  valid: debRecipes,
  nullable: ['binaryOnlyChanges'],
  texts: { binaryOnlyChanges: 200_000 },
  lists,
  // These have laws of their own, below.
  opaque: ['environment.*', 'buildPath'],
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

  it('is variables that a program can be started with', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}$/), textsUpTo(40), (name, value) => {
        if (value.includes('\0')) expect(() => withVariable([name, value])).toThrow('environment');
        else expect(withVariable([name, value])).toMatchObject({ environment: [[name, value]] });
      }),
    );
    expect(() => withVariable(['A', `a\0b`])).toThrow('cannot hold NUL');
  });

  it.each([
    ['a name with =', ['A=B', 'x']],
    ['no name', ['', 'x']],
    ['a name that begins with a digit', ['1A', 'x']],
    ['a name of blanks', [' A', 'x']],
    ['a name that is too long', ['A'.repeat(201), 'x']],
    ['a value that is too long', ['A', 'x'.repeat(32_001)]],
    ['no value', ['A']],
    ['a third member', ['A', 'x', 'y']],
    ['a value that is no text', ['A', 1]],
    ['an object', { 0: 'A', 1: 'x', length: 2 }],
  ])('refuses %s', (_what, variable) => {
    expect(() => withVariable(variable)).toThrow('recipe: environment.0');
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
