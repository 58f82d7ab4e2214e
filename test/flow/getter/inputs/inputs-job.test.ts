import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveServer } from '../../../support/archive-server.ts';
import { buildinfoText } from '../../../support/buildinfo.ts';
import { TestGetter } from '../../../support/getter.ts';
import { LocalArchive } from '../../../support/local-archive.ts';

const any = 'testing-local.amd64';
const all = 'testing-local.all';

let archive: LocalArchive;
let server: ArchiveServer;
let getter: TestGetter;

/** The entry of a binary-only rebuild as debhelper ships it. */
const entry = `src (2.0-1+b1) testing-local; urgency=low, binary-only=yes

  * Binary-only non-maintainer upload for amd64; no source changes.
  * Rebuild

 -- Local Buildd <buildd@example.org>  Sat, 11 Jul 2026 10:16:37 +0000
`;

beforeEach(async () => {
  archive = new LocalArchive();
  archive.addSource({ source: 'src', version: '2.0-1', fields: { 'Build-Depends': 'helper (>= 1)' } });
  archive.addBinary({ package: 'src-doc', version: '2.0-1', source: 'src', architecture: 'all' });
  archive.addBinary({
    package: 'src-bin',
    version: '2.0-1+b1',
    source: 'src (2.0-1)',
    files: { 'usr/share/doc/src-bin/changelog.Debian.amd64.gz': gzipSync(entry) },
  });
  archive.addBinary({ package: 'base-files', version: '12', fields: { Essential: 'yes' } });
  archive.addBinary({ package: 'build-essential', version: '12.9', fields: { Depends: 'gcc' } });
  for (const name of ['gcc', 'apt', 'fakeroot']) archive.addBinary({ package: name, version: '1' });
  archive.addBinary({ package: 'helper', version: '2', fields: { Depends: 'library' } });
  archive.addBinary({ package: 'library', version: '3' });
  archive.publish();
  server = await ArchiveServer.start(archive.root);
  getter = new TestGetter({ mirror: [archive.line(server.url)] });
});
afterEach(async () => {
  await getter.remove();
  await server.close();
  archive.remove();
});

const one = async (dist: string, more = {}) => {
  const [build] = await getter.only([dist], 'src', more);
  if (build === undefined) throw new Error('no build');
  return build;
};
const recorded = (changes: Partial<Parameters<typeof buildinfoText>[0]> = {}) =>
  buildinfoText({
    source: 'src',
    version: '2.0-1',
    architecture: 'all',
    files: [join(archive.root, 'pool/main/s/src/src-doc_2.0-1_all.deb')],
    installed: ['base-files (= 12)', 'gcc (= 1)', 'helper (= 2)', 'library (= 3)'],
    buildPath: '/build/recorded',
    ...changes,
  });
const given = (text: string) => ({ buildinfos: [getter.objects.put(text)] });
const downloadsOf = (path: RegExp) => server.requests.filter((request) => path.test(request)).length;

