import { describe, expect, it } from 'vitest';
import { type DebRecipe, parseRecipe } from '../../../../daemons/lib/contracts/documents/recipe.ts';
import { type Buildinfo, parseBuildinfo } from '../../../../daemons/lib/domain/buildinfo.ts';
import { expectedFiles } from '../../../../daemons/lib/evidence/expected.ts';
import { buildinfoMismatch, isSelfHosted, unvouchedInputs } from '../../../../daemons/lib/evidence/inputs.ts';
import { build, entry, hash, indexOf, sourceIndexOf } from '../../../support/evidence.ts';

const gcc = entry('gcc', '12', {});
const foo = entry('foo', '1:1.0', {});
const indexes = {
  packages: [indexOf([gcc, foo])],
  sources: [sourceIndexOf('foo', '1:1.0', ['foo_1.0.dsc', 'foo_1.0.tar.xz'])],
};
const fooBuild = build('foo', '1:1.0');

interface Facts {
  inputs?: { name: string; role?: string; sha256?: string }[];
  dependencies?: { package: string; version?: string; file?: string }[];
  sourceVersion?: string;
}

function recipe(facts: Facts = {}): DebRecipe {
  const inputs = facts.inputs ?? [
    { name: 'foo_1.0.dsc' },
    { name: 'foo_1.0.tar.xz' },
    { name: 'gcc_12_amd64.deb' },
  ];
  const dependencies = facts.dependencies ?? [{ package: 'gcc', version: '12' }];
  return parseRecipe({
    v: 1,
    kind: 'deb',
    buildArchitecture: 'amd64',
    source: 'foo',
    sourceVersion: facts.sourceVersion ?? '1:1.0',
    version: '1:1.0',
    parts: ['any'],
    dsc: 'foo_1.0.dsc',
    buildPath: '/build/foo-1.0',
    environment: [],
    binaryOnlyChanges: null,
    environmentKind: 'inferred',
    selfHosted: false,
    expect: [],
    dependencies: dependencies.map((one) => ({
      version: '1',
      architecture: 'amd64',
      base: false,
      file: `${one.package}_${(one.version ?? '1').replace('1:', '')}_amd64.deb`,
      ...one,
    })),
    inputs: inputs.map((one) => ({
      role: one.name.endsWith('.deb') ? 'dependency' : 'source',
      sha256: hash(one.name),
      size: 1,
      ...one,
    })),
  }) as DebRecipe;
}

const unvouched = (facts: Facts) => unvouchedInputs(recipe(facts), indexes).map((input) => input.name);

describe('unvouchedInputs', () => {
  it('is empty when every input is the very file that a signed index names', () => {
    expect(unvouched({})).toEqual([]);
  });

  it.each([
    ['a source file that differs', { inputs: [{ name: 'foo_1.0.dsc', sha256: hash('x') }] }],
    ['a source file of another version', { inputs: [{ name: 'foo_1.0.dsc' }], sourceVersion: '1:0.9' }],
    ['a source file that no index names', { inputs: [{ name: 'evil.tar.xz' }] }],
    ['a dependency that differs', { inputs: [{ name: 'gcc_12_amd64.deb', sha256: hash('x') }] }],
    [
      'a dependency that no index names',
      { inputs: [{ name: 'evil_1_amd64.deb' }], dependencies: [{ package: 'evil' }] },
    ],
    [
      'a real package passed off as another',
      {
        inputs: [{ name: 'gcc_12_amd64.deb' }],
        dependencies: [{ package: 'foo', version: '1:1.0', file: 'gcc_12_amd64.deb' }],
      },
    ],
    [
      'a package of another name than the archive’s',
      {
        inputs: [{ name: 'x_12_amd64.deb', sha256: hash('gcc_12_amd64.deb') }],
        dependencies: [{ package: 'gcc', version: '12', file: 'x_12_amd64.deb' }],
      },
    ],
    ['a package that no dependency names', { inputs: [{ name: 'gcc_12_amd64.deb' }], dependencies: [] }],
    ['a kept base', { inputs: [{ name: 'base.tar', role: 'base' }] }],
  ])('names %s', (_what, facts) => {
    expect(unvouched(facts)).toEqual([facts.inputs[0]?.name]);
  });
});

describe('isSelfHosted', () => {
  it('tells whether a binary of the very source and version is installed in its environment', () => {
    expect(isSelfHosted(recipe(), fooBuild, indexes)).toBe(false);
    const self = recipe({ dependencies: [{ package: 'foo', version: '1:1.0' }] });
    expect(isSelfHosted(self, fooBuild, indexes)).toBe(true);
    expect(isSelfHosted(self, build('foo', '1:1.0', { version: '1:1.0+b1' }), indexes)).toBe(true);
    expect(isSelfHosted(self, build('foo', '1:1.1'), indexes)).toBe(false);
  });
});

function buildinfo(fields: Readonly<Record<string, string>> = {}): Buildinfo {
  return parseBuildinfo(
    new Map(
      Object.entries({
        format: '1.0',
        source: 'foo',
        binary: 'foo',
        architecture: 'amd64',
        version: '1:1.0',
        'checksums-sha256': `\n ${foo.sha256} 1000 foo_1.0_amd64.deb\n ${hash('dbg')} 9 foo-dbgsym_1.0_amd64.deb`,
        'build-architecture': 'amd64',
        'installed-build-depends': '\n gcc (= 12)',
        ...fields,
      }),
    ),
  );
}

describe('buildinfoMismatch', () => {
  const expected = expectedFiles(indexes.packages, fooBuild);

  it('accepts the buildinfo whose checksums the signed index repeats', () => {
    expect(buildinfoMismatch(buildinfo(), fooBuild, expected)).toBeUndefined();
  });

  it.each([
    [
      'another checksum',
      { 'checksums-sha256': `\n ${hash('x')} 1000 foo_1.0_amd64.deb` },
      'checksum of foo_1.0_amd64',
    ],
    ['none of the files', { 'checksums-sha256': `\n ${foo.sha256} 1000 bar_1.0_amd64.deb` }, 'names no file'],
    ['another source', { source: 'bar' }, 'its source is bar, not foo'],
    ['another version', { version: '1:1.1' }, 'is 1:1.1, not 1:1.0'],
    ['another part', { architecture: 'all' }, 'did not build the part any'],
  ])('refuses one with %s', (_what, fields, say) => {
    expect(buildinfoMismatch(buildinfo(fields as Record<string, string>), fooBuild, expected)).toContain(say);
  });
});
