import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseEvidence } from '../../../daemons/lib/contracts/documents/feed.ts';
import { systemClock } from '../../../daemons/lib/daemon/clock.ts';
import { ArchiveServer } from '../../support/archive-server.ts';
import { TestGetter, type TestGetterOptions } from '../../support/getter.ts';
import { LocalArchive } from '../../support/local-archive.ts';

const suite = 'testing-local';
const any = `${suite}.amd64`;
const all = `${suite}.all`;

let archive: LocalArchive;
let server: ArchiveServer;
let getters: TestGetter[];

beforeEach(async () => {
  getters = [];
  archive = new LocalArchive();
  archive.addSource({ source: 'both', version: '1.0-1' });
  archive.addBinary({ package: 'both-bin', version: '1:1.0-1+b2', source: 'both (1.0-1)' });
  archive.addBinary({ package: 'both-doc', version: '1.0-1', source: 'both', architecture: 'all' });
  archive.addSource({ source: 'plain', version: '0.9' });
  archive.addBinary({ package: 'plain', version: '0.9' });
  archive.publish();
  server = await ArchiveServer.start(archive.root);
});

afterEach(async () => {
  for (const getter of getters) await getter.remove();
  await server.close();
  archive.remove();
});

function open(options: TestGetterOptions = {}): TestGetter {
  const getter = new TestGetter({ ...options, mirror: options.mirror ?? [archive.line(server.url)] });
  getters.push(getter);
  return getter;
}

describe('a feed', () => {
  it('lists each build once, by source, version and part', async () => {
    const { builds, done } = await open().feed({ dists: [any, all] });
    const shown = builds.map(({ build }) => `${build.dist} ${build.source} ${build.version} ${build.parts}`);
    expect(shown.sort()).toEqual([
      `${all} both 1.0-1 all`,
      `${any} both 1.0-1+b2 any`,
      `${any} plain 0.9 any`,
    ]);
    expect(done.outcome).toMatchObject({ status: 'done', kind: 'feed', count: 3 });
    const binNmu = builds.find(({ build }) => build.version === '1.0-1+b2');
    expect(binNmu).toMatchObject({
      build: { sourceVersion: '1.0-1', architecture: 'amd64', environment: { kind: 'inferred' } },
      files: [{ name: 'both-bin_1.0-1+b2_amd64.deb' }],
    });
  });

  it('returns the evidence, whole: the Release and the indexes that it names', async () => {
    const getter = open();
    const { builds } = await getter.feed({ dists: [any] });
    const object = builds[0]?.build.evidence;
    if (object === undefined) throw new Error('no build');
    const evidence = parseEvidence(JSON.parse(getter.objects.get(object).toString()));
    expect(evidence.dist).toBe(any);
    const [release] = evidence.releases;
    expect(release).toMatchObject({ archive: server.url, suite, signature: null });
    const inRelease = readFileSync(join(archive.root, 'dists', suite, 'InRelease'));
    expect(release && getter.objects.get(release.release).equals(inRelease)).toBe(true);
    expect(release?.indexes.map((index) => index.path)).toEqual([
      'main/binary-amd64/Packages.xz',
      'main/source/Sources.xz',
    ]);
    for (const index of release?.indexes ?? []) {
      const served = readFileSync(join(archive.root, 'dists', suite, index.path));
      expect(getter.objects.get(index.sha256).equals(served)).toBe(true);
    }
  });

  it('fetches indexes by their hash, and by their name where there is no such path', async () => {
    await open().feed({ dists: [any] });
    expect(server.requests.filter((line) => line.includes('by-hash'))).toHaveLength(2);
    server.misbehave(/by-hash/, { kind: 'status', status: 404 });
    expect((await open().feed({ dists: [any] })).builds).toHaveLength(2);
  });

  it('tells at the next reading only what is new', async () => {
    const getter = open();
    const first = await getter.feed({ dists: [any] });
    const resume = (first.done.outcome as { resume: string }).resume;
    const same = await getter.feed({ dists: [any], resume });
    expect(same.done.outcome).toMatchObject({ builds: null, count: 0, say: `nothing new in ${any}` });
    archive.addBinary({ package: 'newcomer', version: '1' });
    archive.publish();
    const more = await getter.feed({ dists: [any], resume });
    expect(more.builds.map(({ build }) => build.source)).toEqual(['newcomer']);
  });

  it('tells everything again where it has forgotten the last reading', async () => {
    const resume = ((await open().feed({ dists: [any] })).done.outcome as { resume: string }).resume;
    archive.addBinary({ package: 'newcomer', version: '1' });
    archive.publish();
    expect((await open().feed({ dists: [any], resume })).builds).toHaveLength(3);
    expect((await open().feed({ dists: [any], resume: 'nonsense' })).builds).toHaveLength(3);
  });

  it('reads an archive without a server, in any form of index', async () => {
    archive.publish({ forms: ['.gz'] });
    const local = open({ mirror: [archive.line()] });
    expect((await local.feed({ dists: [any] })).builds).toHaveLength(2);
    archive.publish({ forms: ['', '.zst'] });
    expect((await local.feed({ dists: [any] })).builds).toHaveLength(2);
  });

  it('takes the updates of a suite beside it', async () => {
    const updates = new LocalArchive({ codename: `${suite}-updates` });
    try {
      updates.addBinary({ package: 'plain', version: '0.9.1' });
      updates.publish();
      const getter = open({ mirror: [archive.line(server.url), updates.line()] });
      const { builds } = await getter.feed({ dists: [any] });
      const versions = builds
        .filter(({ build }) => build.source === 'plain')
        .map(({ build }) => build.version);
      expect(versions.sort()).toEqual(['0.9', '0.9.1']);
    } finally {
      updates.remove();
    }
  });

  it('keeps what it had when one thing fails', async () => {
    const getter = open();
    server.misbehave(/source/, { kind: 'status', status: 404 });
    await expect(getter.feed({ dists: [any] })).rejects.toMatchObject({ code: 'archive-unreachable' });
    server.behave();
    server.requests.length = 0;
    await getter.feed({ dists: [any] });
    expect(server.requests.filter((line) => line.includes('binary-amd64'))).toEqual([]);
  });
});

