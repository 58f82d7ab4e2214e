import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildinfoPlaces } from '../../../../daemons/getter/debian/buildinfos.ts';
import type { ListedBuild } from '../../../../daemons/getter/debian/builds.ts';

const build = {
  source: 'libcap2',
  sourceVersion: '1:2.66-4',
  version: '1:2.66-4+b1',
  architecture: 'amd64',
  parts: ['any'],
} as unknown as ListedBuild;

describe('buildinfoPlaces', () => {
  it('infers where nothing is configured', async () => {
    expect((await buildinfoPlaces(undefined, 'amd64'))(build)).toEqual({ kind: 'inferred' });
  });

  it("names a service's pool as buildinfos.debian.net lays it out", async () => {
    const places = await buildinfoPlaces('https://b.example/', 'amd64');
    const any = places(build);
    expect(any).toMatchObject({ kind: 'buildinfo-at' });
    const urls = any.kind === 'buildinfo-at' ? any.urls : [];
    expect(urls[0]).toBe('https://b.example/buildinfo-pool/libc/libcap2/libcap2_2.66-4+b1_amd64.buildinfo');
    const all = places({ ...build, architecture: 'all', parts: ['all'] } as unknown as ListedBuild);
    expect(all.kind === 'buildinfo-at' && all.urls.map((url) => url.replace(/.*_/, ''))).toContain(
      'all.buildinfo',
    );
    expect(urls.every((url) => URL.canParse(url))).toBe(true);
  });

  describe('of a folder', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'buildinfos-'));
      for (const name of [
        'libcap2_2.66-4+b1_amd64',
        'libcap2_2.66-4+b1_all',
        'libcap2_2.66-4_amd64',
        'other_1_all',
      ]) {
        writeFileSync(join(folder, `${name}.buildinfo`), '');
      }
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('names the files of that build, its own architecture first', async () => {
      const places = (await buildinfoPlaces(folder, 'amd64'))(build);
      expect(places).toEqual({
        kind: 'buildinfo-at',
        urls: ['amd64', 'all'].map(
          (name) => pathToFileURL(join(folder, `libcap2_2.66-4+b1_${name}.buildinfo`)).href,
        ),
      });
    });

    it('infers for a build that it has nothing of', async () => {
      const places = await buildinfoPlaces(folder, 'amd64');
      expect(places({ ...build, version: '9' } as unknown as ListedBuild)).toEqual({ kind: 'inferred' });
    });
  });
});
