import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { withoutSignature } from '../../../../daemons/lib/archive/buildinfo-file.ts';
import { ArchiveError } from '../../../../daemons/lib/archive/errors.ts';
import {
  checkDates,
  checkReleaseName,
  findIndex,
  parseRelease,
} from '../../../../daemons/lib/archive/release.ts';

const hash = 'bc442eb8e8251796e139748da1872c050e2d1e93f55655100357f2e68364caf5';
const text = `Origin: Debian
Suite: stable
Codename: bookworm
Date: Sat, 11 Jul 2026 10:16:37 UTC
Valid-Until: Sat, 18 Jul 2026 10:16:37 UTC
Acquire-By-Hash: yes
Architectures: all amd64
Components: main contrib
MD5Sum:
 0ed6d4c8891eb86358b94bb35d9e4da4  9 main/binary-amd64/Packages.xz
SHA256:
 ${hash} 12 main/binary-amd64/Packages
 ${hash}  9 main/binary-amd64/Packages.gz
 ${hash}  7 main/binary-amd64/Packages.xz
 ${hash}  7 main/source/Sources.gz
 ${hash}  7 ../../etc/passwd
`;
const now = Date.UTC(2026, 6, 12);
const both = { validUntil: true, date: true };

describe('parseRelease', () => {
  it('reads what a suite says of itself', () => {
    const release = parseRelease(text);
    expect(release).toMatchObject({
      origin: 'Debian',
      codename: 'bookworm',
      date: Date.UTC(2026, 6, 11, 10, 16, 37),
      validUntil: Date.UTC(2026, 6, 18, 10, 16, 37),
      acquireByHash: true,
      architectures: ['all', 'amd64'],
      components: ['main', 'contrib'],
      separateAll: true,
    });
    expect(release.files.get('main/binary-amd64/Packages')).toEqual({
      path: 'main/binary-amd64/Packages',
      sha256: hash,
      size: 12,
    });
  });

  it('never names a path that leaves its folder', () => {
    expect([...parseRelease(text).files.keys()].some((path) => path.includes('..'))).toBe(false);
  });

  it('knows where packages for all architectures are listed', () => {
    expect(parseRelease(`${text}No-Support-for-Architecture-all: Packages\n`).separateAll).toBe(false);
    expect(parseRelease(text.replace('all amd64', 'amd64')).separateAll).toBe(false);
  });

  it('prefers the smallest form of an index', () => {
    const release = parseRelease(text);
    expect(findIndex(release, 'main/binary-amd64/Packages')?.path).toBe('main/binary-amd64/Packages.xz');
    expect(findIndex(release, 'main/source/Sources')?.path).toBe('main/source/Sources.gz');
    expect(findIndex(release, 'main/binary-i386/Packages')).toBeUndefined();
  });

  it.each([
    ['a date that is none', text.replace('11 Jul', '31 Jun'), 'malformed'],
    [
      'two hashes for one file',
      `${text} ${hash.replace('b', 'a')} 12 main/binary-amd64/Packages\n`,
      'malformed',
    ],
    ['a hash that is none', text.replace(hash, 'abc'), 'malformed'],
    [
      'a size that is none',
      text.replace('  9 main/binary-amd64/Packages.gz', '  x main/binary-amd64/Packages.gz'),
      'malformed',
    ],
  ])('refuses %s', (_what, changed, code) => {
    expect(() => parseRelease(changed)).toThrow(expect.objectContaining({ code }));
  });

  it('throws nothing but ArchiveError, whatever a field holds', () => {
    fc.assert(
      fc.property(fc.constantFrom('Date', 'SHA256', 'Architectures', 'Suite'), fc.string(), (name, value) => {
        try {
          expect(parseRelease(`${name}: ${value}\n`).files).toBeDefined();
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiveError);
        }
      }),
      { numRuns: 500 },
    );
  });

  const samples = join(import.meta.dirname, '../../../../../shared/samples/04-apt-index');
  it.each(existsSync(samples) ? ['bookworm', 'bookworm-updates', 'trixie'] : [])(
    'reads the sample %s',
    (suite) => {
      const release = parseRelease(
        withoutSignature(readFileSync(join(samples, `${suite}_InRelease`), 'utf8')),
      );
      expect(release.codename).toBe(suite);
      expect(release.acquireByHash).toBe(true);
      expect(release.separateAll).toBe(false);
      expect(findIndex(release, 'main/binary-amd64/Packages')?.path).toBe('main/binary-amd64/Packages.xz');
    },
  );
});

describe('checkDates', () => {
  it('accepts a Release that is valid now', () => {
    expect(() => checkDates(parseRelease(text), now, both)).not.toThrow();
  });

  it('refuses one past its Valid-Until, unless told not to look', () => {
    const late = Date.UTC(2026, 6, 19);
    expect(() => checkDates(parseRelease(text), late, both)).toThrow(
      expect.objectContaining({ code: 'expired' }),
    );
    expect(() => checkDates(parseRelease(text), late, { validUntil: false, date: true })).not.toThrow();
  });

  it('refuses one from the future, unless told not to look', () => {
    const early = Date.UTC(2026, 6, 11, 10, 0);
    expect(() => checkDates(parseRelease(text), early, both)).toThrow(
      expect.objectContaining({ code: 'not-yet-valid' }),
    );
    expect(() => checkDates(parseRelease(text), early, { validUntil: true, date: false })).not.toThrow();
  });
});

describe('the name of a Release', () => {
  const check = (suite: string, names: string) => checkReleaseName(parseRelease(`${names}\n`), suite);

  it.each([
    ['bookworm', 'Suite: oldstable\nCodename: bookworm'],
    ['oldstable', 'Suite: oldstable\nCodename: bookworm'],
    ['bookworm-updates', 'Suite: oldstable-updates\nCodename: bookworm-updates'],
    ['stable-security', 'Suite: stable-security\nCodename: trixie-security'],
    ['buster/updates', 'Suite: oldoldstable\nCodename: buster'],
    ['sid', 'Suite: unstable\nCodename: sid'],
    ['mine', 'Codename: mine'],
  ])('is %s', (suite, names) => {
    expect(() => check(suite, names)).not.toThrow();
  });

  it.each([
    ['bookworm', 'Suite: stable\nCodename: trixie'],
    ['bookworm', 'Origin: Debian'],
    ['noble', 'Suite: noble-proposed\nCodename: noble'],
    ['bookworm', 'Suite: bookworm/updates\nCodename: bookworm'],
    ['bookworm-updates', 'Suite: oldstable\nCodename: bookworm'],
    ['book', 'Codename: bookworm'],
  ])('is not %s', (suite, names) => {
    expect(() => check(suite, names)).toThrow('the Release there');
  });
});
