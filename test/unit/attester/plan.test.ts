import { describe, expect, it } from 'vitest';
import type { EarlierLink } from '../../../daemons/attester/sign/earlier.ts';
import { coversFewer, planLinks } from '../../../daemons/attester/sign/plan.ts';
import type { BuildSpec } from '../../../daemons/lib/domain/build.ts';
import { linkOf, type Product, packageProducts } from '../../../daemons/lib/domain/link.ts';
import { parsePoolFileName } from '../../../daemons/lib/domain/names.ts';
import { build, entry, hash } from '../../support/evidence.ts';

const keyid = 'a03442f3eb2c295d4d911e628fe058da4c1b5582';

function product(name: string, version: string, architecture = 'amd64'): Product {
  const {
    package: binary,
    version: parsed,
    architecture: arch,
    sha256,
    path,
  } = entry(name, version, { architecture });
  return {
    name: parsePoolFileName(path.split('/').at(-1)),
    package: binary,
    version: parsed,
    architecture: arch,
    sha256,
  };
}

function spec(source: string, version: string, parts: BuildSpec['parts'] = ['any']): BuildSpec {
  return {
    ...build(source, version.replace(/\+b\d+$/, ''), { version, parts }),
    dist: 'bookworm.amd64',
    environment: { kind: 'inferred' },
    evidence: hash('evidence'),
  };
}

function earlier(path: string, products: Readonly<Record<string, string>>, environment = {}): EarlierLink {
  const link = linkOf(
    Object.fromEntries(Object.entries(products).map(([name, sha256]) => [name, { sha256 }])),
  );
  return { path, keyid, products: packageProducts(link) ?? [], environment };
}

function plan(
  one: BuildSpec,
  products: readonly Product[],
  kept: readonly EarlierLink[] = [],
  perBinary = true,
) {
  return Object.fromEntries(
    planLinks({ folder: 'debian', build: one, products, earlier: kept, perBinary }).map((planned) => [
      planned.path(keyid),
      planned.link,
    ]),
  );
}