describe('inputs of a build without a buildinfo', () => {
  it('are its source and what apt resolves on the signed indexes alone', async () => {
    const { recipe } = await getter.inputs(await one(all));
    expect(recipe).toMatchObject({ environmentKind: 'inferred', parts: ['all'], selfHosted: false });
    expect(recipe.dependencies.map(({ package: name }) => name).sort()).toEqual(
      expect.arrayContaining(['base-files', 'build-essential', 'gcc', 'helper', 'library']),
    );
    expect(recipe.inputs.filter(({ role }) => role === 'source').map(({ name }) => name)).toEqual([
      'src_2.0-1.debian.tar.xz',
      'src_2.0-1.dsc',
      'src_2.0.orig.tar.gz',
    ]);
    for (const { sha256 } of recipe.inputs) expect(getter.objects.get(sha256).length).toBeGreaterThan(0);
  });

  it('tell names of what should come out and no checksum of it', async () => {
    const build = await one(all);
    const { recipe } = await getter.inputs(build);
    expect(recipe.expect).toEqual(['src-doc_2.0-1_all.deb']);
    expect(build.files).toHaveLength(1);
    for (const { sha256 } of build.files) expect(JSON.stringify(recipe)).not.toContain(sha256);
  });

  it('hold the changelog entry of a binary-only rebuild, out of an official package', async () => {
    const { recipe } = await getter.inputs(await one(any));
    expect(recipe.binaryOnlyChanges).toContain('Binary-only non-maintainer upload for amd64');
    expect(recipe.binaryOnlyChanges).toContain('-- Local Buildd <buildd@example.org>  Sat, 11 Jul 2026');
    expect(recipe.inputs.map(({ name }) => name)).not.toContain('src-bin_2.0-1+b1_amd64.deb');
  });

  it('are buildinfo-missing for a binary-only rebuild whose packages the mirror refuses', async () => {
    const build = await one(any);
    server.misbehave(/src-bin_/, { kind: 'status', status: 403 });
    await expect(getter.inputs(build)).rejects.toMatchObject({
      code: 'buildinfo-missing',
      say: expect.stringContaining('src 2.0-1+b1 is a binary-only rebuild'),
      files: [{ name: 'src-bin_2.0-1+b1_amd64.deb' }],
    });
  });

  it('are dependency-missing where the suite does not offer one, and apt says which', async () => {
    archive.addSource({ source: 'other', version: '1', fields: { 'Build-Depends': 'nowhere' } });
    archive.addBinary({ package: 'other', version: '1', architecture: 'all' });
    archive.publish();
    const [build] = await getter.only([all], 'other');
    if (build === undefined) throw new Error('no build');
    await expect(getter.inputs(build)).rejects.toMatchObject({
      code: 'dependency-missing',
      say: expect.stringContaining('nowhere'),
      files: [{ name: 'other_1_all.deb' }],
    });
  });
});

describe('inputs of a build with a buildinfo', () => {
  it('are what it records, at the path and in the environment that it records', async () => {
    const { recipe } = await getter.inputs(await one(all, given(recorded())));
    expect(recipe).toMatchObject({ environmentKind: 'buildinfo', buildPath: '/build/recorded' });
    expect(recipe.environment).toContainEqual(['DEB_BUILD_OPTIONS', 'parallel=2']);
    expect(recipe.dependencies.map(({ package: name, version }) => `${name}=${version}`).sort()).toEqual([
      'base-files=12',
      'gcc=1',
      'helper=2',
      'library=3',
    ]);
  });

  it('tell no checksum of what should come out, though the buildinfo does', async () => {
    const text = recorded();
    const { recipe, done } = await getter.inputs(await one(all, given(text)));
    const official = /^ ([0-9a-f]{64}) \d+ src-doc/m.exec(text)?.[1] ?? 'none';
    expect(JSON.stringify(recipe)).not.toContain(official);
    if (done.outcome.status !== 'done' || done.outcome.kind !== 'inputs') throw new Error('not done');
    const { buildinfo } = done.outcome;
    expect(recipe.inputs.map(({ sha256 }) => sha256)).not.toContain(buildinfo);
  });

  it('are buildinfo-mismatch where it is of other bytes, with both hashes and the official files', async () => {
    const wrong = recorded().replace(/^ [0-9a-f]{64}/m, ` ${'0'.repeat(64)}`);
    await expect(getter.inputs(await one(all, given(wrong)))).rejects.toMatchObject({
      code: 'buildinfo-mismatch',
      fault: 'package',
      say: expect.stringMatching(
        /^src-doc_2\.0-1_all\.deb: the signed index says sha256 [0-9a-f]{64}, the buildinfo 0{64}$/,
      ),
      files: [{ name: 'src-doc_2.0-1_all.deb' }],
    });
  });

  it.each([
    ['a variable that makes a program run code', { environment: { PERL5OPT: '-MO=x' } }, 'PERL5OPT'],
    ['a value that could hold a file', { environment: { MAKEFLAGS: 'x'.repeat(9_000) } }, 'MAKEFLAGS'],
    [
      'a changelog entry that a build of the source has none of',
      { binaryOnlyChanges: 'x' },
      'changelog entry',
    ],
    ['a profile that nobody knows', { environment: { DEB_BUILD_PROFILES: 'nosuch' } }, '"nosuch"'],
    ['another architecture', { buildArchitecture: 'riscv64' }, 'on riscv64, and builds here run on amd64'],
    ['a cross build', { hostArchitecture: 'arm64' }, 'built for arm64 on another architecture'],
  ])('are environment-unknown where the buildinfo records %s', async (_what, changes, named) => {
    await expect(getter.inputs(await one(all, given(recorded(changes))))).rejects.toMatchObject({
      code: 'environment-unknown',
      say: expect.stringContaining(named),
      files: [{ name: 'src-doc_2.0-1_all.deb' }],
    });
  });

  it('are dependency-missing where the archive has another version by now', async () => {
    const text = recorded({ installed: ['base-files (= 12)', 'helper (= 1)'] });
    await expect(getter.inputs(await one(all, given(text)))).rejects.toMatchObject({
      code: 'dependency-missing',
      say: 'the archive does not have helper (= 1) any more',
    });
  });

  it('mark a build that has its own package in its environment', async () => {
    archive.addBinary({ package: 'src-tool', version: '2.0-1', source: 'src' });
    archive.publish();
    const text = recorded({ installed: ['base-files (= 12)', 'src-tool (= 2.0-1)'] });
    const { recipe } = await getter.inputs(await one(all, given(text)));
    expect(recipe.selfHosted).toBe(true);
  });
});

