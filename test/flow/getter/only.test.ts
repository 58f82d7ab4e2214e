import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveServer } from '../../support/archive-server.ts';
import { buildinfoText } from '../../support/buildinfo.ts';
import { TestGetter } from '../../support/getter.ts';
import { LocalArchive } from '../../support/local-archive.ts';

const any = 'testing-local.amd64';
const all = 'testing-local.all';

let archive: LocalArchive;
let server: ArchiveServer;
let getter: TestGetter;
let anyDeb: string;
let allDeb: string;

beforeEach(async () => {
  archive = new LocalArchive();
  for (const version of ['1.0-1', '2.0-1']) archive.addSource({ source: 'src', version });
  archive.addBinary({ package: 'src-bin', version: '1.0-1', source: 'src' });
  anyDeb = join(archive.root, archive.addBinary({ package: 'src-bin', version: '2.0-1', source: 'src' }));
  const doc = { package: 'src-doc', version: '2.0-1', source: 'src', architecture: 'all' };
  allDeb = join(archive.root, archive.addBinary(doc));
  archive.addBinary({ package: 'unrelated', version: '5' });
  archive.publish();
  server = await ArchiveServer.start(archive.root);
  getter = new TestGetter({ mirror: [archive.line(server.url)] });
});

afterEach(async () => {
  await getter.remove();
  await server.close();
  archive.remove();
});

const shown = (builds: Awaited<ReturnType<TestGetter['only']>>) =>
  builds.map(({ build }) => `${build.version} ${build.parts.join('+')} ${build.environment.kind}`).sort();

describe('the builds of one source', () => {
  it('are of its newest version, one a part', async () => {
    expect(shown(await getter.only([any, all], 'src'))).toEqual(['2.0-1 all inferred', '2.0-1 any inferred']);
    expect(shown(await getter.only([all], 'src'))).toEqual(['2.0-1 all inferred']);
  });

  it('are of the version asked for', async () => {
    expect(shown(await getter.only([any, all], 'src', { version: '1.0-1' }))).toEqual(['1.0-1 any inferred']);
  });

  it('pass over a version whose source the mirror lacks, and say so', async () => {
    server.misbehave(/src_2\.0-1\.dsc/, { kind: 'status', status: 404 });
    expect(shown(await getter.only([any, all], 'src'))).toEqual(['1.0-1 any inferred']);
    expect(getter.told.map(({ event }) => event).join('\n')).toContain('src_2.0-1.dsc');
    expect(shown(await getter.only([any], 'src', { version: '2.0-1' }))).toEqual(['2.0-1 any inferred']);
  });

  it('are source-missing where the indexes name none', async () => {
    const missing = { code: 'source-missing', fault: 'package' };
    await expect(getter.only([any, all], 'nothing')).rejects.toMatchObject(missing);
    await expect(getter.only([any], 'src', { version: '3' })).rejects.toMatchObject(missing);
  });
});

describe('the builds of given buildinfos', () => {
  const both = () =>
    buildinfoText({ source: 'src', version: '2.0-1', architecture: 'amd64 all', files: [anyDeb, allDeb] });
  const dependent = () =>
    buildinfoText({ source: 'src', version: '2.0-1', architecture: 'amd64', files: [anyDeb] });
  const independent = () =>
    buildinfoText({ source: 'src', version: '2.0-1', architecture: 'all', files: [allDeb] });
  const give = (...texts: readonly string[]) => ({
    buildinfos: texts.map((text) => getter.objects.put(text)),
  });

  it('are only the parts that they name', async () => {
    expect(shown(await getter.only([any, all], 'src', give(dependent())))).toEqual(['2.0-1 any buildinfo']);
    expect(shown(await getter.only([any, all], 'src', give(dependent(), independent())))).toEqual([
      '2.0-1 all buildinfo',
      '2.0-1 any buildinfo',
    ]);
  });

  it('are one build of both parts where one buildinfo is of both', async () => {
    const [build] = await getter.only([any, all], 'src', give(both()));
    expect(build).toMatchObject({
      build: { dist: any, architecture: 'amd64', parts: ['any', 'all'], environment: { kind: 'buildinfo' } },
      files: [{ name: 'src-bin_2.0-1_amd64.deb' }, { name: 'src-doc_2.0-1_all.deb' }],
    });
  });

  it('are of the version that they are of', async () => {
    const old = join(archive.root, 'pool/main/s/src/src-bin_1.0-1_amd64.deb');
    const text = buildinfoText({ source: 'src', version: '1.0-1', architecture: 'amd64', files: [old] });
    expect(shown(await getter.only([any, all], 'src', give(text)))).toEqual(['1.0-1 any buildinfo']);
  });

  it('are listed with their official files where no checksum equals the signed index: their inputs tell', async () => {
    const wrong = dependent().replace(/^ [0-9a-f]{64}/m, ` ${'0'.repeat(64)}`);
    const [build] = await getter.only([any], 'src', give(wrong));
    expect(build).toMatchObject({ files: [{ name: 'src-bin_2.0-1_amd64.deb' }] });
  });

  it('are kept where one of several is right', async () => {
    const wrong = dependent().replace(/^ [0-9a-f]{64}/m, ` ${'0'.repeat(64)}`);
    const [build] = await getter.only([any], 'src', give(wrong, dependent()));
    expect(build?.build.environment).toMatchObject({
      kind: 'buildinfo',
      objects: expect.objectContaining({ length: 2 }),
    });
  });

  it('are refused where they are of another source, another dist, or no buildinfo at all', async () => {
    const other = buildinfoText({
      source: 'unrelated',
      version: '5',
      architecture: 'amd64',
      files: [anyDeb],
    });
    await expect(getter.only([any], 'src', give(other))).rejects.toMatchObject({
      code: 'buildinfo-mismatch',
    });
    await expect(getter.only([any], 'src', give(independent()))).rejects.toMatchObject({
      code: 'buildinfo-missing',
    });
    await expect(getter.only([any], 'src', give('nonsense'))).rejects.toMatchObject({
      code: 'buildinfo-mismatch',
    });
    const gone = dependent().replace('Version: 2.0-1', 'Version: 9');
    await expect(getter.only([any], 'src', give(gone))).rejects.toMatchObject({ code: 'source-missing' });
  });
});
