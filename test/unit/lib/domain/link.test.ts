import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLayout } from '../../../../daemons/lib/domain/layout.ts';
import {
  buildLinkName,
  mergedLinkName,
  metadataPath,
  packageProducts,
  parseLink,
  parseLinkPath,
  productNames,
  publicKeyPath,
  rebuildLink,
  sourceFolder,
} from '../../../../daemons/lib/domain/link.ts';
import {
  formatMetablock,
  type JsonObject,
  MetablockError,
  parseMetablock,
  signedBytes,
} from '../../../../daemons/lib/domain/metablock.ts';
import {
  parseArchitecture,
  parseBinaryName,
  parseDebVersion,
  parseFingerprint,
  parsePoolFileName,
  parseSha256,
  parseSourceName,
} from '../../../../daemons/lib/domain/names.ts';
import { askPython } from '../../../support/python.ts';

function product(name: string, version: string, architecture = 'amd64', pool?: string) {
  const plain = version.replace(/^\d+:/, '');
  return {
    name: parsePoolFileName(pool ?? `${name}_${plain}_${architecture}.deb`),
    package: parseBinaryName(name),
    version: parseDebVersion(version),
    architecture: parseArchitecture(architecture),
    sha256: parseSha256('ab'.repeat(32)),
  };
}

describe('productNames', () => {
  it('gives a file with an epoch its name in the pool and the one apt gives it', () => {
    expect(productNames(product('libcap2', '1:2.66-4+deb12u3+b1'))).toEqual([
      'libcap2_1%3a2.66-4+deb12u3+b1_amd64.deb',
      'libcap2_2.66-4+deb12u3+b1_amd64.deb',
    ]);
  });

  it('gives a file without an epoch one name, tilde and plus as they are', () => {
    expect(productNames(product('mxml', '3.3.1-1~deb12u1+b2', 'all'))).toEqual([
      'mxml_3.3.1-1~deb12u1+b2_all.deb',
    ]);
  });

  it('gives a package of the installer the same names, and an RPM its own alone', () => {
    expect(productNames(product('foo-udeb', '1:2-1', 'amd64', 'foo-udeb_2-1_amd64.udeb'))).toEqual([
      'foo-udeb_1%3a2-1_amd64.udeb',
      'foo-udeb_2-1_amd64.udeb',
    ]);
    const rpm = 'qubes-core-agent-4.1.23-1.fc32.x86_64.rpm';
    expect(productNames(product('qubes-core-agent', '4.1.23-1.fc32', 'amd64', rpm))).toEqual([rpm]);
  });

  it('adds the name that apt will use where a pool names its files otherwise', () => {
    expect(productNames(product('foo', '1.0', 'amd64', 'foo.deb'))).toEqual(['foo.deb', 'foo_1.0_amd64.deb']);
  });
});

describe('rebuildLink', () => {
  it('has the members of in-toto’s model, sha256 alone, and no materials', () => {
    expect(rebuildLink([product('aa', '1:1.0-1')])).toEqual({
      _type: 'link',
      name: 'rebuild',
      materials: {},
      products: {
        'aa_1.0-1_amd64.deb': { sha256: 'ab'.repeat(32) },
        'aa_1%3a1.0-1_amd64.deb': { sha256: 'ab'.repeat(32) },
      },
      byproducts: {},
      command: [],
      environment: {},
    });
  });

  it('is read back as the package files it names', () => {
    const link = rebuildLink([product('aa', '1:1.0~rc1-1+b2', 'all')]);
    expect(packageProducts(link)?.map((one) => [one.package, one.version, one.architecture])).toEqual([
      ['aa', '1:1.0~rc1-1+b2', 'all'],
      ['aa', '1.0~rc1-1+b2', 'all'],
    ]);
    const hash = { sha256: 'ab'.repeat(32) };
    const products = { 'foo-udeb_2-1_amd64.udeb': hash, 'kernel-core-6.1.9-200.fc37.x86_64.rpm': hash };
    expect(
      packageProducts({ ...link, products })?.map((one) => [one.package, one.version, one.architecture]),
    ).toEqual([
      ['foo-udeb', '2-1', 'amd64'],
      ['kernel-core', '6.1.9-200.fc37', 'x86_64'],
    ]);
    expect(
      packageProducts({ ...link, products: { 'evil.sh': { sha256: 'ab'.repeat(32) } } }),
    ).toBeUndefined();
    expect(
      packageProducts({ ...link, products: { 'aa_1_all.deb': { sha512: 'ab'.repeat(64) } } }),
    ).toBeUndefined();
  });
});

