import { describe, expect, it } from 'vitest';
import { type DebRecipe, parseRecipe } from '../../../../daemons/lib/contracts/documents/recipe.ts';
import { usualEnvironment } from '../../../../daemons/lib/domain/build-environment.ts';
import { type Buildinfo, parseBuildinfo } from '../../../../daemons/lib/domain/buildinfo.ts';
import { expectedFiles } from '../../../../daemons/lib/evidence/expected.ts';
import { recipeMismatch } from '../../../../daemons/lib/evidence/recipe.ts';
import { build, entry, indexOf } from '../../../support/evidence.ts';

const fooBuild = build('foo', '1:1.0');
const expected = expectedFiles([indexOf([entry('foo', '1:1.0', {})])], fooBuild);
const usual = '/build/reproducible-path/foo-1.0';
const gcc = { package: 'gcc', version: '12', architecture: 'amd64' };

interface Facts {
  readonly parts?: readonly string[];
  readonly expect?: readonly string[];
  readonly dependencies?: readonly Readonly<{ package: string; version: string; architecture: string }>[];
  readonly buildPath?: string;
  readonly environment?: readonly (readonly [string, string])[];
  readonly environmentKind?: 'buildinfo' | 'inferred';
  readonly buildArchitecture?: string;
}

function recipe(facts: Facts = {}): DebRecipe {
  const { dependencies = [gcc], ...more } = facts;
  return parseRecipe({
    v: 1,
    kind: 'deb',
    buildArchitecture: 'amd64',
    source: 'foo',
    sourceVersion: '1:1.0',
    version: '1:1.0',
    parts: ['any'],
    dsc: 'foo_1.0.dsc',
    buildPath: '/build/foo-1.0',
    environment: [['LANG', 'C.UTF-8']],
    binaryOnlyChanges: null,
    environmentKind: 'buildinfo',
    selfHosted: false,
    expect: ['foo_1.0_amd64.deb'],
    inputs: [],
    ...more,
    dependencies: dependencies.map((one) => ({ ...one, base: false, file: `${one.package}.deb` })),
  }) as DebRecipe;
}

function buildinfo(fields: Readonly<Record<string, string>> = {}): Buildinfo {
  return parseBuildinfo(
    new Map(
      Object.entries({
        source: 'foo',
        architecture: 'amd64',
        version: '1:1.0',
        'build-architecture': 'amd64',
        'build-path': '/build/foo-1.0',
        'installed-build-depends': '\n gcc (= 12)',
        environment: '\n LANG="C.UTF-8"',
        ...fields,
      }),
    ),
  );
}

describe('recipeMismatch', () => {
  it('is none where a recipe says what the buildinfo says', () => {
    expect(recipeMismatch(recipe(), fooBuild, buildinfo(), expected)).toBeUndefined();
  });

  it.each([
    ['no wish for a file', { expect: [] }, 'it does not ask for foo_1.0_amd64.deb'],
    ['a path', { buildPath: '/build/bar' }, 'its buildPath is not'],
    ['a variable', { environment: [['LANG', 'C']] }, 'its environment is not'],
    [
      'one variable more',
      { environment: [...recipe().environment, ['TZ', 'UTC']] },
      'its environment is not',
    ],
    ['an architecture', { buildArchitecture: 'i386' }, 'its buildArchitecture is not'],
    ['a guess', { environmentKind: 'inferred' }, 'its environment is inferred, not buildinfo'],
    ['a part', { parts: ['any', 'all'] }, 'it makes the parts all and any, not any'],
    ['nothing', { dependencies: [] }, 'it leaves out gcc:amd64 (= 12)'],
    ['another version', { dependencies: [{ ...gcc, version: '13' }] }, 'it leaves out gcc:amd64 (= 12)'],
    [
      'another architecture of a package',
      { dependencies: [{ ...gcc, architecture: 'i386' }] },
      'it leaves out gcc:amd64 (= 12)',
    ],
    ['a package more', { dependencies: [gcc, { ...gcc, package: 'evil' }] }, 'it adds evil:amd64 (= 12)'],
  ] as const)('tells a recipe that has %s of its own', (_what, facts, say) => {
    expect(recipeMismatch(recipe(facts as Facts), fooBuild, buildinfo(), expected)).toContain(say);
  });

  it('is none of a build of both parts, which the buildinfo was of, when the files of one are judged', () => {
    const both = buildinfo({ architecture: 'all amd64 source' });
    expect(recipeMismatch(recipe({ parts: ['any', 'all'] }), fooBuild, both, expected)).toBeUndefined();
    expect(recipeMismatch(recipe(), fooBuild, both, expected)).toContain('not all and any');
  });

  it('takes a package without an architecture as of the build’s own, or of all', () => {
    const all = recipe({ dependencies: [{ ...gcc, architecture: 'all' }] });
    expect(recipeMismatch(all, fooBuild, buildinfo(), expected)).toBeUndefined();
    const foreign = buildinfo({ 'installed-build-depends': '\n gcc:i386 (= 12)' });
    expect(recipeMismatch(all, fooBuild, foreign, expected)).toContain('it leaves out gcc:i386 (= 12)');
  });

  it('wants the usual path where the buildinfo names none, and where there is no buildinfo', () => {
    const silent = buildinfo({ 'build-path': '' });
    expect(recipeMismatch(recipe({ buildPath: usual }), fooBuild, silent, expected)).toBeUndefined();
    expect(recipeMismatch(recipe(), fooBuild, silent, expected)).toContain('its buildPath is not');
    const environment = usualEnvironment(4);
    const inferred = { environmentKind: 'inferred', environment } as const;
    expect(
      recipeMismatch(recipe({ ...inferred, buildPath: usual }), fooBuild, null, expected),
    ).toBeUndefined();
    expect(recipeMismatch(recipe(inferred), fooBuild, null, expected)).toContain(`not ${usual}`);
    expect(recipeMismatch(recipe(), fooBuild, null, expected)).toContain(
      'its environment is buildinfo, not inferred',
    );
  });

  it.each([
    ['one variable more', [...usualEnvironment(4), ['LC_TIME', 'C']]],
    ['one less', usualEnvironment(4).slice(1)],
    ['another value', [['DEB_BUILD_OPTIONS', 'nocheck'], ...usualEnvironment(4).slice(1)]],
    ['none', []],
  ] as const)('wants the usual variables where there is no buildinfo, not %s', (_what, environment) => {
    const guessed = recipe({
      environmentKind: 'inferred',
      buildPath: usual,
      environment: environment as never,
    });
    expect(recipeMismatch(guessed, fooBuild, null, expected)).toBe('its environment is not the usual one');
  });
});