describe('inputs that cannot be had', () => {
  it('are source-missing where the mirror lacks a file that its index names', async () => {
    const build = await one(all);
    server.misbehave(/src_2\.0\.orig\.tar\.gz/, { kind: 'status', status: 404 });
    await expect(getter.inputs(build)).rejects.toMatchObject({
      code: 'source-missing',
      say: expect.stringContaining('src_2.0.orig.tar.gz'),
      files: [{ name: 'src-doc_2.0-1_all.deb' }],
    });
  });

  it('are untrusted where a source is not what its index names', async () => {
    const build = await one(all);
    const path = join(archive.root, 'pool/main/s/src/src_2.0.orig.tar.gz');
    const bytes = readFileSync(path);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    await expect(getter.inputs(build)).rejects.toMatchObject({
      code: 'archive-untrusted',
      say: expect.stringContaining('src_2.0.orig.tar.gz'),
    });
  });

  it('are dependency-missing where the mirror refuses a package', async () => {
    const build = await one(all);
    server.misbehave(/library_3/, { kind: 'status', status: 404 });
    await expect(getter.inputs(build)).rejects.toMatchObject({
      code: 'dependency-missing',
      say: expect.stringContaining('library_3_amd64.deb'),
    });
  });

  it('are unreachable where nobody answers, and are tried again by others', async () => {
    const build = await one(all);
    server.misbehave(/pool/, { kind: 'reset' });
    await expect(getter.inputs(build)).rejects.toMatchObject({ code: 'archive-unreachable', fault: 'ours' });
  });

  it('keep what came before the failure: the next try asks for the rest alone', async () => {
    const build = await one(all);
    server.misbehave(/library_3/, { kind: 'status', status: 404 });
    await expect(getter.inputs(build)).rejects.toMatchObject({ code: 'dependency-missing' });
    const before = [downloadsOf(/src_2\.0\.orig/), downloadsOf(/helper_2/)];
    expect(before).toEqual([1, 1]);
    server.behave();
    getter.restart();
    await getter.inputs(build);
    expect([downloadsOf(/src_2\.0\.orig/), downloadsOf(/helper_2/)]).toEqual(before);
  });
});