describe('planLinks', () => {
  it('puts each binary at its own name and version, whatever its source’s', () => {
    const planned = plan(spec('what-is-python', '13+deb12u1', ['all']), [
      product('python-is-python3', '3.11.2-1', 'all'),
      product('libcap2', '1:2.66-4+b1'),
    ]);
    expect(Object.keys(planned).sort()).toEqual([
      'debian/sources/libcap2/1:2.66-4+b1/metadata',
      'debian/sources/python-is-python3/3.11.2-1/metadata',
      'debian/sources/what-is-python/13+deb12u1/rebuild.a03442f3.all.link',
      'debian/sources/what-is-python/13+deb12u1/rebuild.a03442f3.link',
    ]);
  });

  it('plans nothing where nothing came out identical', () => {
    expect(plan(spec('foo', '1.0'), [])).toEqual({});
  });

  it('has no metadata in the tree of what differed', () => {
    const planned = plan(spec('foo', '1:1.0+b1'), [product('foo', '1:1.0+b1')], [], false);
    expect(Object.keys(planned)).toEqual([
      'debian/sources/foo/1.0+b1/rebuild.a03442f3.amd64.link',
      'debian/sources/foo/1.0+b1/rebuild.a03442f3.link',
    ]);
  });

  it('names every architecture that was attested of a binary and version, and what is new wins', () => {
    const path = 'debian/sources/foo/1:1.0/metadata';
    const old = earlier(path, {
      'foo_1.0_arm64.deb': hash('arm'),
      'foo_1%3a1.0_arm64.deb': hash('arm'),
      'foo_1.0_amd64.deb': hash('old'),
    });
    const now = product('foo', '1:1.0');
    const products = plan(spec('foo', '1:1.0'), [now], [old])[path]?.products;
    expect(products?.['foo_1.0_arm64.deb']?.sha256).toBe(hash('arm'));
    expect(products?.['foo_1.0_amd64.deb']?.sha256).toBe(now.sha256);
  });

  it('keeps the other architectures of a binary by the merged link of its source, where its own is not told', () => {
    const path = 'debian/sources/foo/1:1.0/metadata';
    const merged = 'debian/sources/bar/1.0/rebuild.a03442f3.link';
    const subject = { source: 'bar', version: '1:1.0' };
    const files = {
      'foo_1.0_arm64.deb': hash('arm'),
      'foo_1%3a1.0_arm64.deb': hash('arm'),
      'foo_0.9_arm64.deb': hash('older'),
      'bar_1.0_arm64.deb': hash('other'),
    };
    const of = (kept: readonly EarlierLink[]) =>
      Object.keys(plan(spec('bar', '1:1.0'), [product('foo', '1:1.0')], kept)[path]?.products ?? {}).sort();
    const own = ['foo_1%3a1.0_amd64.deb', 'foo_1.0_amd64.deb'];
    expect(of([earlier(merged, files, subject)])).toEqual(
      [...own, 'foo_1%3a1.0_arm64.deb', 'foo_1.0_arm64.deb'].sort(),
    );
    expect(of([earlier(merged, files, { ...subject, version: '1.0' })])).toEqual(own.sort());
    expect(of([earlier(merged.replace('.link', '.arm64.link'), files, subject)])).toEqual(own);
  });

  it('keeps nothing of another binary, version or source', () => {
    const path = 'debian/sources/foo/1.0/metadata';
    const merged = 'debian/sources/foo/1.0/rebuild.a03442f3.link';
    const now = product('foo', '1.0');
    const kept = [
      earlier(path, { 'bar_1.0_amd64.deb': hash('x') }),
      earlier(path, { 'foo_0.9_amd64.deb': hash('x') }),
      earlier('debian/sources/foo/1.1/metadata', { 'foo_1.0_arm64.deb': hash('x') }),
      earlier(merged, { 'foo-doc_1.0_all.deb': hash('x') }),
      earlier(merged, { 'foo-doc_1.0_all.deb': hash('x') }, { source: 'bar', version: '1.0' }),
      earlier(merged, { 'foo-doc_1.0_all.deb': hash('x') }, { source: 'foo', version: '1:1.0' }),
    ];
    for (const link of Object.values(plan(spec('foo', '1.0'), [now], kept))) {
      expect(Object.keys(link.products)).toEqual(['foo_1.0_amd64.deb']);
    }
  });

  it('unites the builds of one source version in one link, each build apart in its own', () => {
    const subject = { source: 'foo', version: '1.0' };
    const folder = 'debian/sources/foo/1.0';
    const kept = [
      earlier(`${folder}/rebuild.a03442f3.all.link`, { 'foo-doc_1.0_all.deb': hash('doc') }, subject),
      earlier(`${folder}/rebuild.a03442f3.amd64.link`, { 'foo-bin_1.0_amd64.deb': hash('bin') }, subject),
    ];
    const planned = plan(spec('foo', '1.0'), [product('foo', '1.0')], kept);
    const names = (name: string) => Object.keys(planned[`${folder}/${name}`]?.products ?? {}).sort();
    expect(names('rebuild.a03442f3.amd64.link')).toEqual(['foo-bin_1.0_amd64.deb', 'foo_1.0_amd64.deb']);
    expect(names('rebuild.a03442f3.link')).toEqual([
      'foo-bin_1.0_amd64.deb',
      'foo-doc_1.0_all.deb',
      'foo_1.0_amd64.deb',
    ]);
    expect(planned[`${folder}/rebuild.a03442f3.link`]?.environment).toEqual(subject);
  });
});

describe('coversFewer', () => {
  const one = spec('foo', '5', ['any', 'all']);
  const products = [product('foo', '5')];
  const own = { 'foo_5_amd64.deb': products[0]?.sha256 ?? '' };
  const files = { ...own, 'foo-data_5_all.deb': hash('b') };
  const asked = (kept: readonly EarlierLink[]) =>
    coversFewer({ folder: 'debian', build: one, products, earlier: kept, perBinary: true });
  const about = { source: 'foo', version: '5' };

  it('is so where an earlier link of the build names a file that this verdict lacks', () => {
    const path = 'debian/sources/foo/5/rebuild.a03442f3.amd64.link';
    expect(asked([earlier(path, files, about)])).toBe(true);
    expect(asked([earlier(path, own, about)])).toBe(false);
  });

  it('is not where the earlier link lacks a file of this verdict, or has other bytes of it', () => {
    const path = 'debian/sources/foo/5/rebuild.a03442f3.amd64.link';
    const more = { 'foo-data_5_all.deb': hash('b'), 'foo-doc_5_all.deb': hash('c') };
    expect(asked([earlier(path, more, about)])).toBe(false);
    expect(asked([earlier(path, { ...more, 'foo_5_amd64.deb': hash('d') }, about)])).toBe(false);
  });

  it('is not for links of other builds, of a binary, or of all builds of the version', () => {
    const kept = [
      earlier('debian/sources/foo/5/rebuild.a03442f3.arm64.link', files, about),
      earlier('debian/sources/foo/5/rebuild.a03442f3.link', files, about),
      earlier('debian/sources/foo/5/metadata', files, about),
      earlier('debian/sources/foo/5/rebuild.a03442f3.amd64.link', files, { ...about, version: '4' }),
    ];
    for (const link of kept) expect(asked([link]), link.path).toBe(false);
  });
});