describe('the paths of the publication', () => {
  it('are those that apt’s transport and upstream’s clients ask for', () => {
    const version = parseDebVersion('1:2.66-4+b1');
    expect(metadataPath('debian', parseBinaryName('libcap2-bin'), version)).toBe(
      'debian/sources/libcap2-bin/1:2.66-4+b1/metadata',
    );
    expect(sourceFolder('qubesos/deb/r4.3/vm', parseSourceName('libcap2'), version)).toBe(
      'qubesos/deb/r4.3/vm/sources/libcap2/2.66-4+b1',
    );
    const keyid = '8deb0bef1d99feb8b9a90fb192ef6d6141641e5c';
    expect(buildLinkName(keyid, parseArchitecture('amd64'))).toBe('rebuild.8deb0bef.amd64.link');
    expect(mergedLinkName(keyid)).toBe('rebuild.8deb0bef.link');
    const folder = 'debian/sources/foo/1.0';
    for (const [name, architecture] of [
      [buildLinkName(keyid, parseArchitecture('kfreebsd-amd64')), 'kfreebsd-amd64'],
      [mergedLinkName(keyid), null],
    ] as const) {
      expect(parseLinkPath(`${folder}/${name}`)).toEqual({ folder, architecture });
    }
    for (const other of [
      'metadata',
      'rebuild.link',
      'rebuild.8DEB0BEF.link',
      'rebuild.8deb0bef.x.y.link',
      'x.link',
    ]) {
      expect([other, parseLinkPath(`${folder}/${other}`)]).toEqual([other, undefined]);
    }
    expect(publicKeyPath('debian', parseFingerprint(keyid))).toBe(`debian/${keyid.toUpperCase()}.asc`);
  });
});

const dump = `
import json, sys
from in_toto.models.metadata import Metablock
from in_toto.models.link import Link
blocks = json.load(sys.stdin)
print(json.dumps([repr(Metablock(signed=Link.read(one["signed"]), signatures=one["signatures"])) for one in blocks]))
`;

describe('formatMetablock', () => {
  it('writes the file that in-toto’s own tools write', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 10 })
      .filter((one) => !/^\d+$/.test(one));
    const blocks = fc.sample(
      fc.record({
        signatures: fc.array(
          fc.record({
            keyid: fc.constant('56f3a6bd7937a164bfdcd2c1d8e7b96678b48762'),
            other_headers: fc.constant('0400'),
            signature: fc.constant('ff'),
          }),
          { maxLength: 2 },
        ),
        signed: fc.record({
          _type: fc.constant('link' as const),
          name,
          materials: fc.constant({}),
          products: fc.dictionary(name, fc.constant({ sha256: 'ab' }), { maxKeys: 4 }),
          byproducts: fc.dictionary(name, fc.oneof(name, fc.integer(), fc.constant([])), { maxKeys: 3 }),
          command: fc.array(name, { maxLength: 3 }),
          environment: fc.constant({}),
        }),
      }),
      { numRuns: 500 },
    );
    const expected = askPython(dump, blocks) as string[];
    blocks.forEach((block, index) => {
      expect(formatMetablock(block as unknown as { signatures: []; signed: JsonObject })).toBe(
        expected[index],
      );
    });
  });
});

