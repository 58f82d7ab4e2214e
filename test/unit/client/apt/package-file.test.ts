import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Field } from '../../../../daemons/client/apt/message.ts';
import { fetchedFile } from '../../../../daemons/client/apt/package-file.ts';
import { awkwardTexts } from '../../../support/texts.ts';

const archives = '/var/cache/apt/archives';
const fetched = (file?: string) => {
  const fields: Field[] = file === undefined ? [] : [['Filename', Buffer.from(file).toString('latin1')]];
  return fetchedFile({ code: 201, fields }, archives);
};

describe('fetchedFile', () => {
  it.each([
    ['foo_1.0-1_amd64.deb', 'foo', '1.0-1'],
    ['lib+x-1.0_1%3a2.0~rc1+dfsg-1+b1_amd64.deb', 'lib+x-1.0', '1:2.0~rc1+dfsg-1+b1'],
  ])('finds name and version in %s', (fileName, name, version) => {
    for (const folder of [`${archives}/partial`, '/home/größe']) {
      const path = `${folder}/${fileName}`;
      expect(fetched(path)).toEqual({ path: Buffer.from(path), fileName, package: name, version });
    }
  });

  it.each([
    '/var/lib/apt/lists/partial/h_dists_sid_InRelease',
    '/home/foo_1.0.orig.tar.xz',
    '/home/foo_1.0-1.dsc',
    '/tmp/some.deb',
    '/tmp/a_b_c_d.deb',
  ])('lets %s pass', (path) => {
    expect(fetched(path)).toBe('other');
  });

  it.each([
    [undefined, 'nobody says where the file is'],
    [`${archives}/partial/foo_1_all.dat`, 'foo_1_all.dat, not name_version_architecture.deb'],
    [`${archives}/partial/foo`, 'a package whose file is called foo'],
    [`${archives}/../archives//partial/foo`, 'a package whose file is called foo'],
    [`${archives}/partial/a_1_all_x.deb`, 'a_1_all_x.deb'],
    [`${archives}/partial/..%2f..%2fx_1_all.deb`, 'expected a binary package name'],
    ['/home/foo_1%5f2_all.deb', 'expected a Debian version'],
    ['/home/__.deb', 'expected a binary package name'],
  ])('does not judge %s', (path, say) => {
    expect(fetched(path)).toEqual({ unjudged: expect.stringContaining(say) });
  });

  it('lets nothing pass that lies where apt installs from, whatever it is called', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom('_', '.deb', '%3a', 'a', '1'), awkwardTexts)),
        (parts) => {
          const name = Buffer.from(parts.join('').replaceAll('/', '')).toString();
          fc.pre(name !== '' && name !== '.' && name !== '..');
          const file = fetched(`${archives}/partial/${name}`);
          expect(file).not.toBe('other');
          if (file !== 'other' && 'path' in file) {
            expect(file.fileName).toBe(name);
            expect(`${file.package}/${file.version}`).toMatch(/^[a-z0-9][a-z0-9+.-]+\/[0-9A-Za-z.+~:-]+$/);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
