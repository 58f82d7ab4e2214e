import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePublicationPath } from '../../../daemons/lib/domain/names.ts';
import { type SignedFile, superseded } from '../../../daemons/orchestrator/superseded.ts';

const folder = 'debian/sources/foo/1.0';
const file = (name: string, isRevoked: boolean, at = folder): SignedFile => ({
  path: parsePublicationPath(`${at}/${name}`),
  isRevoked,
});
const names = (files: readonly SignedFile[]) => superseded(files).map((path) => path.split('/').at(-1));

describe('links by a revoked key', () => {
  it('are superseded by those of another key for the same build', () => {
    const old = file('rebuild.aaaaaaaa.amd64.link', true);
    expect(names([old])).toEqual([]);
    expect(names([old, file('rebuild.bbbbbbbb.arm64.link', false)])).toEqual([]);
    expect(names([old, file('rebuild.bbbbbbbb.link', false)])).toEqual([]);
    expect(names([old, file('rebuild.bbbbbbbb.amd64.link', true)])).toEqual([]);
    expect(names([old, file('rebuild.bbbbbbbb.amd64.link', false, 'debian/sources/bar/1.0')])).toEqual([]);
    expect(names([old, file('rebuild.bbbbbbbb.amd64.link', false)])).toEqual(['rebuild.aaaaaaaa.amd64.link']);
  });

  it('of all builds stay until none of a build is left', () => {
    const old = [
      file('rebuild.aaaaaaaa.link', true),
      file('rebuild.aaaaaaaa.amd64.link', true),
      file('rebuild.aaaaaaaa.arm64.link', true),
    ];
    const other = [file('rebuild.bbbbbbbb.link', false), file('rebuild.bbbbbbbb.amd64.link', false)];
    expect(names([...old, ...other])).toEqual(['rebuild.aaaaaaaa.amd64.link']);
    expect(names([...old, ...other, file('rebuild.bbbbbbbb.arm64.link', false)])).toHaveLength(3);
    expect(names([...old.slice(0, 1), ...other])).toEqual(['rebuild.aaaaaaaa.link']);
  });

  it('are all that is ever superseded, and never without another in their place', () => {
    const name = fc.constantFrom(
      'metadata',
      'evidence.amd64.json',
      ...['aaaaaaaa', 'bbbbbbbb', 'cccccccc'].flatMap((key) =>
        ['', '.amd64', '.all'].map((architecture) => `rebuild.${key}${architecture}.link`),
      ),
    );
    const place = fc.constantFrom(folder, 'debian/unreproducible/sources/foo/1.0');
    const files = fc.uniqueArray(
      fc
        .record({ name, at: place, isRevoked: fc.boolean() })
        .map((one) => file(one.name, one.isRevoked, one.at)),
      { selector: ({ path }) => path, maxLength: 22 },
    );
    const withoutKey = (path: string) => path.replace(/rebuild\.[a-c]{8}/, 'rebuild');
    fc.assert(
      fc.property(files, (all) => {
        const gone = new Set<string>(superseded(all));
        for (const { path, isRevoked } of all) {
          if (!gone.has(path)) continue;
          expect([path, isRevoked]).toEqual([expect.stringMatching(/\.link$/), true]);
          const stays = all.some((one) => !one.isRevoked && withoutKey(one.path) === withoutKey(path));
          expect([path, stays]).toEqual([path, true]);
        }
        const left = all.filter(({ path }) => !gone.has(path));
        expect(superseded(left)).toEqual([]);
      }),
    );
  });
});