describe('parseMetablock', () => {
  it('answers any text with a document or a MetablockError', () => {
    const good = formatMetablock({
      signatures: [],
      signed: rebuildLink([product('aa', '1.0')]) as JsonObject,
    });
    const mutated = fc
      .record({ at: fc.nat(good.length - 1), to: fc.string({ minLength: 1, maxLength: 1 }) })
      .map(({ at, to }) => good.slice(0, at) + to + good.slice(at + 1));
    fc.assert(
      fc.property(fc.oneof(mutated, fc.json(), fc.string()), (text) => {
        try {
          const { untrusted } = parseMetablock(text);
          if (untrusted._type === 'layout') parseLayout(untrusted);
          else parseLink(untrusted);
        } catch (error) {
          expect(error).toBeInstanceOf(MetablockError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['in what was signed', '{"signed": {"a": [1.0]}}'],
    ['in the later of two that say they were signed', '{"signed": {}, "sig\\u006eed": {"a": 1e1}}'],
  ])('refuses a number that is no integer %s', (_where, text) => {
    expect(() => parseMetablock(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it.each([
    ['beside what was signed', '{"a": 1.5, "signed": {"b": "2.0", "signed": 3}, "c": {"signed": [1e1]}}'],
    ['in the earlier of two that say they were signed', '{"signed": {"a": 1.0}, "signed" : {"b": 1}}'],
  ])('does not mind one %s, as in-toto does not', (_where, text) => {
    expect(parseMetablock(text).untrusted).toHaveProperty('b');
  });

  it('refuses brackets nested without end before it parses them', () => {
    const text = `{"signed":${'['.repeat(1_000_000)}`;
    expect(() => parseMetablock(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('keeps null where an object belongs out, as in-toto does', () => {
    const { untrusted } = parseMetablock('{"signed":{"_type":"link","name":"rebuild","environment":null}}');
    expect(() => parseLink(untrusted)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});

const samples = new URL('../../../../../shared/samples/03-in-toto/', import.meta.url);

const load = `
import json, sys
from in_toto.models.metadata import Metablock
def verdict(path):
  try:
    block = Metablock.load(path)
    return [block.type_, block.signed.signable_bytes.decode()]
  except Exception as error:
    return ["refused", type(error).__name__]
print(json.dumps([verdict(path) for path in json.load(sys.stdin)]))
`;

describe.runIf(existsSync(samples))('the documents of the wild', () => {
  const files = existsSync(samples)
    ? readdirSync(samples, { recursive: true })
        .map(String)
        .filter((name) => /\.(link|layout|template)$|layout\.|example_link\.json$/.test(name))
    : [];

  it('are read or refused as in-toto itself does, and mean the same signed bytes', () => {
    const paths = files.map((name) => fileURLToPath(new URL(name, samples)));
    const expected = askPython(load, paths) as [string, string][];
    expect(expected.filter(([kind]) => kind !== 'refused').length).toBeGreaterThan(10);
    expect(expected.map(([kind]) => kind)).toContain('refused');
    paths.forEach((path, index) => {
      const [kind, bytes] = expected[index] ?? [];
      const read = readDocument(readFileSync(path, 'utf8'));
      expect(read.kind, path).toBe(kind);
      // in-toto gives a layout without an expiry a month from now.
      const timeless = (text = '') => text.replace(/"expires":"[^"]*"/, '');
      if (kind !== 'refused') expect(timeless(read.bytes), path).toBe(timeless(bytes));
    });
  });

  function readDocument(text: string): { kind: string; bytes?: string } {
    try {
      const { untrusted } = parseMetablock(text);
      const signed =
        untrusted._type === 'layout' ? parseLayout(untrusted, '2030-01-01T00:00:00Z') : parseLink(untrusted);
      return {
        kind: signed._type,
        bytes: Buffer.from(signedBytes(signed as unknown as JsonObject)).toString('utf8'),
      };
    } catch (error) {
      expect(error).toBeInstanceOf(MetablockError);
      return { kind: 'refused' };
    }
  }
});
