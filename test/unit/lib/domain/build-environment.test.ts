import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isBuildPath,
  usualBuildPath,
  whyNotChanges,
  whyNotVariables,
} from '../../../../daemons/lib/domain/build-environment.ts';
import { parseDebVersion, parseSourceName } from '../../../../daemons/lib/domain/names.ts';

const why = (name: string, value: string) => whyNotVariables([[name, value]]);

describe('whyNotVariables', () => {
  it.each([
    ['LANG', 'de_DE.UTF-8'],
    ['LANG', ''],
    ['LC_ALL', 'C.UTF-8'],
    ['LC_CTYPE', 'sr_RS@latin'],
    ['TZ', 'Europe/Berlin'],
    ['SOURCE_DATE_EPOCH', '1755716301'],
    ['DEB_BUILD_OPTIONS', 'nocheck parallel=4 hardening=+all,-pie'],
    ['DEB_BUILD_OPTIONS', ''],
    ['DEB_BUILD_PROFILES', 'noudeb pkg.linux.nokernel'],
    ['DEB_VENDOR', 'Qubes'],
    ['MAKEFLAGS', ''],
    ['MAKEFLAGS', ' -j8'],
    ['MAKEFLAGS', 'w -j4 -l4'],
    ['DEB_BUILD_OPTIONS', 'nocheck,parallel=4'],
    ['DPKG_GENSYMBOLS_CHECK_LEVEL', '4'],
    ['LD_LIBRARY_PATH', ''],
    ['TZ', ''],
    ['LD_LIBRARY_PATH', '/usr/lib/libeatmydata'],
  ])('gives a build %s=%j, as archives record it', (name, value) => {
    expect(why(name, value)).toBeUndefined();
  });

  it.each([
    ['PERL5OPT', '-MO=x'],
    ['PERL5DB', 'BEGIN {}'],
    ['PATH', '/tmp'],
    ['LD_PRELOAD', '/build/x.so'],
    ['BASH_ENV', '/build/x'],
    ['PYTHONSTARTUP', '/build/x'],
    ['CFLAGS', '-O2'],
    ['CC', 'gcc'],
    ['DEB_CFLAGS_SET', '-O2'],
    ['DPKG_DATADIR', '/build'],
    ['LC_EVIL', 'C'],
    ['lang', 'C'],
    ['', ''],
    ['__proto__', ''],
  ])('gives none %s, whatever its value', (name, value) => {
    expect(why(name, value)).toContain('no build is given the variable');
  });

  it.each([
    ['LANG', '/build/x'],
    ['LANG', '$(id)'],
    ['LC_ALL', 'C'.repeat(41)],
    ['TZ', '/build/x'],
    ['TZ', ':x'],
    ['SOURCE_DATE_EPOCH', '1 2'],
    ['SOURCE_DATE_EPOCH', ''],
    ['DEB_BUILD_OPTIONS', 'parallel=4;id'],
    ['DEB_BUILD_OPTIONS', 'parallel=4\nx'],
    ['DEB_BUILD_OPTIONS', 'a '.repeat(101)],
    ['DEB_BUILD_PROFILES', '$(shell id)'],
    ['DEB_BUILD_PROFILES', 'noudeb nosuch'],
    ['DEB_BUILD_PROFILES', 'cross'],
    ['DEB_BUILD_PROFILES', 'pkg.linux'],
    ['DEB_VENDOR', '../x'],
    ['MAKEFLAGS', '--eval=$(shell id)'],
    ['MAKEFLAGS', '-f x'],
    ['LD_LIBRARY_PATH', '/build'],
  ])('gives none %s=%j', (name, value) => {
    expect(why(name, value)).toContain(`no build is given ${name} of the value`);
  });

  it('lets nothing through that could hold a file or make a program run code, under any name', () => {
    const names = fc.constantFrom('LANG', 'TZ', 'DEB_BUILD_OPTIONS', 'DEB_BUILD_PROFILES', 'MAKEFLAGS', 'X');
    const values = fc.oneof(
      fc.string(),
      fc.string({ minLength: 190, maxLength: 2_000, unit: 'grapheme-ascii' }),
    );
    fc.assert(
      fc.property(names, values, (name, value) => {
        if (why(name, value) === undefined) expect(value).toMatch(/^[A-Za-z0-9 =+,.@/_-]{0,200}$/);
      }),
      { numRuns: 1_000 },
    );
  });

  it('says in one short line what it refuses, in a time that does not square with its length', () => {
    const long = 'a'.repeat(1_000_000);
    expect(why(long, '')?.length).toBeLessThan(200);
    expect(why('DEB_BUILD_OPTIONS', `${long}!`)?.length).toBeLessThan(200);
  });
});

describe('whyNotChanges', () => {
  const built = {
    source: parseSourceName('libcap2'),
    sourceVersion: parseDebVersion('1:2.66-4'),
    version: parseDebVersion('1:2.66-4+b1'),
  };
  const entry = `libcap2 (1:2.66-4+b1) bookworm; urgency=low, binary-only=yes

  * Binary-only non-maintainer upload for amd64; no source changes.

 -- amd64 Build Daemon <buildd@buildd.debian.org>  Thu, 07 May 2026 21:10:44 +0000`;

  it('accepts the entry of a binary-only rebuild, and none', () => {
    expect(whyNotChanges(entry, built)).toBeUndefined();
    expect(whyNotChanges(null, built)).toBeUndefined();
    expect(whyNotChanges(null, { ...built, version: built.sourceVersion })).toBeUndefined();
  });

  it.each([
    ["of a build that is the source's own", entry, { version: built.sourceVersion }],
    ['of another source', entry, { source: parseSourceName('other') }],
    ['of another version', entry, { version: parseDebVersion('1:2.66-4+b2') }],
    ['followed by another', `${entry}\n\n${entry}`, {}],
    ['with something before it', `\n${entry}`, {}],
    ['that is none', 'base64 of a package', {}],
    ['of the size of a file', entry.replace('amd64;', 'x'.repeat(5_000)), {}],
    ['with a command in its header', entry.replace('yes', 'yes (2;touch pwned;:)'), {}],
    ['with a command in its body', entry.replace('upload', '$(id)'), {}],
    ['with a second command in its body', entry.replace('changes.', 'changes.\n  x; id'), {}],
    ['with a command in its trailer', entry.replace('Build Daemon', '`id`'), {}],
  ])('refuses one %s', (_what, text, change) => {
    expect(whyNotChanges(text, { ...built, ...change })).toMatch(/binary-only|Binary-Only-Changes/);
  });
});

describe('a build path', () => {
  it('is plain, and usual for every source version', () => {
    const path = usualBuildPath(parseSourceName('libcap2'), parseDebVersion('1:2.66-4+deb12u3'));
    expect(path).toBe('/build/reproducible-path/libcap2-2.66');
    expect(isBuildPath(path)).toBe(true);
    expect(isBuildPath('/build/../etc')).toBe(false);
    expect(isBuildPath(`/${'x'.repeat(1_000)}`)).toBe(false);
  });

  it.each([
    '/usr/lib/x',
    '/usr/local/x',
    '/etc/x',
    '/nonexistent/x',
    '/lib64/x',
    '/run/x',
    '/usr',
    '/usr/src',
  ])('is not %s, where programs look into', (path) => {
    expect(isBuildPath(path)).toBe(false);
  });

  it.each([
    '/build/x',
    '/usr/src/packages/BUILD',
    '/home/me/x',
    '/tmp/x',
    '/var/tmp/x',
    '/library/x',
    '/srv/x',
  ])('is %s', (path) => {
    expect(isBuildPath(path)).toBe(true);
  });
});
