import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binfilesPath, parseBinfiles } from '../../../../../daemons/getter/inputs/history/binfiles.ts';
import type { Identity } from '../../../../../daemons/getter/inputs/history/sighting.ts';
import { ArchiveError } from '../../../../../daemons/lib/archive/errors.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
} from '../../../../../daemons/lib/domain/names.ts';

const wanted: Identity = {
  package: parseBinaryName('libcap2'),
  version: parseDebVersion('1:2.44-1+b1'),
  architecture: parseArchitecture('amd64'),
};
const entry = {
  archive_name: 'debian',
  name: 'libcap2_2.44-1+b1_amd64.deb',
  path: '/pool/main/libc/libcap2',
  size: 9,
};
const sha1 = 'da39a3ee5e6b4b0d3255bfef95601890afd80709';
const reply = (entries: readonly object[], hash = sha1) => ({
  _comment: 'foo',
  binary: 'libcap2',
  binary_version: wanted.version,
  result: [
    { architecture: 'arm64', hash: 'f'.repeat(40) },
    { architecture: 'amd64', hash },
  ],
  fileinfo: { [hash]: entries, ['f'.repeat(40)]: [{ ...entry, first_seen: '19990101T000000Z' }] },
});

describe('what a snapshot archive knows of a binary', () => {
  it('is asked for by name and version, epoch and all', () => {
    expect(binfilesPath(wanted)).toBe('/mr/binary/libcap2/1%3A2.44-1%2Bb1/binfiles?fileinfo=1');
  });

  it('is when it was first there, of no known suite', () => {
    const other = { ...entry, name: 'libcap2_2.44-1_amd64.deb', first_seen: '20000101T000000Z' };
    expect(parseBinfiles(reply([other, { ...entry, first_seen: '20201201T000000Z' }]), wanted)).toEqual([
      {
        archive: 'debian',
        suite: null,
        component: null,
        begin: '20201201T000000Z',
        end: '20201201T000000Z',
      },
    ]);
  });

  it('is each time that a suite had it, of the other kind of service', () => {
    const known = {
      ...entry,
      suite_name: 'bullseye',
      component_name: 'main',
      timestamp_ranges: [
        ['20201201T000000Z', '20210101T000000Z'],
        ['20210301T000000Z', '20210401T000000Z'],
      ],
    };
    const found = parseBinfiles(reply([known], 'a'.repeat(64)), wanted);
    expect(found.map(({ suite, begin, end }) => [suite, begin, end])).toEqual([
      ['bullseye', '20201201T000000Z', '20210101T000000Z'],
      ['bullseye', '20210301T000000Z', '20210401T000000Z'],
    ]);
  });

  it.each<[string, unknown]>([
    ['a text', 'no'],
    ['no list of files', {}],
    [
      'an archive that is a path',
      reply([{ ...entry, archive_name: '../x', first_seen: '20201201T000000Z' }]),
    ],
    ['no time', reply([entry])],
    ['a hash of no entry', { ...reply([]), fileinfo: {} }],
  ])('is not believed where it is %s', (_what, untrusted) => {
    expect(() => parseBinfiles(untrusted, wanted)).toThrow(ArchiveError);
  });

  it('is sightings or an ArchiveError, whatever the JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (result, fileinfo) => {
        for (const untrusted of [result, { result, fileinfo }, { ...reply([]), fileinfo }]) {
          try {
            expect(Array.isArray(parseBinfiles(untrusted, wanted))).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(ArchiveError);
          }
        }
      }),
    );
  });
});
