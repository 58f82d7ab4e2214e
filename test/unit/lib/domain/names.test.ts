import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metadataPath, publicKeyPath, sourceFolder } from '../../../../daemons/lib/domain/link.ts';
import {
  NameError,
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseFingerprint,
  parsePoolFileName,
  parsePublicationPath,
  parseQubeName,
  parseSha256,
  parseSourceName,
  parseSuite,
  withoutEpoch,
} from '../../../../daemons/lib/domain/names.ts';
import { poolFileNames, publicationPaths, sourceNames, versions } from '../../../support/contract-values.ts';
import { textsUpTo } from '../../../support/texts.ts';

const parsers = {
  parseSha256,
  parseSourceName,
  parseBinaryName,
  parseDebVersion,
  parseArchitecture,
  parseSuite,
  parsePoolFileName,
  parseQubeName,
  parseFingerprint,
  parsePublicationPath,
};

const hostile = [
  '',
  '.',
  '..',
  '../x',
  'x/..',
  'a/../b',
  'a/./b',
  'a//b',
  '/a',
  'a/',
  '-a',
  'a b',
  'a\n',
  '\na',
  'a\0',
  'a\u2028b',
  'é',
  '\ud800',
  'a\\b',
  'x'.repeat(10_000),
  `${'x'.repeat(256)}/y`,
];
const noTexts = [
  undefined,
  null,
  1,
  true,
  [],
  ['a'],
  {},
  { toString: 1, valueOf: 1 },
  Object.create(null),
  Symbol(),
];

describe.each(Object.entries(parsers))('%s', (_name, parse: (untrusted: unknown) => string) => {
  it.each(hostile)('refuses %j', (text) => {
    expect(() => parse(text)).toThrow(NameError);
  });

  it('refuses what is no text, whatever it makes of itself', () => {
    for (const value of noTexts) expect(() => parse(value)).toThrow(NameError);
  });

  it('gives back any text that it takes: printable ASCII without blanks, no segment of dots alone', () => {
    const near = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9.+~:_%/@-]{0,60}$/);
    fc.assert(
      fc.property(fc.oneof(near, textsUpTo(40), fc.constantFrom(...hostile)), (text) => {
        let name: string;
        try {
          name = parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(NameError);
          expect((error as NameError).message.length).toBeLessThan(700);
          return;
        }
        expect(name.toUpperCase()).toBe(text.toUpperCase());
        expect(parse(name)).toBe(name);
        expect(name).toMatch(/^[0-9A-Za-z][!-~]*$/);
        for (const segment of name.split('/')) {
          expect(segment).toMatch(/[^.]/);
          expect(segment.length).toBeLessThanOrEqual(255);
        }
      }),
    );
  });
});

describe('a name that joins a path', () => {
  it('holds no slash unless it is a path or a suite itself', () => {
    for (const [name, parse] of Object.entries(parsers)) {
      if (parse === parsePublicationPath || parse === parseSuite) expect(parse('a/b')).toBe('a/b');
      else expect(() => parse('a/b'), name).toThrow(NameError);
    }
  });
});

describe('the names of real packages', () => {
  it('are taken as they are', () => {
    for (const name of ['libcap2', 'g++-12', 'libstdc++6', '0ad', 'python3.11']) {
      expect(parseSourceName(name)).toBe(name);
      expect(parseBinaryName(name)).toBe(name);
    }
    for (const version of [
      '1:2.66-4+deb12u1+b2',
      '0~git20200713.3f1b1bb-1~bpo12+1',
      '2.0-1.1',
      '20230311',
      '7',
    ]) {
      expect(parseDebVersion(version)).toBe(version);
    }
    expect(parseSuite('bookworm/updates')).toBe('bookworm/updates');
    expect(parseQubeName('disp1234')).toBe('disp1234');
    expect(parseFingerprint('ab'.repeat(20))).toBe('AB'.repeat(20));
  });

  it('are refused where they cannot be what they are said to be', () => {
    for (const name of ['a', 'Libcap2', 'lib_cap', 'lib:cap', '+a']) {
      expect(() => parseBinaryName(name), name).toThrow('expected a binary package name');
    }
    for (const version of ['~1', ':1', 'a:1', '1:', '1 2', '1_2', '1234567890:1']) {
      expect(() => parseDebVersion(version), version).toThrow('expected a Debian version');
    }
    for (const qube of ['1a', '_a', 'a'.repeat(32), '@dispvm']) {
      expect(() => parseQubeName(qube), qube).toThrow('expected a qube name');
    }
    expect(() => parseFingerprint('AB'.repeat(8))).toThrow('full OpenPGP fingerprint');
    expect(() => parseSha256('AB'.repeat(32))).toThrow('lower-case');
  });
});

describe('the paths of the publication', () => {
  it('exist for packages and versions of any length', () => {
    fc.assert(
      fc.property(sourceNames, versions, (name, version) => {
        const binary = parseBinaryName(name);
        const folder = 'qubesos/deb/r4.3/vm';
        const path = metadataPath(folder, binary, parseDebVersion(version));
        expect(path.split('/')).toEqual([...folder.split('/'), 'sources', name, version, 'metadata']);
        expect(sourceFolder(folder, parseSourceName(name), parseDebVersion(version))).not.toContain(':');
      }),
    );
    expect(publicKeyPath('debian', parseFingerprint('ab'.repeat(20)))).toBe(`debian/${'AB'.repeat(20)}.asc`);
  });

  it('take what the values of these tests are made of', () => {
    fc.assert(
      fc.property(publicationPaths, poolFileNames, (path, file) => {
        expect(parsePublicationPath(path)).toBe(path);
        expect(parsePoolFileName(file)).toBe(file);
      }),
    );
  });
});

describe('withoutEpoch', () => {
  it('takes off the epoch, and no colon that is part of the version', () => {
    expect(withoutEpoch(parseDebVersion('1:2.66-4'))).toBe('2.66-4');
    expect(withoutEpoch(parseDebVersion('2.66-4'))).toBe('2.66-4');
    expect(withoutEpoch(parseDebVersion('1:2:3'))).toBe('2:3');
  });
});