describe('a feed whose archive is not to be trusted', () => {
  it.each([
    ['a key that nobody trusts', { signature: 'other-key' }, 'no trusted key'],
    ['a key that has expired', { signature: 'expired-key' }, 'expired'],
    ['no signature in it', { signature: 'unsigned' }, 'no clearsigned'],
    ['no signature beside it', { signature: 'none' }, 'not signed'],
    ['a Valid-Until in the past', { validUntil: 'Sat, 01 Jan 2022 00:00:00 UTC' }, 'Valid-Until'],
    ['a date in the future', { date: 'Sat, 01 Jan 2100 00:00:00 UTC' }, 'in the future'],
    [
      'no name',
      { edit: (text: string) => text.replace(/^(?:Suite|Codename): .*\n/gm, '') },
      'names no suite',
    ],
    ['the name of another suite', { edit: (text: string) => text.replaceAll(suite, 'other') }, 'is of other'],
  ] as const)('is refused for %s', async (_what, options, say) => {
    archive.publish(options);
    await expect(open().feed({ dists: [any] })).rejects.toMatchObject({
      name: 'JobFailure',
      code: 'archive-untrusted',
      fault: 'ours',
      say: expect.stringContaining(say),
    });
  });

  it('is accepted with one good signature among others', async () => {
    archive.publish({ signature: 'both' });
    expect((await open().feed({ dists: [any] })).builds).toHaveLength(2);
  });

  it('is refused for a changed InRelease', async () => {
    const path = join(archive.root, 'dists', suite, 'InRelease');
    writeFileSync(path, readFileSync(path, 'utf8').replace('Origin: Local', 'Origin: Evil'));
    await expect(open().feed({ dists: [any] })).rejects.toMatchObject({
      code: 'archive-untrusted',
      say: expect.stringContaining('is bad'),
    });
  });

  it('is accepted past its Valid-Until where that is switched off', async () => {
    archive.publish({ validUntil: 'Sat, 01 Jan 2022 00:00:00 UTC' });
    expect((await open({ checkValidUntil: false }).feed({ dists: [any] })).builds).toHaveLength(2);
    const line = archive.line(server.url).replace('deb [', 'deb [check-valid-until=no ');
    expect((await open({ mirror: [line] }).feed({ dists: [any] })).builds).toHaveLength(2);
  });

  it('is refused for an index that does not match its hash', async () => {
    server.misbehave(/Packages|by-hash/, { kind: 'bytes', bytes: Buffer.from('Package: evil\n') });
    await expect(open().feed({ dists: [any] })).rejects.toMatchObject({
      code: 'archive-untrusted',
      say: expect.stringContaining('does not match its Release'),
    });
  });

  it('is refused when it leads back to an older state, also after a restart', async () => {
    const getter = open();
    const older = new Date(systemClock.now() - 3_600_000).toUTCString().replace('GMT', 'UTC');
    await getter.feed({ dists: [any] });
    archive.publish({ date: older });
    getter.restart();
    await expect(getter.feed({ dists: [any] })).rejects.toMatchObject({
      code: 'archive-untrusted',
      say: expect.stringContaining('older than one that was seen before'),
    });
    expect((await open().feed({ dists: [any] })).builds).toHaveLength(2);
  });

  it('is refused without a key to trust it by', async () => {
    await expect(
      open({ mirror: [`deb ${server.url} ${suite} main`] }).feed({ dists: [any] }),
    ).rejects.toMatchObject({
      code: 'archive-untrusted',
      say: expect.stringContaining('no keyring'),
    });
    const archiveKeyring = [{ suite, file: archive.keyring }];
    const getter = open({ mirror: [`deb ${server.url} ${suite} main`], archiveKeyring });
    expect((await getter.feed({ dists: [any] })).builds).toHaveLength(2);
  });

  it('is accepted as it is where the operator said so', async () => {
    archive.publish({ signature: 'unsigned' });
    const getter = open({ mirror: [`deb [trusted=yes] ${server.url} ${suite} main`] });
    expect((await getter.feed({ dists: [any] })).builds).toHaveLength(2);
  });
});

