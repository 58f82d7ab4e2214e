import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatQuestion,
  parseAnswer,
  parseUnknown,
} from '../../../../../daemons/getter/inputs/history/metasnap.ts';
import type { Identity } from '../../../../../daemons/getter/inputs/history/sighting.ts';
import { ArchiveError } from '../../../../../daemons/lib/archive/errors.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
} from '../../../../../daemons/lib/domain/names.ts';

const identity = (name: string, version: string, architecture = 'amd64'): Identity => ({
  package: parseBinaryName(name),
  version: parseDebVersion(version),
  architecture: parseArchitecture(architecture),
});
const wanted = [identity('libc6', '2.31-13'), identity('debhelper', '13.3.4', 'all')];

describe('metasnap', () => {
  it('is asked for names, architectures and versions', () => {
    expect(formatQuestion(wanted)).toBe('libc6:amd64=2.31-13,debhelper:all=13.3.4');
  });

  it('tells where and when each binary was, and nothing that was not asked for counts', () => {
    const answer = [
      'libc6 amd64 2.31-13 unstable main 20210717T030132Z 20210814T212851Z',
      'libc6 amd64 2.31-13 bullseye main 20210801T000000Z 20211008T000000Z',
      'other amd64 1 sid main 20210801T000000Z 20211008T000000Z',
      '',
    ].join('\n');
    const found = parseAnswer('debian', answer, wanted);
    expect([...found.keys()]).toEqual(['libc6:amd64=2.31-13']);
    expect(found.get('libc6:amd64=2.31-13')).toEqual([
      {
        archive: 'debian',
        suite: 'unstable',
        component: 'main',
        begin: '20210717T030132Z',
        end: '20210814T212851Z',
      },
      {
        archive: 'debian',
        suite: 'bullseye',
        component: 'main',
        begin: '20210801T000000Z',
        end: '20211008T000000Z',
      },
    ]);
  });

  it('names what an archive never had', () => {
    expect(parseUnknown('debhelper all 13.3.4\n', wanted)).toEqual([wanted[1]]);
  });

  it.each([
    ['a time that is none', 'libc6 amd64 2.31-13 unstable main yesterday 20210814T212851Z'],
    ['an end before the beginning', 'libc6 amd64 1 unstable main 20210814T212851Z 20210717T030132Z'],
    ['a suite that is a path', 'libc6 amd64 1 ../../x main 20210717T030132Z 20210814T212851Z'],
    ['a page for people', '<html><body>Internal Server Error</body></html>'],
  ])('is not believed where it answers with %s', (_what, line) => {
    expect(() => parseAnswer('debian', line, wanted)).toThrow(/^metasnap: not a line of an answer: /);
  });

  it('answers any bytes with sightings or an ArchiveError', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        for (const read of [() => parseAnswer('debian', text, wanted), () => parseUnknown(text, wanted)]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(ArchiveError);
          }
        }
      }),
    );
  });

  it('is given up where it does not stop', () => {
    expect(() => parseAnswer('debian', 'x\n'.repeat(500_001), wanted)).toThrow(/more than 500000 lines/);
  });
});
