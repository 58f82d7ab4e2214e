import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PackageEntry } from '../../../../daemons/lib/archive/lookup.ts';
import type { PoolFileName, Sha256 } from '../../../../daemons/lib/domain/names.ts';
import { type BuildIdentity, expectedFiles } from '../../../../daemons/lib/evidence/expected.ts';
import { judge } from '../../../../daemons/lib/evidence/judge.ts';
import { build, entry, hash, indexOf } from '../../../support/evidence.ts';

const names = (packages: readonly PackageEntry[], one: BuildIdentity) =>
  expectedFiles([indexOf(packages)], one).map((file) => file.name);

describe('expectedFiles', () => {
  it('finds the binaries of a binNMU by its suffix, with their epoch in the version and none in the name', () => {
    const packages = ['libcap2', 'libcap2-bin'].map((name) =>
      entry(name, '1:2.66-4+deb12u3+b1', { source: 'libcap2', sourceVersion: '1:2.66-4+deb12u3' }),
    );
    const one = build('libcap2', '1:2.66-4+deb12u3', { version: '1:2.66-4+deb12u3+b1' });
    expect(expectedFiles([indexOf(packages)], one)).toMatchObject([
      { name: 'libcap2-bin_2.66-4+deb12u3+b1_amd64.deb', version: '1:2.66-4+deb12u3+b1' },
      { name: 'libcap2_2.66-4+deb12u3+b1_amd64.deb', package: 'libcap2', architecture: 'amd64' },
    ]);
    expect(names(packages, build('libcap2', '1:2.66-4+deb12u3'))).toEqual([]);
  });

  it('finds binaries whose version differs from their source’s', () => {
    const from = { source: 'what-is-python', sourceVersion: '13+deb12u1', architecture: 'all' };
    const packages = [
      entry('python-is-python3', '3.11.2-1+deb12u1', from),
      entry('python-dev-is-python3', '3.11.2-1+deb12u1', from),
      entry('python-is-python2', '2.7.18-9', { ...from, sourceVersion: '12' }),
    ];
    const one = build('what-is-python', '13+deb12u1', { parts: ['all'] });
    expect(names(packages, one)).toEqual([
      'python-dev-is-python3_3.11.2-1+deb12u1_all.deb',
      'python-is-python3_3.11.2-1+deb12u1_all.deb',
    ]);
  });

  it('tells the parts and the architectures apart', () => {
    const packages = [
      entry('foo', '1.0', {}),
      entry('foo', '1.0', { architecture: 'arm64' }),
      entry('foo-doc', '1.0', { source: 'foo', architecture: 'all' }),
      entry('foo-extra', '1.0', { source: 'bar' }),
    ];
    expect(names(packages, build('foo', '1.0'))).toEqual(['foo_1.0_amd64.deb']);
    expect(names(packages, build('foo', '1.0', { parts: ['all'] }))).toEqual(['foo-doc_1.0_all.deb']);
    expect(names(packages, build('foo', '1.0', { parts: ['any', 'all'] }))).toEqual([
      'foo-doc_1.0_all.deb',
      'foo_1.0_amd64.deb',
    ]);
  });

  it('counts a file that several indexes name once, and expects both where they disagree', () => {
    const one = entry('foo', '1.0', {});
    expect(expectedFiles([indexOf([one]), indexOf([one])], build('foo', '1.0'))).toHaveLength(1);
    const other = { ...one, sha256: hash('other') };
    const both = expectedFiles([indexOf([one]), indexOf([other])], build('foo', '1.0'));
    expect(both).toHaveLength(2);
    const judged = judge(both, new Map([[both[0]?.name as PoolFileName, one.sha256]]), 'buildinfo');
    expect(judged.verdict).toBe('unreproducible');
    expect(judged.files.map((file) => file.verdict).sort()).toEqual(['reproducible', 'unreproducible']);
  });
});

describe('judge', () => {
  const expected = expectedFiles(
    [indexOf([entry('foo', '1.0', {}), entry('foo-bin', '1.0', { source: 'foo' })])],
    build('foo', '1.0'),
  );
  const [bin, foo] = expected;
  const made = (...files: [string | undefined, Sha256 | undefined][]) =>
    new Map(files.map(([name, sha256]) => [name as PoolFileName, sha256 as Sha256]));

  it('calls a build reproducible when every file that an index names came out identical', () => {
    const files = made(
      [foo?.name, foo?.sha256],
      [bin?.name, bin?.sha256],
      ['foo-dbgsym_1.0_amd64.deb', hash('x')],
    );
    for (const environment of ['inferred', 'buildinfo'] as const) {
      const judged = judge(expected, files, environment);
      expect(judged).toMatchObject({ verdict: 'reproducible', code: null, say: '2 of 2 files identical' });
      expect(judged.files.map((file) => file.verdict)).toEqual([
        'reproducible',
        'reproducible',
        'not-judged',
      ]);
      expect(judged.files[2]).toMatchObject({
        package: null,
        officialSha256: null,
        rebuiltSha256: hash('x'),
      });
    }
  });

  it('calls a difference unreproducible only where the environment is known', () => {
    const files = made([foo?.name, hash('x')], [bin?.name, bin?.sha256]);
    expect(judge(expected, files, 'buildinfo')).toMatchObject({ verdict: 'unreproducible', code: null });
    expect(judge(expected, files, 'inferred')).toMatchObject({
      verdict: 'failure',
      code: 'environment-unknown',
    });
    expect(judge(expected, files, 'inferred').files.map((file) => file.verdict)).toEqual([
      'reproducible',
      'environment-unknown',
    ]);
  });

  it('tells a file that was not built, and does not call the build reproducible', () => {
    const judged = judge(expected, made([foo?.name, foo?.sha256]), 'buildinfo');
    expect(judged).toMatchObject({ verdict: 'unreproducible' });
    expect(judged.files[0]).toMatchObject({ verdict: 'not-built', rebuiltSha256: null });
  });

  it('never calls nothing reproducible', () => {
    expect(judge([], made(['foo', hash('x')]), 'buildinfo').verdict).not.toBe('reproducible');
    expect(judge([], made(), 'inferred').verdict).toBe('failure');
  });

  it('calls a build reproducible exactly when all its expected files are', () => {
    const verdicts = fc.array(fc.constantFrom('same', 'other', 'absent'), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(verdicts, fc.constantFrom('inferred', 'buildinfo'), (wanted, environment) => {
        const packages = wanted.map((_one, index) => entry(`foo${index}`, '1.0', { source: 'foo' }));
        const files = expectedFiles([indexOf(packages)], build('foo', '1.0'));
        const rebuilt = new Map(
          files.flatMap((file, index): [PoolFileName, Sha256][] => {
            if (wanted[index] === 'absent') return [];
            return [[file.name, wanted[index] === 'same' ? file.sha256 : hash('different')]];
          }),
        );
        const judged = judge(files, rebuilt, environment as 'inferred' | 'buildinfo');
        expect(judged.verdict === 'reproducible').toBe(wanted.every((one) => one === 'same'));
        expect(judged.verdict === 'unreproducible').toBe(
          environment === 'buildinfo' && wanted.some((one) => one !== 'same'),
        );
        expect(judged.code === null).toBe(judged.verdict !== 'failure');
      }),
    );
  });
});
