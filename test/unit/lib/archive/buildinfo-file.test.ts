import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBuildinfo, withoutSignature } from '../../../../daemons/lib/archive/buildinfo-file.ts';
import { whyNotChanges, whyNotVariables } from '../../../../daemons/lib/domain/build-environment.ts';
import { BuildinfoError, parseBuildinfo } from '../../../../daemons/lib/domain/buildinfo.ts';

const shared = join(import.meta.dirname, '../../../../../shared/samples');
const samples = ['01-deb-buildinfo', 'buildinfos']
  .map((folder) => join(shared, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.buildinfo'));

const plain = `Format: 1.0
Source: bash (5.1-3)
Binary: bash bash-static
Architecture: all amd64 source
Version: 5.1-3+b1
Binary-Only-Changes:
 bash (5.1-3+b1) sid; urgency=low, binary-only=yes
 .
   * Rebuild
 .
  -- A Builder <b@example.org>  Sun, 25 Jul 2021 18:43:20 +0000
Checksums-Md5:
 13e720494bec2c12ac3db5d96b2d30bd 13 shells optional bash_5.1-3+b1_amd64.deb
Checksums-Sha256:
 9dedc2897e99d9250d6a9962533fbdb2e8bfed9f85452cf71b8edaa3b9ae0031 13 bash_5.1-3+b1_amd64.deb
Build-Architecture: amd64
Build-Path: /build/bash-VkwKZL/bash-5.1
Installed-Build-Depends:
 base-files (= 11.1),
 libc6:i386 (= 2.31-13),
Environment:
 CFLAGS="-O2 -DNAME=\\"x y\\" "
 EMPTY=""
 TAIL="back\\"
`;

describe('readBuildinfo', () => {
  it('reads what a rebuild needs', () => {
    expect(readBuildinfo(plain)).toMatchObject({
      source: 'bash',
      sourceVersion: '5.1-3',
      version: '5.1-3+b1',
      architectures: ['all', 'amd64'],
      withSource: true,
      parts: ['any', 'all'],
      files: [{ name: 'bash_5.1-3+b1_amd64.deb', size: 13 }],
      buildPath: '/build/bash-VkwKZL/bash-5.1',
      installed: [
        { package: 'base-files', version: '11.1', architecture: null },
        { package: 'libc6', version: '2.31-13', architecture: 'i386' },
      ],
    });
  });

  it('takes the backslashes off quotes, and only those', () => {
    expect(readBuildinfo(plain).environment).toEqual([
      ['CFLAGS', '-O2 -DNAME="x y" '],
      ['EMPTY', ''],
      ['TAIL', 'back\\'],
    ]);
  });

  it('gives the binNMU entry as a changelog has it', () => {
    expect(readBuildinfo(plain).binaryOnlyChanges).toBe(
      [
        'bash (5.1-3+b1) sid; urgency=low, binary-only=yes',
        '',
        '  * Rebuild',
        '',
        ' -- A Builder <b@example.org>  Sun, 25 Jul 2021 18:43:20 +0000',
      ].join('\n'),
    );
  });

  it('reads a clearsigned file as the unsigned one', () => {
    const signed = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${plain}-----BEGIN PGP SIGNATURE-----\n\nabcd\n-----END PGP SIGNATURE-----\n`;
    expect(readBuildinfo(signed)).toEqual(readBuildinfo(plain));
  });

  it('undoes dash escaping', () => {
    expect(
      withoutSignature('-----BEGIN PGP SIGNED MESSAGE-----\n\n- -a\nb\n-----BEGIN PGP SIGNATURE-----\n'),
    ).toBe('-a\nb\n');
  });

  it('reads the field of old files', () => {
    const old = plain.replace('Installed-Build-Depends', 'Build-Environment');
    expect(readBuildinfo(old).installed).toHaveLength(2);
  });

  it.each([
    ['no Source', plain.replace(/^Source.*\n/m, ''), 'no field source'],
    ['a path with ..', plain.replace('/build/bash-VkwKZL', '/build/..'), 'Build-Path'],
    ['a shell character in the path', plain.replace('VkwKZL', 'a;b'), 'Build-Path'],
    ['a relation other than =', plain.replace('(= 11.1)', '(>= 11.1)'), 'package (= version)'],
    ['a file in another folder', plain.replace(' 13 bash_', ' 13 ../bash_'), 'file name'],
    ['an unquoted variable', plain.replace('EMPTY=""', 'EMPTY='), 'NAME="value"'],
    ['two stanzas', `${plain}\nFormat: 1.0\n`, 'more than one stanza'],
  ])('refuses %s', (_what, text, say) => {
    expect(() => readBuildinfo(text)).toThrow(BuildinfoError);
    expect(() => readBuildinfo(text)).toThrow(say);
  });

  it.each(samples)('reads the sample %s', (path) => {
    const text = readFileSync(path, 'utf8');
    const buildinfo = readBuildinfo(text);
    expect(text).toMatch(new RegExp(`^Version: ${buildinfo.version.replace(/[.+]/g, '\\$&')}$`, 'm'));
    expect(buildinfo.files.length).toBeGreaterThan(0);
    expect(buildinfo.installed.length).toBeGreaterThan(30);
    const sha256Lines = /^Checksums-Sha256:[ \t\r]*\n((?: .*\n)+)/m.exec(text)?.[1]?.trim().split('\n') ?? [];
    expect(buildinfo.files.map((file) => ` ${file.sha256} ${file.size} ${file.name}`)).toEqual(
      sha256Lines.map((line) => ` ${line.trim()}`),
    );
    expect(whyNotChanges(buildinfo.binaryOnlyChanges, buildinfo)).toBeUndefined();
  });

  it.each(samples.filter((path) => path.includes('/buildinfos/')))(
    'finds nothing in the archive’s %s that a build may not be given',
    (path) => {
      expect(whyNotVariables(readBuildinfo(readFileSync(path, 'utf8')).environment)).toBeUndefined();
    },
  );
});

describe('parseBuildinfo', () => {
  it('throws nothing but BuildinfoError, whatever the fields hold', () => {
    const names = [
      'source',
      'version',
      'architecture',
      'checksums-sha256',
      'environment',
      'installed-build-depends',
    ];
    const good = new Map([
      ['source', 'bash'],
      ['version', '5.1-3'],
      ['architecture', 'amd64'],
    ]);
    fc.assert(
      fc.property(
        fc.constantFrom(...names, 'binary', 'build-path', 'binary-only-changes'),
        fc.string(),
        (name, text) => {
          try {
            expect(parseBuildinfo(new Map([...good, [name, text]])).source).toBeTruthy();
          } catch (error) {
            expect(error).toBeInstanceOf(BuildinfoError);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('reads an entry of blank lines as one, in a time that does not square with their number', () => {
    const good = [
      ['source', 'bash'],
      ['version', '1'],
      ['architecture', 'all'],
    ] as const;
    const changes = `\n a${'\n .'.repeat(60_000)}\n b\n .`;
    const entry = parseBuildinfo(new Map([...good, ['binary-only-changes', changes]])).binaryOnlyChanges;
    expect(entry).toBe(`a${'\n'.repeat(60_001)}b`);
  });

  it('refuses a variable that no program can be started with', () => {
    expect(() => readBuildinfo(plain.replace('EMPTY=""', 'EMPTY="\0"'))).toThrow(BuildinfoError);
  });

  it('gives back every environment that dpkg could write', () => {
    const value = fc.string({ unit: fc.constantFrom(...'ab =\\"\'$`,') });
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), (values) => {
        const written = values.map((text, index) => ` V${index}="${text.replaceAll('"', '\\"')}"`);
        const fields = new Map([
          ['source', 'bash'],
          ['version', '1'],
          ['architecture', 'all'],
          ['environment', `\n${written.join('\n')}`],
        ]);
        const ambiguous = values.some((text) => text.includes('\\"'));
        if (!ambiguous) expect(parseBuildinfo(fields).environment.map(([, text]) => text)).toEqual(values);
      }),
    );
  });
});