describe('a feed whose archive is not to be reached', () => {
  it('fails when nobody answers', async () => {
    const { url } = server;
    await server.close();
    const getter = open({ mirror: [archive.line(url)] });
    await expect(getter.feed({ dists: [any] })).rejects.toMatchObject({
      code: 'archive-unreachable',
      fault: 'ours',
    });
    server = await ArchiveServer.start(archive.root);
  });

  it('fails when the suite is not there, or nobody offers it', async () => {
    server.misbehave(/dists/, { kind: 'status', status: 404 });
    await expect(open().feed({ dists: [any] })).rejects.toMatchObject({ code: 'archive-unreachable' });
    await expect(open({ mirror: [] }).feed({ dists: [any] })).rejects.toMatchObject({
      code: 'archive-unreachable',
      say: expect.stringContaining('no configured source'),
    });
  });

  it('fails when the mirror breaks off every time, and goes on where it does so once', async () => {
    await server.close();
    server = await ArchiveServer.start(archive.root, { ranges: false });
    server.misbehave(/by-hash/, { kind: 'truncate', bytes: 50 });
    await expect(open().feed({ dists: [any] })).rejects.toMatchObject({
      code: 'archive-unreachable',
      say: expect.stringContaining('cut'),
    });
    server.behave();
    server.misbehave(/by-hash/, { kind: 'truncate', bytes: 50 }, 2);
    expect((await open().feed({ dists: [any] })).builds).toHaveLength(2);
  });
});

describe('a feed of another kind', () => {
  it('is refused in one sentence', async () => {
    const reading = (dist: string) => open().feed({ dists: [dist] });
    await expect(reading('fedora-43.x86_64')).rejects.toMatchObject({
      say: expect.stringContaining('only Debian'),
    });
    await expect(reading('nonsense')).rejects.toMatchObject({ say: expect.stringContaining('nonsense') });
    await expect(reading(`${suite}+essential.amd64`)).rejects.toMatchObject({
      say: expect.stringContaining('package sets'),
    });
  });
});
