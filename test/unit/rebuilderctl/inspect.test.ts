import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspectFile, outline } from '../../../daemons/rebuilderctl/commands/inspect.ts';
import { CommandError } from '../../../daemons/rebuilderctl/errors.ts';

const buildinfo = `Format: 1.0
Source: hello (2.10-3)
Binary: hello
Architecture: amd64
Version: 2.10-3+b1
Checksums-Sha256:
 ${'a'.repeat(64)} 100 hello_2.10-3+b1_amd64.deb
Build-Architecture: amd64
Build-Path: /build/hello-2.10
Installed-Build-Depends:
 autoconf (= 2.71-3),
 libc6:i386 (= 2.36-9)
Environment:
 LANG="C.UTF-8"
`;

const link = {
  signatures: [{ keyid: 'ab'.repeat(20), other_headers: '04', signature: '00' }],
  signed: {
    _type: 'link',
    name: 'rebuild',
    products: { 'hello_2.10-3_amd64.deb': { sha256: 'a'.repeat(64) } },
    materials: {},
    byproducts: {},
    command: [],
    environment: {},
  },
};

function inspect(text: string) {
  return inspectFile('FILE', Buffer.from(text));
}

describe('inspectFile', () => {
  it('reads a buildinfo, signed or not', () => {
    const wanted = {
      kind: 'buildinfo',
      source: 'hello',
      sourceVersion: '2.10-3',
      version: '2.10-3+b1',
      parts: ['any'],
      buildPath: '/build/hello-2.10',
      files: [{ name: 'hello_2.10-3+b1_amd64.deb', size: 100, sha256: 'a'.repeat(64) }],
      installed: [
        { package: 'autoconf', version: '2.71-3', architecture: null },
        { package: 'libc6', version: '2.36-9', architecture: 'i386' },
      ],
    };
    expect(inspect(buildinfo)).toMatchObject(wanted);
    const signed = `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${buildinfo}-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n`;
    expect(inspect(signed)).toMatchObject(wanted);
  });

  it('reads a link with the keys that claim to have signed it', () => {
    expect(inspect(JSON.stringify(link))).toMatchObject({
      kind: 'link',
      signedBy: ['ab'.repeat(20)],
      name: 'rebuild',
      products: { 'hello_2.10-3_amd64.deb': { sha256: 'a'.repeat(64) } },
    });
  });

  it('reads a layout', () => {
    const signed = {
      _type: 'layout',
      expires: '2030-01-01T00:00:00Z',
      readme: '',
      keys: {},
      steps: [{ _type: 'step', name: 'rebuild', pubkeys: ['ab'], threshold: 1 }],
      inspect: [],
    };
    expect(inspect(JSON.stringify({ signatures: [], signed }))).toMatchObject({
      kind: 'layout',
      signedBy: [],
      expires: '2030-01-01T00:00:00Z',
      steps: [{ name: 'rebuild', threshold: 1 }],
    });
  });

  it('answers anything else with one line that names the file', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json(), fc.constant('{}')), (text) => {
        let error: unknown;
        try {
          inspect(text);
        } catch (caught) {
          error = caught;
        }
        expect(error).toBeInstanceOf(CommandError);
        expect((error as Error).message).toMatch(/^FILE: .+$/);
      }),
    );
  });
});

describe('outline', () => {
  it('shows members in order, short lists on one line', () => {
    expect(outline({ kind: 'x', none: null, words: ['a', 'b'], files: [{ name: 'f' }], odd: ' \n' })).toEqual(
      ['kind: x', 'none: none', 'words: a b', 'files:', '  -', '    name: f', 'odd: " \\n"'],
    );
  });
});
