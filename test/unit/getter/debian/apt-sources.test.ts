import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  parseSourceLine,
  parseSourceLines,
  parseSourcesFile,
  readAptSources,
} from '../../../../daemons/getter/debian/apt-sources.ts';
import { ArchiveError } from '../../../../daemons/lib/archive/errors.ts';

describe('parseSourceLines', () => {
  it('reads lines with and without options, and leaves comments and sources out', () => {
    const text = `# deb http://a.example/ x main
deb http://a.example/debian/ bookworm main contrib # trailing
deb-src http://a.example/debian bookworm main
deb [arch=amd64,i386 signed-by=/k/a.gpg check-valid-until=no by-hash=no trusted=yes] file:/srv/b bookworm main
`;
    expect(parseSourceLines(text)).toMatchObject([
      {
        uri: 'http://a.example/debian',
        suite: 'bookworm',
        components: ['main', 'contrib'],
        architectures: [],
        signedBy: null,
        trusted: false,
        checkValidUntil: null,
        byHash: true,
      },
      {
        uri: 'file:/srv/b',
        architectures: ['amd64', 'i386'],
        signedBy: { files: ['/k/a.gpg'], fingerprints: [], armored: null },
        trusted: true,
        checkValidUntil: false,
        byHash: false,
      },
    ]);
  });

  it('takes fingerprints for keys', () => {
    const fingerprint = '4CB50190207B4758A3F73A796ED0E7B82643E131';
    expect(parseSourceLine(`deb [signed-by=${fingerprint},${fingerprint}!] http://a s c`).signedBy).toEqual({
      files: [],
      fingerprints: [fingerprint, `${fingerprint}!`],
      armored: null,
    });
  });

  it('refuses what is no source with an ArchiveError, whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          expect(parseSourceLine(`deb ${text}`).uri.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(ArchiveError);
        }
      }),
      { numRuns: 500, examples: [['/ !']] },
    );
  });
});

describe('parseSourcesFile', () => {
  it('reads stanzas: every suite, the first URI, disabled ones left out', () => {
    const text = `Types: deb deb-src
URIs: http://a.example/debian/ http://b.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /k/a.gpg
Check-Valid-Until: no

Types: deb
Enabled: no
URIs: http://c.example
Suites: s
Components: main

Types: deb-src
URIs: http://d.example
Suites: s
Components: main
`;
    expect(parseSourcesFile(text).map(({ uri, suite }) => `${uri} ${suite}`)).toEqual([
      'http://a.example/debian bookworm',
      'http://a.example/debian bookworm-updates',
    ]);
    expect(parseSourcesFile(text)[0]).toMatchObject({
      components: ['main'],
      signedBy: { files: ['/k/a.gpg'] },
      checkValidUntil: false,
    });
  });

  it('takes a key that stands in it', () => {
    const text = `Types: deb
URIs: http://a.example
Suites: s
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEabc=
 -----END PGP PUBLIC KEY BLOCK-----
`;
    expect(parseSourcesFile(text)[0]?.signedBy?.armored?.trim()).toBe(
      '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEabc=\n-----END PGP PUBLIC KEY BLOCK-----',
    );
  });

  it('refuses a stanza without URIs', () => {
    expect(() => parseSourcesFile('Types: deb\nSuites: s\n')).toThrow('no URIs');
  });
});

describe('readAptSources', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sources-'));
    mkdirSync(join(folder, 'parts'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("reads the host's files in apt's order, and tells of those that it cannot", async () => {
    writeFileSync(join(folder, 'list'), 'deb http://1.example/$(ARCH) s main\n');
    writeFileSync(join(folder, 'parts/b.list'), 'deb http://3.example s main\n');
    writeFileSync(
      join(folder, 'parts/a.sources'),
      'Types: deb\nURIs: http://2.example\nSuites: s\nComponents: main\n',
    );
    writeFileSync(join(folder, 'parts/c.sources'), 'nonsense\n');
    writeFileSync(join(folder, 'parts/d.list.save'), 'deb http://4.example s main\n');
    writeFileSync(
      join(folder, 'mirrors'),
      '# mirrors\nhttps://5.example/debian/ priority:1\nhttps://6.example\n',
    );
    writeFileSync(join(folder, 'parts/e.list'), `deb mirror+file:${folder}/mirrors s main\n`);
    const skipped: string[] = [];
    const paths = { sourceList: join(folder, 'list'), sourceParts: join(folder, 'parts') };
    const sources = await readAptSources(paths, 'amd64', (file) => skipped.push(file));
    expect(sources.map(({ uri }) => uri)).toEqual([
      'http://1.example/amd64',
      'http://2.example',
      'http://3.example',
      'https://5.example/debian',
    ]);
    expect(skipped).toEqual([join(folder, 'parts/c.sources')]);
  });

  it('finds nothing where there is nothing', async () => {
    const paths = { sourceList: join(folder, 'none'), sourceParts: join(folder, 'none.d') };
    expect(await readAptSources(paths, 'amd64', () => {})).toEqual([]);
  });
});
